//! Passes over rows of channels: `x` is `[rows, C]`, parameters are `[C]`.
use crate::activation::Activation;
use crate::simd::{Simd, vectorised};

/// Sums that are formed side by side: one alone would wait for each addition.
const SIDE_BY_SIDE: usize = 4;

/// Calls `visit(sums, row)` for all rows, spread over the sums, and returns their totals.
#[inline(always)]
fn in_turn<S: Simd, const K: usize>(
    s: S,
    rows: usize,
    mut visit: impl FnMut(&mut [S::Vector; K], usize),
) -> [S::Vector; K] {
    let mut sums = [[s.splat(0.0); K]; SIDE_BY_SIDE];
    let whole = rows / SIDE_BY_SIDE * SIDE_BY_SIDE;
    for first in (0..whole).step_by(SIDE_BY_SIDE) {
        for (i, sums) in sums.iter_mut().enumerate() {
            visit(sums, first + i);
        }
    }
    for row in whole..rows {
        visit(&mut sums[0], row);
    }
    core::array::from_fn(|k| s.add(s.add(sums[0][k], sums[1][k]), s.add(sums[2][k], sums[3][k])))
}

vectorised! {
    /// Sums of `x − x₀` and `(x − x₀)²`, where `x₀` is the first row: shifting keeps digits when the mean is large.
    pub(super) fn shifted_sums(s, x: &[f32], sum: &mut [f32], squares: &mut [f32]) {
        let channels = sum.len();
        let rows = x.len() / channels;
        assert!(x.len() == rows * channels && squares.len() == channels && rows > 0);
        for channel in (0..channels).step_by(S::LANES) {
            let count = (channels - channel).min(S::LANES);
            // SAFETY: `count` channels from `channel` on exist in every row of `x` and in the sums.
            unsafe {
                let at = |row: usize| s.load_part(x.as_ptr().add(row * channels + channel), count);
                let origin = at(0);
                let [total, square] = in_turn(s, rows, |sums: &mut [S::Vector; 2], row| {
                    let shifted = s.sub(at(row), origin);
                    sums[0] = s.add(sums[0], shifted);
                    sums[1] = s.mul_add(shifted, shifted, sums[1]);
                });
                s.store_part(sum.as_mut_ptr().add(channel), total, count);
                s.store_part(squares.as_mut_ptr().add(channel), square, count);
            }
        }
    }
}

vectorised! {
    /// `y = activation(x · scale + shift)`.
    pub(super) fn affine(s, x: &[f32], scale: &[f32], shift: &[f32], activation: Activation, y: &mut [f32]) {
        match activation {
            Activation::Identity => affine_with(s, x, scale, shift, |v| v, y),
            Activation::Relu => affine_with(s, x, scale, shift, |v| Activation::Relu.apply(s, v), y),
            Activation::Silu => affine_with(s, x, scale, shift, |v| Activation::Silu.apply(s, v), y),
        }
    }
}

#[inline(always)]
fn affine_with<S: Simd>(
    s: S,
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    activation: impl Fn(S::Vector) -> S::Vector,
    y: &mut [f32],
) {
    let channels = scale.len();
    let rows = x.len() / channels;
    assert!(x.len() == rows * channels && y.len() == x.len() && shift.len() == channels);
    for row in 0..rows {
        for channel in (0..channels).step_by(S::LANES) {
            let (count, at) = ((channels - channel).min(S::LANES), row * channels + channel);
            // SAFETY: `count` channels from `channel` on exist in every row and in the parameters.
            unsafe {
                let a = s.load_part(scale.as_ptr().add(channel), count);
                let b = s.load_part(shift.as_ptr().add(channel), count);
                let v = s.mul_add(s.load_part(x.as_ptr().add(at), count), a, b);
                s.store_part(y.as_mut_ptr().add(at), activation(v), count);
            }
        }
    }
}

