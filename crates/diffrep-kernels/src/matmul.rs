//! Matrix product of row-major slices: a safe door to the `gemm` crate.

use gemm::Parallelism;

/// A row-major matrix that borrows its values; [`Matrix::t`] reads it transposed, without a copy.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `values` as `[rows, columns]`.
    ///
    /// # Panics
    /// If `values.len() != rows · columns`.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(Some(values.len()), rows.checked_mul(columns), "a {rows}×{columns} matrix");
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transposed matrix.
    pub fn t(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// `out = a·b`, or `out += a·b` with `accumulate`; `out` is row-major `[a.rows, b.columns]`.
///
/// Runs on the calling thread, so that callers choose what is parallel and the order of sums never changes.
///
/// # Panics
/// If the shapes don't fit.
pub fn multiply(a: Matrix, b: Matrix, accumulate: bool, out: &mut [f32]) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert_eq!(k, b.rows, "the inner sides of {m}×{k} and {}×{n} differ", b.rows);
    assert_eq!(out.len(), m * n, "the product is {m}×{n}");
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        if !accumulate {
            out.fill(0.0);
        }
        return;
    }
    let alpha = if accumulate { 1.0 } else { 0.0 };
    // SAFETY: each pointer comes from a slice whose length equals rows · columns of its matrix (checked above and in
    // `Matrix::new`), the strides are those of a dense matrix or of its transpose, so every address stays inside;
    // `out` is borrowed mutably and so overlaps neither input.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            accumulate,
            a.values.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.values.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            alpha,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(a: &[f32], b: &[f32], m: usize, k: usize, n: usize) -> Vec<f32> {
        let at = |i: usize, j: usize| (0..k).map(|l| a[i * k + l] * b[l * n + j]).sum();
        (0..m * n).map(|x| at(x / n, x % n)).collect()
    }

    fn transposed(a: &[f32], rows: usize, columns: usize) -> Vec<f32> {
        (0..a.len()).map(|x| a[(x % rows) * columns + x / rows]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 1 } else { 256 }, ..ProptestConfig::default() })]
        // Small whole numbers: every sum is exact, so the order of additions can't hide a fault.
        #[test]
        fn every_orientation_gives_the_product(m in 0usize..20, k in 0usize..20, n in 0usize..20, salt in 0usize..97) {
            let fill = |len: usize, step: usize| -> Vec<f32> {
                (0..len).map(|i| ((i * step + salt) % 11) as f32 - 5.0).collect()
            };
            let (a, b) = (fill(m * k, 7), fill(k * n, 5));
            let (at, bt) = (transposed(&a, m, k), transposed(&b, k, n));
            let expected = naive(&a, &b, m, k, n);
            for a in [Matrix::new(&a, m, k), Matrix::new(&at, k, m).t()] {
                for b in [Matrix::new(&b, k, n), Matrix::new(&bt, n, k).t()] {
                    let mut out = vec![3.0; m * n];
                    multiply(a, b, false, &mut out);
                    prop_assert_eq!(&out, &expected);
                    multiply(a, b, true, &mut out);
                    prop_assert!(out.iter().zip(&expected).all(|(x, y)| *x == 2.0 * y));
                }
            }
        }
    }
}
