//! Adam with an exponential moving average of the weights, in one pass over memory, and the norm for clipping.
use crate::parallel::{self, CHUNK};
use crate::simd::vectorised;

/// What one step of Adam needs beside the arrays (Kingma and Ba, 2015; PyTorch's `torch.optim.Adam`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Number of this step, from 1.
    pub number: u64,
    /// Learning rate.
    pub learning_rate: f64,
    /// Decay of the mean of gradients, 0 ≤ β₁ < 1.
    pub beta1: f64,
    /// Decay of the mean of squared gradients, 0 ≤ β₂ < 1.
    pub beta2: f64,
    /// Added to the corrected root.
    pub epsilon: f64,
    /// L2 penalty: this times the parameter is added to the gradient.
    pub weight_decay: f64,
    /// Every gradient is multiplied by this first (1, or what clips the global norm).
    pub gradient_scale: f64,
    /// `ema ← decay · ema + (1 − decay) · parameter`, after the update.
    pub ema_decay: f64,
}

/// One step on flat arrays of the same length: `parameters`, first moment `mean`, second moment `square` and `ema`
/// change, `gradients` don't. With `g = scale · gradient + weight_decay · p`:
/// `m ← β₁ m + (1 − β₁) g`, `v ← β₂ v + (1 − β₂) g²`, `p ← p − lr · m̂ / (√v̂ + ε)`, where `m̂ = m / (1 − β₁ⁿ)` and
/// `v̂ = v / (1 − β₂ⁿ)`.
///
/// # Panics
/// If the lengths differ.
pub fn step(
    plan: &Step,
    parameters: &mut [f32],
    gradients: &[f32],
    mean: &mut [f32],
    square: &mut [f32],
    ema: &mut [f32],
) {
    let len = parameters.len();
    assert!(
        [gradients.len(), mean.len(), square.len(), ema.len()].iter().all(|&l| l == len),
        "adam::step: arrays of different lengths"
    );
    let power = plan.number.min(i32::MAX as u64) as i32;
    let correction = (1.0 - plan.beta2.powi(power)).sqrt();
    let constants = Constants {
        beta1: plan.beta1 as f32,
        rest1: (1.0 - plan.beta1) as f32,
        beta2: plan.beta2 as f32,
        rest2: (1.0 - plan.beta2) as f32,
        root_scale: (1.0 / correction) as f32,
        epsilon: plan.epsilon as f32,
        rate: (plan.learning_rate / (1.0 - plan.beta1.powi(power))) as f32,
        weight_decay: plan.weight_decay as f32,
        scale: plan.gradient_scale as f32,
        ema: plan.ema_decay as f32,
        // With the decay as it was rounded: constant weights are their own average.
        ema_rest: 1.0 - plan.ema_decay as f32,
    };
    let parts = parameters
        .chunks_mut(CHUNK)
        .zip(gradients.chunks(CHUNK))
        .zip(mean.chunks_mut(CHUNK).zip(square.chunks_mut(CHUNK)))
        .zip(ema.chunks_mut(CHUNK))
        .collect();
    parallel::for_each(parts, |_, (((p, g), (m, v)), e)| update(&constants, p, g, m, v, e));
}

struct Constants {
    beta1: f32,
    rest1: f32,
    beta2: f32,
    rest2: f32,
    root_scale: f32,
    epsilon: f32,
    rate: f32,
    weight_decay: f32,
    scale: f32,
    ema: f32,
    ema_rest: f32,
}

vectorised! {
    fn update(s, c: &Constants, p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], e: &mut [f32]) {
        let len = p.len();
        assert!(g.len() == len && m.len() == len && v.len() == len && e.len() == len);
        let mut at = 0;
        while at < len {
            let count = (len - at).min(S::LANES);
            // SAFETY: all five slices hold `count` numbers from `at` on.
            unsafe {
                let old = s.load_part(p.as_ptr().add(at), count);
                let gradient = s.mul(s.splat(c.scale), s.load_part(g.as_ptr().add(at), count));
                let gradient = s.mul_add(s.splat(c.weight_decay), old, gradient);
                let mean = s.mul(s.splat(c.beta1), s.load_part(m.as_ptr().add(at), count));
                let mean = s.mul_add(s.splat(c.rest1), gradient, mean);
                let square = s.mul(s.splat(c.beta2), s.load_part(v.as_ptr().add(at), count));
                let square = s.mul_add(s.splat(c.rest2), s.mul(gradient, gradient), square);
                let root = s.mul_add(s.sqrt(square), s.splat(c.root_scale), s.splat(c.epsilon));
                let new = s.sub(old, s.div(s.mul(s.splat(c.rate), mean), root));
                let average = s.mul(s.splat(c.ema), s.load_part(e.as_ptr().add(at), count));
                let average = s.mul_add(s.splat(c.ema_rest), new, average);
                s.store_part(p.as_mut_ptr().add(at), new, count);
                s.store_part(m.as_mut_ptr().add(at), mean, count);
                s.store_part(v.as_mut_ptr().add(at), square, count);
                s.store_part(e.as_mut_ptr().add(at), average, count);
            }
            at += count;
        }
    }
}