vectorised! {
    /// `g = gy · activation'(x · scale + shift)`.
    pub(super) fn activation_gradient(s, x: &[f32], gy: &[f32], scale: &[f32], shift: &[f32], activation: Activation,
        g: &mut [f32]) {
        let channels = scale.len();
        let rows = x.len() / channels;
        assert!(x.len() == rows * channels && gy.len() == x.len() && g.len() == x.len() && shift.len() == channels);
        for row in 0..rows {
            for channel in (0..channels).step_by(S::LANES) {
                let (count, at) = ((channels - channel).min(S::LANES), row * channels + channel);
                // SAFETY: `count` channels from `channel` on exist in every row and in the parameters.
                unsafe {
                    let a = s.load_part(scale.as_ptr().add(channel), count);
                    let b = s.load_part(shift.as_ptr().add(channel), count);
                    let v = s.mul_add(s.load_part(x.as_ptr().add(at), count), a, b);
                    let gradient = activation.backward(s, v, s.load_part(gy.as_ptr().add(at), count));
                    s.store_part(g.as_mut_ptr().add(at), gradient, count);
                }
            }
        }
    }
}

vectorised! {
    /// With `g` as in [`activation_gradient`]: `sum = Σ g` and `product = Σ g (x − centre)`.
    pub(super) fn gradient_sums(s, x: &[f32], gy: &[f32], scale: &[f32], shift: &[f32], centre: &[f32],
        activation: Activation, sum: &mut [f32], product: &mut [f32]) {
        let channels = scale.len();
        let rows = x.len() / channels;
        assert!(x.len() == rows * channels && gy.len() == x.len());
        assert!([shift.len(), centre.len(), sum.len(), product.len()] == [channels; 4]);
        for channel in (0..channels).step_by(S::LANES) {
            let count = (channels - channel).min(S::LANES);
            // SAFETY: `count` channels from `channel` on exist in every row, in the parameters and in the sums.
            unsafe {
                let a = s.load_part(scale.as_ptr().add(channel), count);
                let b = s.load_part(shift.as_ptr().add(channel), count);
                let c = s.load_part(centre.as_ptr().add(channel), count);
                let [total, products] = in_turn(s, rows, |sums: &mut [S::Vector; 2], row| {
                    let v = s.load_part(x.as_ptr().add(row * channels + channel), count);
                    let g = s.load_part(gy.as_ptr().add(row * channels + channel), count);
                    let g = activation.backward(s, s.mul_add(v, a, b), g);
                    sums[0] = s.add(sums[0], g);
                    sums[1] = s.mul_add(g, s.sub(v, c), sums[1]);
                });
                s.store_part(sum.as_mut_ptr().add(channel), total, count);
                s.store_part(product.as_mut_ptr().add(channel), products, count);
            }
        }
    }
}

vectorised! {
    /// `dx = scale · g + x_factor · x + constant` with `g` as in [`activation_gradient`]; `gy` is what `dx` holds before
    /// where it isn't given.
    pub(super) fn data_gradient(s, x: &[f32], gy: Option<&[f32]>, scale: &[f32], shift: &[f32], x_factor: &[f32],
        constant: &[f32], activation: Activation, dx: &mut [f32]) {
        let channels = scale.len();
        let rows = x.len() / channels;
        assert!(x.len() == rows * channels && dx.len() == x.len() && gy.is_none_or(|g| g.len() == x.len()));
        assert!([shift.len(), x_factor.len(), constant.len()] == [channels; 3]);
        let to = dx.as_mut_ptr();
        let gy = gy.map_or(to.cast_const(), <[f32]>::as_ptr);
        for row in 0..rows {
            for channel in (0..channels).step_by(S::LANES) {
                let (count, at) = ((channels - channel).min(S::LANES), row * channels + channel);
                // SAFETY: `count` channels from `channel` on exist in every row and in the parameters; each number of
                // `dx` is read before it is written.
                unsafe {
                    let a = s.load_part(scale.as_ptr().add(channel), count);
                    let b = s.load_part(shift.as_ptr().add(channel), count);
                    let v = s.load_part(x.as_ptr().add(at), count);
                    let g = activation.backward(s, s.mul_add(v, a, b), s.load_part(gy.add(at), count));
                    let rest = s.mul_add(
                        v,
                        s.load_part(x_factor.as_ptr().add(channel), count),
                        s.load_part(constant.as_ptr().add(channel), count),
                    );
                    s.store_part(to.add(at), s.mul_add(a, g, rest), count);
                }
            }
        }
    }
}
