//! Adam for one flat buffer of parameters.

/// Kingma and Ba, "Adam" (2014), β 0.9/0.999, ε 1e-8, with L2 weight decay in the gradient as PyTorch's `Adam`.
pub struct Adam {
    first: Vec<f32>,
    second: Vec<f32>,
    learning_rate: f64,
    weight_decay: f32,
    step: i32,
}

impl Adam {
    pub fn new(parameters: usize, learning_rate: f64, weight_decay: f64) -> Self {
        let zeros = vec![0.0; parameters];
        Self {
            first: zeros.clone(),
            second: zeros,
            learning_rate,
            weight_decay: weight_decay as f32,
            step: 0,
        }
    }

    pub fn update(&mut self, parameters: &mut [f32], gradient: &[f32]) {
        const BETA: (f32, f32) = (0.9, 0.999);
        self.step += 1;
        let rate = (self.learning_rate / (1.0 - 0.9f64.powi(self.step))) as f32;
        let correction = (1.0 / (1.0 - 0.999f64.powi(self.step))).sqrt() as f32;
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((p, g), (m, v)) in parameters.iter_mut().zip(gradient).zip(moments) {
            let g = g + self.weight_decay * *p;
            *m = BETA.0 * *m + (1.0 - BETA.0) * g;
            *v = BETA.1 * *v + (1.0 - BETA.1) * g * g;
            *p -= rate * *m / (v.sqrt() * correction + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Two steps by hand: with a constant gradient g both corrected moments are g and g², so each step is
    // lr·g/(|g| + ε).
    #[test]
    fn a_constant_gradient_moves_by_the_learning_rate() {
        let mut adam = Adam::new(2, 0.01, 0.0);
        let mut p = [1.0, 1.0];
        adam.update(&mut p, &[0.5, -3.0]);
        adam.update(&mut p, &[0.5, -3.0]);
        assert!((p[0] - 0.98).abs() < 1e-6 && (p[1] - 1.02).abs() < 1e-6, "{p:?}");
    }

    #[test]
    fn weight_decay_pulls_towards_zero() {
        let mut adam = Adam::new(1, 0.01, 0.1);
        let mut p = [1.0];
        adam.update(&mut p, &[0.0]);
        assert!((p[0] - 0.99).abs() < 1e-6);
    }
}