/// `√Σ g²`, summed in f64; the same for every number of threads. Not finite if any gradient isn't.
pub fn global_norm(gradients: &[f32]) -> f64 {
    let sums = parallel::map(gradients.len().div_ceil(CHUNK), |i| {
        let part = &gradients[i * CHUNK..gradients.len().min((i + 1) * CHUNK)];
        // Eight independent sums: one alone would wait for each addition.
        let mut lanes = [0f64; 8];
        let (eights, rest) = part.as_chunks::<8>();
        for eight in eights {
            for (sum, &g) in lanes.iter_mut().zip(eight) {
                *sum += f64::from(g) * f64::from(g);
            }
        }
        lanes.iter().sum::<f64>() + rest.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>()
    });
    sums.iter().sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    fn random(row: u32, len: usize) -> Vec<f32> {
        let mut values = vec![0.0; len];
        Key::new(3, 0, 0).fill_normal(row, &mut values);
        values
    }

    const PLAN: Step = Step {
        number: 1,
        learning_rate: 1e-2,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.1,
        gradient_scale: 0.5,
        ema_decay: 0.99,
    };

    #[test]
    fn weights_that_stay_are_their_own_average() {
        let plan = Step { learning_rate: 0.0, weight_decay: 0.0, ema_decay: 0.9999, ..PLAN };
        let mut p = random(0, 40);
        let (mut m, mut v, mut e, zeros) = (vec![0.0; 40], vec![0.0; 40], p.clone(), vec![0.0; 40]);
        for number in 1..=if cfg!(miri) { 2 } else { 5000 } {
            step(&Step { number, ..plan }, &mut p, &zeros, &mut m, &mut v, &mut e);
        }
        for (p, e) in p.iter().zip(&e) {
            assert!((p - e).abs() <= 1e-6 * p.abs(), "{p} {e}");
        }
    }

    #[test]
    fn ten_steps_agree_with_adam_in_double_precision() {
        let len = if cfg!(miri) { 9 } else { CHUNK + 37 };
        let (mut p, mut e) = (random(0, len), random(1, len));
        let (mut m, mut v) = (vec![0.0; len], vec![0.0; len]);
        let mut expected: Vec<[f64; 4]> =
            p.iter().zip(&e).map(|(&p, &e)| [f64::from(p), 0.0, 0.0, f64::from(e)]).collect();
        for number in 1..=10 {
            let g = random(10 + number, len);
            let plan = Step { number: u64::from(number), ..PLAN };
            step(&plan, &mut p, &g, &mut m, &mut v, &mut e);
            for ([p, m, v, e], &g) in expected.iter_mut().zip(&g) {
                let g = 0.5 * f64::from(g) + 0.1 * *p;
                *m = 0.9 * *m + 0.1 * g;
                *v = 0.999 * *v + 0.001 * g * g;
                let (m_hat, v_hat) =
                    (*m / (1.0 - 0.9f64.powi(number as i32)), *v / (1.0 - 0.999f64.powi(number as i32)));
                *p -= 1e-2 * m_hat / (v_hat.sqrt() + 1e-8);
                *e = 0.99 * *e + 0.01 * *p;
            }
        }
        for (i, [want_p, _, _, want_e]) in expected.iter().enumerate() {
            assert!((f64::from(p[i]) - want_p).abs() < 2e-6, "{i}: {} {want_p}", p[i]);
            assert!((f64::from(e[i]) - want_e).abs() < 2e-6, "{i}: {} {want_e}", e[i]);
        }
    }

    // torch 2.x: p = [1, -2], g = [0.5, 3], one step of Adam(lr=0.1): every |Δp| = lr · g / (|g| + eps).
    #[test]
    fn the_first_step_moves_each_weight_by_the_learning_rate() {
        let (mut p, mut m, mut v, mut e) = (vec![1.0, -2.0], vec![0.0; 2], vec![0.0; 2], vec![0.0; 2]);
        let plan = Step { learning_rate: 0.1, weight_decay: 0.0, gradient_scale: 1.0, ..PLAN };
        step(&plan, &mut p, &[0.5, -3.0], &mut m, &mut v, &mut e);
        assert!((p[0] - 0.9).abs() < 1e-6 && (p[1] + 1.9).abs() < 1e-6, "{p:?}");
    }

    #[test]
    fn the_norm_is_the_norm() {
        let g = random(5, if cfg!(miri) { 21 } else { 3 * CHUNK + 5 });
        let want = g.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        assert!((global_norm(&g) - want).abs() < 1e-9 * want);
        assert_eq!(global_norm(&[]), 0.0);
        assert!(!global_norm(&[1.0, f32::NAN]).is_finite());
    }
}
