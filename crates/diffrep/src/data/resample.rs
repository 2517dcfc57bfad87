//! The one rule by which images of any size and colour become images of one shape.
//!
//! Size: the largest centred window of the target's proportions, resampled by a triangle filter as wide as the
//! reduction (bilinear with antialiasing). Colour: transparent pixels lie on white; grey from colour is the luma of
//! ITU-R BT.601; colour from grey repeats it.
use super::ImageShape;

const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Brings pixels of `samples` values in [0, 1] (grey, grey + alpha, RGB or RGBA) to 1 or 3 channels.
/// Other combinations of samples and channels have the same number and are copied.
pub(crate) fn convert(pixels: &[f32], samples: usize, channels: usize, out: &mut [f32]) {
    for (pixel, converted) in pixels.chunks(samples).zip(out.chunks_mut(channels)) {
        let (colour, alpha) = match pixel {
            [colour @ .., alpha] if samples.is_multiple_of(2) && samples != channels => (colour, *alpha),
            colour => (colour, 1.0),
        };
        let on_white = |value: f32| value * alpha + (1.0 - alpha);
        match (colour, converted) {
            (rgb @ [_, _, _], [grey]) => *grey = on_white(luma(rgb)),
            ([grey], converted) => converted.fill(on_white(*grey)),
            (colour, converted) => {
                converted.iter_mut().zip(colour).for_each(|(value, &colour)| *value = on_white(colour));
            }
        }
    }
}

/// The grey of a red, green and blue pixel.
pub(crate) fn luma(pixel: &[f32]) -> f32 {
    pixel.iter().zip(LUMA).map(|(value, weight)| value * weight).sum()
}

/// Resamples an image of `height` × `width` to `shape`. `line(y, out)` gives a row of pixels with the channels of
/// `shape`; rows are asked for once, from top to bottom, so only one is in memory.
pub(crate) fn resample(
    height: usize,
    width: usize,
    shape: ImageShape,
    line: impl FnMut(usize, &mut [f32]),
    out: &mut [f32],
) {
    let (mut window_height, mut window_width) = (height as f64, width as f64);
    if width * shape.height > height * shape.width {
        window_width = window_height * shape.width as f64 / shape.height as f64;
    } else {
        window_height = window_width * shape.height as f64 / shape.width as f64;
    }
    resample_window([height, width], [window_height, window_width], shape, line, out);
}

/// The same with the whole image, whose proportions may change.
pub(crate) fn squeeze(
    height: usize,
    width: usize,
    shape: ImageShape,
    line: impl FnMut(usize, &mut [f32]),
    out: &mut [f32],
) {
    resample_window([height, width], [height as f64, width as f64], shape, line, out);
}

/// The centred window of an image of `height` × `width`, resampled to `shape`.
fn resample_window(
    [height, width]: [usize; 2],
    [window_height, window_width]: [f64; 2],
    shape: ImageShape,
    mut line: impl FnMut(usize, &mut [f32]),
    out: &mut [f32],
) {
    let columns = taps_of_part(width, centred(width, window_width), shape.width);
    let mut by_line: Vec<Vec<(usize, f32)>> = vec![Vec::new(); height];
    for (y, tap) in taps_of_part(height, centred(height, window_height), shape.height).iter().enumerate() {
        for (offset, &weight) in tap.weights.iter().enumerate() {
            by_line[tap.first + offset].push((y, weight));
        }
    }
    let row = shape.width * shape.channels;
    let (mut source, mut narrow) = (vec![0.0; width * shape.channels], vec![0.0; row]);
    out.fill(0.0);
    for (y, targets) in by_line.iter().enumerate().filter(|(_, targets)| !targets.is_empty()) {
        line(y, &mut source);
        for (tap, pixel) in columns.iter().zip(narrow.chunks_mut(shape.channels)) {
            pixel.fill(0.0);
            let window = source[tap.first * shape.channels..].chunks(shape.channels);
            for (&weight, from) in tap.weights.iter().zip(window) {
                pixel.iter_mut().zip(from).for_each(|(sum, value)| *sum += weight * value);
            }
        }
        for &(target, weight) in targets {
            let target = &mut out[target * row..][..row];
            target.iter_mut().zip(&narrow).for_each(|(sum, value)| *sum += weight * value);
        }
    }
}

/// Which source pixels an output pixel is the weighted mean of.
pub(crate) struct Tap {
    /// The first of them.
    pub(crate) first: usize,
    /// Their weights, which sum to 1.
    pub(crate) weights: Vec<f32>,
}

/// Start and length of the centred window of `window` pixels out of `from`.
fn centred(from: usize, window: f64) -> (f64, f64) {
    ((from as f64 - window) / 2.0, window)
}

/// Taps along one axis, from the pixels `first..first + length` to `to` pixels; no others are looked at.
pub(crate) fn taps((first, length): (usize, usize), to: usize) -> Vec<Tap> {
    let inside = taps_of_part(length, (0.0, length as f64), to);
    inside.into_iter().map(|tap| Tap { first: first + tap.first, ..tap }).collect()
}

/// Taps along one axis of `from` pixels, from the part that begins at `start` and is `length` long, to `to` pixels.
/// Pixels beside the part count where the filter reaches them.
fn taps_of_part(from: usize, (start, length): (f64, f64), to: usize) -> Vec<Tap> {
    let scale = length / to as f64;
    let support = scale.max(1.0);
    let tap = |place: usize| {
        let centre = start + (place as f64 + 0.5) * scale;
        let first = (centre - support - 0.5).ceil().max(0.0) as usize;
        let last = ((centre + support - 0.5).floor().max(0.0) as usize).min(from - 1);
        let weight = |pixel: usize| (1.0 - (pixel as f64 + 0.5 - centre).abs() / support).max(0.0);
        let total: f64 = (first..=last).map(weight).sum();
        Tap { first, weights: (first..=last).map(|pixel| (weight(pixel) / total) as f32).collect() }
    };
    (0..to).map(tap).collect()
}
