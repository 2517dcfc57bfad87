//! New codes like those of training images: a mixture over whole curves `t ↦ z(t)`.
use super::SampleError;
use super::codes::Codes;
use super::mixture::GaussianMixture;
use super::noise::NoiseRows;
use super::principal::Principal;
use crate::random::Seed;
use nalgebra::DMatrix;

/// Principal components of the curves that the mixture is fitted to.
const COMPONENTS_KEPT: usize = 64;

/// A mixture over whole curves `t ↦ z(t)`: a code's values at different t belong together.
#[derive(Clone, Debug)]
pub struct CodeMixture {
    levels: Vec<f64>,
    principal: Principal,
    mixture: GaussianMixture,
    /// Smallest and largest value of each number of a curve.
    limits: Vec<(f32, f32)>,
}

impl CodeMixture {
    /// Fits `components` Gaussians to the first 64 principal components of the curves `values` `[N, T, d]` at ascending
    /// `levels`, T of them.
    ///
    /// # Errors
    /// No component, or more than curves; a code that isn't finite.
    ///
    /// # Panics
    /// If the values aren't whole curves.
    pub fn fit(
        levels: &[f64],
        values: &[f32],
        dim: usize,
        components: usize,
        seed: Seed,
    ) -> Result<Self, SampleError> {
        let length = levels.len() * dim;
        assert!(length > 0 && values.len().is_multiple_of(length), "curves of {length} numbers");
        if let Some(place) = values.iter().position(|v| !v.is_finite()) {
            return Err(SampleError::NotFinite { what: "a code is", t: levels[place % length / dim] });
        }
        let mut limits = vec![(f32::INFINITY, f32::NEG_INFINITY); length];
        for curve in values.chunks(length) {
            for (limits, &v) in limits.iter_mut().zip(curve) {
                *limits = (limits.0.min(v), limits.1.max(v));
            }
        }
        let rows =
            DMatrix::from_iterator(length, values.len() / length, values.iter().map(|&v| f64::from(v)));
        let (principal, coordinates) = Principal::fit(rows, COMPONENTS_KEPT, seed);
        let mixture = GaussianMixture::fit_columns(&coordinates, components, seed)?;
        Ok(Self { levels: levels.to_vec(), principal, mixture, limits })
    }

    /// A curve for each row of `noise`; no number of it leaves the range that it has in the curves fitted to (codes
    /// that are pooled after a ReLU are never negative).
    pub fn sample(&self, noise: &NoiseRows) -> Codes {
        let curves = self.principal.lift(&self.mixture.draw(noise));
        let clipped = |curve: nalgebra::DVectorView<f64>| -> Vec<f32> {
            curve.iter().zip(&self.limits).map(|(&v, &(low, high))| (v as f32).clamp(low, high)).collect()
        };
        Codes::Curves {
            levels: self.levels.clone(),
            values: curves.column_iter().flat_map(clipped).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::mixture::tests::two_clusters;
    use super::*;
    use crate::sample::noise::Stream;

    #[test]
    fn sampled_codes_have_the_moments_of_those_fitted_to() {
        let rows = two_clusters(3000);
        let mixture = CodeMixture::fit(&[0.0], &rows, 2, 2, Seed(0)).unwrap();
        let Codes::Curves { values, .. } = mixture.sample(&NoiseRows::distinct(Seed(1), 3000)) else {
            unreachable!()
        };
        let moments = |values: &[f32], axis: usize| {
            let column: Vec<f64> = values.iter().skip(axis).step_by(2).map(|&v| f64::from(v)).collect();
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            (mean, column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / column.len() as f64)
        };
        for axis in 0..2 {
            let (a, b) = (moments(&values, axis), moments(&rows, axis));
            assert!((a.0 - b.0).abs() < 0.06 * b.1.sqrt(), "{a:?} {b:?}");
            assert!((a.1 / b.1 - 1.0).abs() < 0.06, "{a:?} {b:?}");
        }
    }

    #[test]
    fn curves_stay_curves_and_in_their_range() {
        // Rows of three levels of 40 numbers: more than the components that are kept, all on lines z(t) = a·(1 + t).
        let levels = [0.0, 0.5, 1.0];
        let mut a = vec![0.0; 200];
        NoiseRows::distinct(Seed(3), 200).uniform(Stream::Start, 0, 1, &mut a);
        let values: Vec<f32> =
            a.iter().flat_map(|a| levels.map(|t| vec![a * (1.0 + t as f32); 40]).concat()).collect();
        let mixture = CodeMixture::fit(&levels, &values, 40, 3, Seed(0)).unwrap();
        let Codes::Curves { values, .. } = mixture.sample(&NoiseRows::distinct(Seed(1), 50)) else {
            unreachable!()
        };
        for curve in values.chunks(120) {
            let start = curve[0];
            assert!((0.0..=1.0).contains(&start), "{start}");
            assert!(
                (curve[40] - 1.5 * start).abs() < 0.02 && (curve[80] - 2.0 * start).abs() < 0.02,
                "{curve:?}"
            );
        }
    }

    #[test]
    fn equal_codes_and_wrong_numbers_of_components() {
        let mixture = CodeMixture::fit(&[0.0], &[0.5; 40], 2, 3, Seed(0)).unwrap();
        let Codes::Curves { values, .. } = mixture.sample(&NoiseRows::distinct(Seed(1), 4)) else {
            unreachable!()
        };
        assert_eq!(values, [0.5; 8]);
        let error = GaussianMixture::fit(&[0.0; 4], 2, 3, Seed(0)).unwrap_err().to_string();
        assert_eq!(error, "--components is 3, expected 1 to 2, the number of codes that it is fitted to");
        let error = CodeMixture::fit(&[0.2], &[f32::NAN; 4], 2, 1, Seed(0)).unwrap_err().to_string();
        assert!(error.contains("a code is not finite at t = 0.2"), "{error}");
    }
}
