//! Batch norm and group norm of channels-last data, fused with the activation that follows.
//!
//! Both compute `y = activation(scale · x + shift)` with `scale = γ/√(variance + ε)` and `shift = β − mean · scale`; they
//! differ in what the statistics are taken over.
pub mod affine;
pub mod batch;
pub mod group;
mod rows;

/// Mean and sum of squared deviations of some numbers, merged pairwise (Chan, Golub and LeVeque, 1979) in f64.
#[derive(Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    deviation: f64,
}

impl Moments {
    /// From sums of `x − origin` and `(x − origin)²`.
    fn from_sums(count: usize, origin: f32, sum: f32, squares: f32) -> Self {
        let (count, sum) = (count as f64, f64::from(sum));
        let deviation = (f64::from(squares) - sum * sum / count).max(0.0);
        Self { count, mean: f64::from(origin) + sum / count, deviation }
    }

    fn merge(self, other: Self) -> Self {
        let count = self.count + other.count;
        let distance = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + distance * other.count / count,
            deviation: self.deviation
                + other.deviation
                + distance * distance * self.count * other.count / count,
        }
    }

    fn variance(self) -> f64 {
        self.deviation / self.count
    }
}

/// `(scale, shift)` of one channel.
fn fold(gamma: f32, beta: f32, mean: f32, inverse_root: f64) -> (f32, f32) {
    let scale = f64::from(gamma) * inverse_root;
    (scale as f32, (f64::from(beta) - f64::from(mean) * scale) as f32)
}

/// The data gradient is `scale · g + x_factor · x + constant` with `g` the gradient before the activation, where
/// `sum = Σ γ g` and `product = Σ γ g (x − mean)` over the `count` numbers that share statistics.
fn data_gradient(sum: f64, product: f64, count: f64, mean: f32, inverse_root: f64) -> (f32, f32) {
    let slope = inverse_root.powi(3) * product / count;
    (-slope as f32, (slope * f64::from(mean) - inverse_root * sum / count) as f32)
}
