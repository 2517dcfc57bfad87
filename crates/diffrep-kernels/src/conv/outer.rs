//! The register tile of the weight gradient.
use super::words::Words;
use crate::simd::Simd;

/// Words of source and gradients whose products are summed.
pub(super) struct Products {
    pub(super) x: *const f32,
    pub(super) x_row: usize,
    pub(super) x_step: usize,
    pub(super) gy: *const f32,
    pub(super) gy_row: usize,
    pub(super) gy_step: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) sum: *mut f32,
    /// Channels of `gy` to use.
    pub(super) width: usize,
    pub(super) start_from_zero: bool,
}

/// Sums, over pixels, the outer products of `I` words of `x` and `V` vectors of `gy`.
///
/// # Safety
/// At each of `rows × columns` pixels `I` words of `x` and `width` of `gy` are readable; `sum` holds `I · V · LANES`.
#[inline(always)]
pub(super) unsafe fn outer<S: Simd, W: Words, const I: usize, const V: usize>(s: S, products: &Products) {
    if I > S::TILE_ROWS || V > S::TILE_VECTORS {
        // Never called: keeps the compiler from generating it.
        return;
    }
    let mut sums = [[s.splat(0.0); V]; I];
    // SAFETY: see above.
    unsafe {
        if !products.start_from_zero {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = s.load(products.sum.add((i * V + v) * S::LANES));
                }
            }
        }
        if products.width == V * S::LANES {
            multiply::<S, W, I, V>(s, products, &mut sums, |from, _| s.load(from));
        } else {
            multiply::<S, W, I, V>(s, products, &mut sums, |from, v| {
                s.load_part(from, products.width.saturating_sub(v * S::LANES).min(S::LANES))
            });
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                s.store(products.sum.add((i * V + v) * S::LANES), sum);
            }
        }
    }
}

/// # Safety
/// As for [`outer`]; `load(from, v)` reads the part of vector `v` that exists.
#[inline(always)]
unsafe fn multiply<S: Simd, W: Words, const I: usize, const V: usize>(
    s: S,
    products: &Products,
    sums: &mut [[S::Vector; V]; I],
    load: impl Fn(*const f32, usize) -> S::Vector,
) {
    for r in 0..products.rows {
        // SAFETY: see above.
        unsafe {
            let mut x = products.x.add(r * products.x_row);
            let mut gy = products.gy.add(r * products.gy_row);
            for _ in 0..products.columns {
                let mut g = [s.splat(0.0); V];
                for (v, g) in g.iter_mut().enumerate() {
                    *g = load(gy.wrapping_add(v * S::LANES), v);
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let x = s.splat(*x.add(i));
                    for v in 0..V {
                        sums[v] = W::mul_add(s, x, g[v], sums[v]);
                    }
                }
                x = x.wrapping_add(products.x_step);
                gy = gy.wrapping_add(products.gy_step);
            }
        }
    }
}
