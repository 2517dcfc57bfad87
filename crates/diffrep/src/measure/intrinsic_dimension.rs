//! How many numbers it takes to say where a code lies among its neighbours.
use rayon::prelude::*;
use std::collections::HashSet;

/// Intrinsic dimension of the codes `[rows, dim]` from each row's two nearest neighbours: `(n − 1) / Σ ln(r₂ / r₁)` with
/// Euclidean distances, the unbiased maximum-likelihood form of TwoNN (Facco et al., "Estimating the
/// intrinsic dimension of datasets by a minimal neighborhood information", 2017; Denti et al., 2022, equation 4).
///
/// It sees the finest scale only, where [`effective_rank`](super::effective_rank) sees the largest one. In many
/// dimensions it is too low, since neighbours are far. Rows that are the same count once; NaN if fewer than three are left.
/// Distances are computed for all pairs of rows.
///
/// # Panics
/// If `dim` is 0 or doesn't divide the length.
pub fn intrinsic_dimension(codes: &[f32], dim: usize) -> f64 {
    assert!(dim > 0 && codes.len().is_multiple_of(dim), "rows of {dim}");
    let codes = distinct(codes, dim);
    let rows = codes.len() / dim;
    let log_ratio = |row: usize| {
        let own = &codes[row * dim..][..dim];
        let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
        for (_, code) in codes.chunks_exact(dim).enumerate().filter(|(other, _)| *other != row) {
            let distance = f64::from(squared_distance(own, code));
            if distance < first {
                (first, second) = (distance, first);
            } else if distance < second {
                second = distance;
            }
        }
        // Half the logarithm of the ratio of squares.
        (first > 0.0 && second.is_finite()).then(|| 0.5 * (second / first).ln())
    };
    let ratios: Vec<f64> = (0..rows).into_par_iter().filter_map(log_ratio).collect();
    let sum: f64 = ratios.iter().sum();
    if ratios.len() < 3 || sum == 0.0 { f64::NAN } else { (ratios.len() - 1) as f64 / sum }
}

/// The first of each rows that are the same: a copy as neighbour of others would make their two nearest equally far.
fn distinct(codes: &[f32], dim: usize) -> Vec<f32> {
    let mut seen = HashSet::new();
    // Zeros of either sign are the same.
    let bits = |row: &[f32]| row.iter().map(|value| (value + 0.0).to_bits()).collect::<Vec<u32>>();
    codes.chunks_exact(dim).filter(|row| seen.insert(bits(row))).flatten().copied().collect()
}

/// Sum of squares in eight partial sums, which the compiler turns into vectors.
fn squared_distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let (a, b) = (a.chunks(8), b.chunks(8));
    for (a, b) in a.zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use diffrep_kernels::random::Key;

    /// Points uniform in a cube of `inner` dimensions, laid slantwise and scaled into `outer` dimensions.
    fn cube(rows: usize, inner: usize, outer: usize) -> Vec<f32> {
        let (mut points, mut map) = (vec![0.0; rows * inner], vec![0.0; inner * outer]);
        Key::new(1, 0, 0).fill_uniform(0, &mut points);
        Key::new(1, 0, 0).fill_normal(1, &mut map);
        let place = |point: &[f32]| {
            (0..outer)
                .map(|j| 7.0 + (0..inner).map(|i| point[i] * map[i * outer + j]).sum::<f32>())
                .collect::<Vec<_>>()
        };
        points.chunks(inner).flat_map(place).collect()
    }

    // Standard error d/√n (Denti et al.): 3·2/√3000 and 3·5/√3000; borders of the cube lower the larger one.
    #[test]
    fn planes_and_cubes_have_their_dimension_wherever_they_lie() {
        let plane = intrinsic_dimension(&cube(3000, 2, 20), 20);
        assert!((plane - 2.0).abs() < 0.11, "{plane}");
        let five = intrinsic_dimension(&cube(3000, 5, 5), 5);
        assert!(five > 4.3 && five < 5.3, "{five}");
    }

    #[test]
    fn copies_count_once_wherever_they_lie() {
        let codes = cube(1000, 2, 3);
        let alone = intrinsic_dimension(&codes, 3);
        for copies in [&codes[..], &codes[..900], &codes[1500..1503]] {
            assert_eq!(intrinsic_dimension(&[&codes, copies].concat(), 3), alone);
        }
        assert!(intrinsic_dimension(&[1.0; 30], 3).is_nan());
        assert!(intrinsic_dimension(&[], 3).is_nan());
    }
}
