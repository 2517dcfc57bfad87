//! Cutout (DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017).
use crate::data::ImageShape;
use crate::data::resample::luma;

/// The colour that LaplaceNet fills with.
const FILL: [f32; 3] = [125.0 / 255.0, 123.0 / 255.0, 114.0 / 255.0];

/// Fills a square of `side` pixels whose centre lies at the part `[x, y]` of width and height. As PIL draws it: from the
/// clipped upper left corner, the far edges included.
pub(super) fn cut(image: &mut [f32], shape: ImageShape, side: f64, [x, y]: [f64; 2]) {
    if side <= 0.0 {
        return;
    }
    let range = |length: usize, centre: f64| {
        let first = (centre * length as f64 - side / 2.0).max(0.0).floor();
        let last = (first + side).min(length as f64).floor() as usize;
        first as usize..(last + 1).min(length)
    };
    for row in range(shape.height, y) {
        for column in range(shape.width, x) {
            let pixel = &mut image[(row * shape.width + column) * shape.channels..][..shape.channels];
            match shape.channels {
                3 => pixel.copy_from_slice(&FILL),
                _ => pixel.fill(luma(&FILL)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_columns(side: f64, at: [f64; 2]) -> Vec<usize> {
        let shape = ImageShape { height: 4, width: 4, channels: 1 };
        let mut image = vec![1.0; 16];
        cut(&mut image, shape, side, at);
        (0..16).filter(|&i| image[i] != 1.0).collect()
    }

    #[test]
    fn the_square_lies_around_its_centre_and_ends_at_the_border() {
        assert_eq!(cut_columns(1.0, [0.5, 0.5]), [5, 6, 9, 10]);
        assert_eq!(cut_columns(1.0, [0.999, 0.0]), [3, 7]);
        assert!(cut_columns(0.0, [0.5, 0.5]).is_empty());
    }
}
