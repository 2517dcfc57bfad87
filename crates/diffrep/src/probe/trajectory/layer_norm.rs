//! Layer norm (Ba et al., 2016) in a head's flat parameters.

const EPSILON: f32 = 1e-5;

/// Scale γ `[width]`, then shift β `[width]`, from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerNorm {
    start: usize,
    width: usize,
}

/// What the backward pass needs.
#[derive(Clone, Debug, Default)]
pub struct Normalised {
    /// Rows with mean 0 and variance 1.
    values: Vec<f32>,
    /// 1/√(variance + ε) of each row.
    inverse: Vec<f32>,
}

impl LayerNorm {
    /// A layer at `place`, which moves behind it.
    pub fn new(place: &mut usize, width: usize) -> Self {
        let layer = Self { start: *place, width };
        *place += 2 * width;
        layer
    }

    /// γ = 1, β = 0.
    pub fn init(self, parameters: &mut [f32]) {
        let (gamma, beta) = parameters[self.start..][..2 * self.width].split_at_mut(self.width);
        gamma.fill(1.0);
        beta.fill(0.0);
    }

    /// Replaces the rows of `x` by γ·normalised + β.
    pub fn forward(self, parameters: &[f32], x: &mut [f32], normalised: &mut Normalised) {
        let (gamma, beta) = parameters[self.start..][..2 * self.width].split_at(self.width);
        normalised.values.clear();
        normalised.inverse.clear();
        for row in x.chunks_exact_mut(self.width) {
            let mean = row.iter().sum::<f32>() / self.width as f32;
            row.iter_mut().for_each(|v| *v -= mean);
            let variance = row.iter().map(|v| v * v).sum::<f32>() / self.width as f32;
            let inverse = 1.0 / (variance + EPSILON).sqrt();
            row.iter_mut().for_each(|v| *v *= inverse);
            normalised.values.extend_from_slice(row);
            normalised.inverse.push(inverse);
            row.iter_mut().zip(gamma).zip(beta).for_each(|((v, gamma), beta)| *v = *v * gamma + beta);
        }
    }

    /// Turns the gradient of the outputs into that of the inputs, and adds those of γ and β to `gradient`.
    pub fn backward(
        self,
        parameters: &[f32],
        normalised: &Normalised,
        upstream: &mut [f32],
        gradient: &mut [f32],
    ) {
        let gamma = &parameters[self.start..][..self.width];
        let (to_gamma, to_beta) = gradient[self.start..][..2 * self.width].split_at_mut(self.width);
        let n = self.width as f32;
        let rows = upstream.chunks_exact_mut(self.width).zip(normalised.values.chunks_exact(self.width));
        for ((row, normal), inverse) in rows.zip(&normalised.inverse) {
            for j in 0..self.width {
                to_gamma[j] += row[j] * normal[j];
                to_beta[j] += row[j];
                row[j] *= gamma[j];
            }
            let mean = row.iter().sum::<f32>() / n;
            let product = row.iter().zip(normal).map(|(g, v)| g * v).sum::<f32>() / n;
            row.iter_mut().zip(normal).for_each(|(g, v)| *g = (*g - mean - product * v) * inverse);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Mean 2, variance 1: normalised (−1, 1) but for ε.
    #[test]
    fn a_small_case_by_hand() {
        let (mut place, mut kept) = (1, Normalised::default());
        let norm = LayerNorm::new(&mut place, 2);
        let parameters = [9.0, 2.0, 3.0, 0.5, 0.0];
        let mut x = [1.0, 3.0];
        norm.forward(&parameters, &mut x, &mut kept);
        assert!((x[0] + 1.5).abs() < 1e-4 && (x[1] - 3.0).abs() < 1e-4);
        // Two normalised numbers don't change with their inputs: only γ and β get a gradient.
        let (mut upstream, mut gradient) = ([1.0, 1.0], [0.0; 5]);
        norm.backward(&parameters, &kept, &mut upstream, &mut gradient);
        assert!(upstream.iter().all(|g| g.abs() < 1e-4));
        assert!((gradient[1] + 1.0).abs() < 1e-4 && (gradient[2] - 1.0).abs() < 1e-4);
        assert_eq!(gradient[3..], [1.0, 1.0]);
        assert_eq!(place, 5);
    }
}
