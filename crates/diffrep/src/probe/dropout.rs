//! Inverted dropout in place.
use diffrep_kernels::random::Key;

/// Rows that one place of a network may have: places draw from rows apart.
const ROWS: u32 = 1 << 20;

/// Drops numbers at a rate in 256ths; what is left is scaled so that the mean stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropout {
    dropped: u8,
}

impl Dropout {
    /// `rate` in [0, 1), rounded to 256ths.
    pub fn new(rate: f64) -> Self {
        Self { dropped: (rate * 256.0).round() as u8 }
    }

    /// Factor of what is not dropped.
    pub fn scale(self) -> f32 {
        256.0 / (256.0 - self.dropped as f32)
    }

    /// Multiplies each of `values`, rows of `width` numbers, by 0 or by the scale. The same key and `place` give the same
    /// factors, so that a gradient passes as its values did.
    pub fn apply(self, values: &mut [f32], width: usize, key: Key, place: u32) {
        if self.dropped == 0 {
            return;
        }
        // One random byte a number, 16 from each block of the generator.
        let scale = self.scale();
        for (row, values) in values.chunks_exact_mut(width).enumerate() {
            for (block, values) in values.chunks_mut(16).enumerate() {
                let words = key.words(place * ROWS + row as u32, block as u32);
                for (value, byte) in values.iter_mut().zip(words.iter().flat_map(|word| word.to_le_bytes())) {
                    *value = if byte < self.dropped { 0.0 } else { *value * scale };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_dropped_and_the_mean_stays() {
        let (dropout, key) = (Dropout::new(0.25), Key::new(2, 0, 0));
        let mut values = vec![1.0; 100_000];
        dropout.apply(&mut values, 1000, key, 0);
        let dropped = values.iter().filter(|&&v| v == 0.0).count() as f64 / 1e5;
        // Three standard errors of a part of 100,000.
        assert!((dropped - 0.25).abs() < 3.0 * (0.25 * 0.75 / 1e5f64).sqrt(), "{dropped}");
        assert!(values.iter().all(|&v| v == 0.0 || (v - 4.0 / 3.0).abs() < 1e-6));
        let mut others = vec![1.0; 100_000];
        dropout.apply(&mut others, 1000, key, 1);
        assert_ne!(values, others, "places have factors of their own");
    }
}
