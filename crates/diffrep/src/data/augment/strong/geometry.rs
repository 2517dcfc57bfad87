//! Operations that move pixels; the nearest pixel is taken, and black comes in from outside.
use crate::data::ImageShape;

/// Each pixel becomes the one at `x' = a x + b y + c`, `y' = d x + e y + f` of its centre, black outside (PIL's AFFINE).
pub(super) fn affine(image: &mut [f32], shape: ImageShape, [a, b, c]: [f64; 3], [d, e, f]: [f64; 3]) {
    let from = image.to_vec();
    let channels = shape.channels;
    for (i, pixel) in image.chunks_mut(channels).enumerate() {
        let (x, y) = ((i % shape.width) as f64 + 0.5, (i / shape.width) as f64 + 0.5);
        let (x, y) = ((a * x + b * y + c).floor(), (d * x + e * y + f).floor());
        let inside = (0.0..shape.width as f64).contains(&x) && (0.0..shape.height as f64).contains(&y);
        if inside {
            pixel.copy_from_slice(&from[(y as usize * shape.width + x as usize) * channels..][..channels]);
        } else {
            pixel.fill(0.0);
        }
    }
}

/// Turns the image counter-clockwise around its centre.
pub(super) fn rotate(image: &mut [f32], shape: ImageShape, degrees: f64) {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let (x, y) = (shape.width as f64 / 2.0, shape.height as f64 / 2.0);
    affine(image, shape, [cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y]);
}

/// Shows the window that begins `[down, right]` pixels from the image's corner; what lies outside is mirrored at the
/// centres of the border's pixels.
pub(super) fn shift_mirrored(image: &mut [f32], shape: ImageShape, [down, right]: [isize; 2]) {
    let from = image.to_vec();
    let channels = shape.channels;
    for (i, pixel) in image.chunks_mut(channels).enumerate() {
        let y = mirrored((i / shape.width) as isize + down, shape.height);
        let x = mirrored((i % shape.width) as isize + right, shape.width);
        pixel.copy_from_slice(&from[(y * shape.width + x) * channels..][..channels]);
    }
}

/// The position of `place` after mirroring without repeating the border.
pub(in crate::data::augment) fn mirrored(place: isize, length: usize) -> usize {
    let last = length as isize - 1;
    if last == 0 {
        return 0;
    }
    let folded = place.rem_euclid(2 * last);
    folded.min(2 * last - folded) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 3, width: 3, channels: 1 };
    const NUMBERS: [f32; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

    fn moved(change: impl Fn(&mut [f32])) -> Vec<f32> {
        let mut image = NUMBERS.to_vec();
        change(&mut image);
        image
    }

    #[test]
    fn a_translation_brings_black_in() {
        let image = moved(|image| affine(image, SHAPE, [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]));
        assert_eq!(image, [0.2, 0.3, 0.0, 0.5, 0.6, 0.0, 0.8, 0.9, 0.0]);
    }

    #[test]
    fn a_shear_moves_lower_rows_further() {
        // Row y looks at x + ⌊0.5 + 0.4 (y + 0.5)⌋: 0, 1, 1 pixels to the right.
        let image = moved(|image| affine(image, SHAPE, [1.0, 0.4, 0.0], [0.0, 1.0, 0.0]));
        assert_eq!(image, [0.1, 0.2, 0.3, 0.5, 0.6, 0.0, 0.8, 0.9, 0.0]);
    }

    #[test]
    fn a_quarter_turn_is_counter_clockwise() {
        let image = moved(|image| rotate(image, SHAPE, 90.0));
        assert_eq!(image, [0.3, 0.6, 0.9, 0.2, 0.5, 0.8, 0.1, 0.4, 0.7]);
    }

    #[test]
    fn a_shifted_window_shows_mirrored_pixels() {
        let image = moved(|image| shift_mirrored(image, SHAPE, [-1, 1]));
        assert_eq!(image, [0.5, 0.6, 0.5, 0.2, 0.3, 0.2, 0.5, 0.6, 0.5]);
    }

    #[test]
    fn the_border_is_mirrored_without_itself() {
        assert_eq!([-2, -1, 0, 3, 4, 5].map(|place| mirrored(place, 4)), [2, 1, 0, 3, 2, 1]);
        assert_eq!(mirrored(3, 1), 0);
    }
}
