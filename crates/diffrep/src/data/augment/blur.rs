//! Gaussian blur.
use super::strong::mirrored;
use crate::data::ImageShape;

/// Blurs with standard deviation `sigma` in pixels. The kernel has odd length, about a tenth of the shorter side and at
/// least 3 (SimCLR's rule); beyond the border the image is mirrored, without repeating the border's pixel.
pub(super) fn gaussian(image: &mut [f32], shape: ImageShape, sigma: f64) {
    let weights = kernel(shape.height.min(shape.width), sigma);
    let mut between = vec![0.0; image.len()];
    let pixel = shape.channels;
    pass(image, &mut between, &weights, [shape.height * shape.width, shape.width, 1], pixel);
    pass(&between, image, &weights, [shape.height * shape.width, shape.height, shape.width], pixel);
}

/// Sums along an axis of `length` positions that lie `step` pixels apart.
fn pass(from: &[f32], to: &mut [f32], weights: &[f32], [pixels, length, step]: [usize; 3], channels: usize) {
    let radius = weights.len() / 2;
    for at in 0..pixels {
        let place = at / step % length;
        let target = &mut to[at * channels..][..channels];
        target.fill(0.0);
        for (offset, weight) in weights.iter().enumerate() {
            let other = mirrored((place + offset) as isize - radius as isize, length);
            let source = &from[(at - place * step + other * step) * channels..][..channels];
            target.iter_mut().zip(source).for_each(|(sum, value)| *sum += weight * value);
        }
    }
}

fn kernel(side: usize, sigma: f64) -> Vec<f32> {
    let radius = (side / 20).max(1) as i64;
    let weights: Vec<f64> = (-radius..=radius).map(|d| (-0.5 * (d as f64 / sigma).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_the_product_of_two_kernels() {
        let mut image = [0.0; 25];
        image[12] = 1.0;
        gaussian(&mut image, ImageShape { height: 5, width: 5, channels: 1 }, 1.0);
        // e^−½ = 0.60653; 1/(1 + 2·0.60653) = 0.45186, and 0.27407 beside it.
        let (centre, side) = (0.451_862_8f32, 0.274_068_6f32);
        assert!((image[12] - centre * centre).abs() < 1e-6);
        assert!((image[11] - centre * side).abs() < 1e-6);
        assert!((image[6] - side * side).abs() < 1e-6);
        assert_eq!(image[10], 0.0);
        assert!((image.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn an_even_image_stays_even_up_to_the_border() {
        for (height, width) in [(1, 1), (1, 7), (3, 2), (40, 41)] {
            let shape = ImageShape { height, width, channels: 2 };
            let mut image = [0.25, 0.5].repeat(height * width);
            gaussian(&mut image, shape, 2.0);
            assert!(image.chunks(2).all(|p| (p[0] - 0.25).abs() < 1e-6 && (p[1] - 0.5).abs() < 1e-6));
        }
    }

    #[test]
    fn the_kernel_grows_with_the_side() {
        assert_eq!([8, 32, 60, 96].map(|side| kernel(side, 1.0).len()), [3, 3, 7, 9]);
    }
}
