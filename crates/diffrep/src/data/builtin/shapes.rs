//! Generated colour images whose factors are known, from coarse (background) to fine (texture).
//!
//! An object of one of four shapes and six colours lies at one of nine places on a ground of one of six colours; a
//! cosine of one of four orientations, period 2 px and amplitude 0.1, lies over all. Factors are independent and
//! uniform. The centre moves by up to 1 px around its place, so that no two images are the same.
use crate::{
    data::{Dataset, ImageSet, ImageShape, LabelColumn, source::ByteImages},
    random::{Purpose, Seed},
};
use rayon::prelude::*;
use std::{f32::consts::PI, sync::Arc};

const SIDE: usize = 32;
const SHAPE: ImageShape = ImageShape { height: SIDE, width: SIDE, channels: 3 };
const TRAIN: usize = 10_000;
const TEST: usize = 2_000;
const SEED: Seed = Seed(0);

const SHAPES: [&str; 4] = ["disc", "square", "triangle", "cross"];
const PLACES: [&str; 9] =
    ["top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"];
/// Centres of the places along one axis, in pixels.
const CENTRES: [f32; 3] = [7.0, 16.0, 25.0];
const RADIUS: f32 = 5.5;
const JITTER: f32 = 1.0;
pub(in crate::data) const FOREGROUND: [(&str, [f32; 3]); 6] = [
    ("red", [0.85, 0.15, 0.15]),
    ("green", [0.15, 0.75, 0.20]),
    ("blue", [0.20, 0.30, 0.90]),
    ("yellow", [0.90, 0.85, 0.20]),
    ("magenta", [0.85, 0.20, 0.80]),
    ("cyan", [0.20, 0.85, 0.85]),
];
/// Duller than the foreground, so that an object always stands out from its ground.
pub(in crate::data) const BACKGROUND: [(&str, [f32; 3]); 6] = [
    ("black", [0.12, 0.12, 0.12]),
    ("grey", [0.50, 0.50, 0.50]),
    ("white", [0.88, 0.88, 0.88]),
    ("brown", [0.40, 0.26, 0.16]),
    ("navy", [0.14, 0.16, 0.40]),
    ("olive", [0.36, 0.40, 0.16]),
];
/// Directions along which the texture varies, in degrees from the horizontal.
const TEXTURES: [(&str, f32); 4] = [("0°", 0.0), ("45°", 45.0), ("90°", 90.0), ("135°", 135.0)];
const AMPLITUDE: f32 = 0.1;
const PERIOD: f32 = 2.0;

/// What an image shows: indices into the tables above, and the centre in pixels.
struct Scene {
    factors: [usize; 5],
    centre: (f32, f32),
}

pub(super) fn open() -> Dataset {
    Dataset::new("shapes", generate(0, TRAIN), Some(generate(TRAIN, TEST)))
}

fn generate(first: usize, count: usize) -> ImageSet {
    let scenes: Vec<Scene> = (first..first + count).map(scene).collect();
    let mut bytes = vec![0; count * SHAPE.len()];
    scenes.par_iter().zip(bytes.par_chunks_mut(SHAPE.len())).for_each(|(scene, image)| draw(scene, image));
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let columns = [
        ("shape", names(&SHAPES)),
        ("place", names(&PLACES)),
        ("foreground", names(&FOREGROUND.map(|(name, _)| name))),
        ("background", names(&BACKGROUND.map(|(name, _)| name))),
        ("texture", names(&TEXTURES.map(|(name, _)| name))),
    ];
    let columns = columns.into_iter().enumerate().map(|(factor, (name, classes))| LabelColumn {
        name: name.to_owned(),
        classes,
        values: scenes.iter().map(|scene| Some(scene.factors[factor] as u32)).collect(),
    });
    ImageSet::new(Arc::new(ByteImages::new(SHAPE, bytes)), columns.collect())
}

fn scene(row: usize) -> Scene {
    let mut uniform = [0f32; 7];
    SEED.key(Purpose::Generate, 0, 0).fill_uniform(row as u32, &mut uniform);
    let sizes = [SHAPES.len(), PLACES.len(), FOREGROUND.len(), BACKGROUND.len(), TEXTURES.len()];
    let factors: [usize; 5] = std::array::from_fn(|factor| (uniform[factor] * sizes[factor] as f32) as usize);
    let jitter = |u: f32| JITTER * (2.0 * u - 1.0);
    let centre = (CENTRES[factors[1] % 3] + jitter(uniform[5]), CENTRES[factors[1] / 3] + jitter(uniform[6]));
    Scene { factors, centre }
}

fn draw(scene: &Scene, image: &mut [u8]) {
    let [shape, _, foreground, background, texture] = scene.factors;
    let (foreground, background) = (FOREGROUND[foreground].1, BACKGROUND[background].1);
    let (sin, cos) = TEXTURES[texture].1.to_radians().sin_cos();
    for (place, pixel) in image.chunks_mut(3).enumerate() {
        let (x, y) = ((place % SIDE) as f32, (place / SIDE) as f32);
        let wave = AMPLITUDE * (2.0 * PI / PERIOD * (x * cos + y * sin)).cos();
        let distance = distance(shape, x + 0.5 - scene.centre.0, y + 0.5 - scene.centre.1);
        // The share of the pixel that the object covers, to first order in the distance from its edge.
        let cover = (0.5 - distance).clamp(0.0, 1.0);
        for (channel, byte) in pixel.iter_mut().enumerate() {
            let colour = cover * foreground[channel] + (1.0 - cover) * background[channel];
            *byte = ((colour + wave).clamp(0.0, 1.0) * 255.0).round() as u8;
        }
    }
}

/// Signed distance in pixels to the edge of a shape around the origin, negative inside.
fn distance(shape: usize, x: f32, y: f32) -> f32 {
    let rectangle = |half_width: f32, half_height: f32| (x.abs() - half_width).max(y.abs() - half_height);
    match shape {
        0 => x.hypot(y) - RADIUS,
        // Sides chosen so that the areas are alike.
        1 => rectangle(0.87 * RADIUS, 0.87 * RADIUS),
        2 => (0.866 * x.abs() - 0.5 * y - 0.6 * RADIUS).max(y - 0.75 * RADIUS),
        _ => rectangle(RADIUS, 0.33 * RADIUS).min(rectangle(0.33 * RADIUS, RADIUS)),
    }
}
