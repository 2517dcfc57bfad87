//! Between two images: spherically in x_T, linearly in z.

/// A path between two images.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpolation {
    /// The pictures on the way, the first and the last being the ends: pixels in [0, 1], `[N, H, W, C]`.
    pub pixels: Vec<f32>,
    /// Root mean square difference of each end to its image, in pixels.
    pub end_errors: [f64; 2],
    /// Evaluations of the score: from the images to noise, and back.
    pub evaluations: usize,
}

/// The point at `part` in [0, 1] on the great circle from `a` to `b`; the straight line where they (nearly) point the
/// same way or opposite ones (Shoemake, "Animating rotation with quaternion curves", 1985).
///
/// Of two independent Gaussian noises every point is as long as they are, as the sampler expects; a straight line's
/// middle would be shorter by √2.
pub fn slerp(a: &[f32], b: &[f32], part: f64) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let angle = (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).clamp(-1.0, 1.0).acos();
    let (of_a, of_b) = if angle.is_finite() && angle.sin() > 1e-4 {
        (((1.0 - part) * angle).sin() / angle.sin(), (part * angle).sin() / angle.sin())
    } else {
        (1.0 - part, part)
    };
    a.iter().zip(b).map(|(a, b)| (of_a * f64::from(*a) + of_b * f64::from(*b)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_stays_on_the_sphere_and_ends_where_it_should() {
        let (a, b) = ([3.0, 0.0, 0.0], [0.0, 0.0, 3.0]);
        assert_eq!(slerp(&a, &b, 0.0), a);
        for (found, expected) in slerp(&a, &b, 1.0).iter().zip(b) {
            assert!((found - expected).abs() < 1e-6);
        }
        let third = slerp(&a, &b, 1.0 / 3.0);
        assert!((third[0] - 3.0 * 30f32.to_radians().cos()).abs() < 1e-5, "{third:?}");
        assert!((third[2] - 1.5).abs() < 1e-5, "{third:?}");
    }

    #[test]
    fn directions_that_agree_and_zeros_give_a_straight_line() {
        assert_eq!(slerp(&[1.0, 1.0], &[2.0, 2.0], 0.5), [1.5, 1.5]);
        assert_eq!(slerp(&[0.0, 0.0], &[2.0, 0.0], 0.5), [1.0, 0.0]);
    }
}
