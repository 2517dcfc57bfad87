//! The decay of the moving average of the weights; the averaging itself is part of the fused optimiser step.

/// Decay of update `n` (counted from 1): `min(decay, (1 + n) / (10 + n))`, so that the first weights are soon forgotten.
pub fn decay_at(n: u64, decay: f64) -> f64 {
    decay.min((1 + n) as f64 / (10 + n) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decay_warms_up_to_its_limit() {
        assert_eq!(decay_at(1, 0.999), 2.0 / 11.0);
        assert_eq!(decay_at(100_000, 0.999), 0.999);
        assert_eq!(decay_at(1, 0.1), 0.1);
    }
}
