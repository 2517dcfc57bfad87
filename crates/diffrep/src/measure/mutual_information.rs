//! What two representations of the same images know of each other.
//!
//! The estimator of Kraskov, Stögbauer and Grassberger, "Estimating mutual information" (2004), the first of their two.
use super::Whitening;
use diffrep_kernels::random::Key;
use rayon::prelude::*;

/// Neighbours that set the scale in diffrep's reported figures.
pub const KSG_NEIGHBOURS: usize = 5;
/// Principal components that [`normalised_mutual_information`] keeps.
pub const INFORMATION_COMPONENTS: usize = 8;
/// Standard deviation of the jitter that makes the information finite, in units of each component's.
pub const INFORMATION_JITTER: f32 = 0.1;

/// Mutual information in nats of `x` `[rows, dims.0]` and `y` `[rows, dims.1]`, one row of each for each image.
///
/// `ψ(k) + ψ(rows) − ⟨ψ(nx + 1) + ψ(ny + 1)⟩`, where nx and ny count the rows that are nearer in x and in y than the
/// k-th neighbour in both (maximum norm). Of independent sides it is 0 on average, and may be slightly negative; large
/// values are underestimated: by how much grows with the width and falls with the number of rows. Distances are computed
/// for all pairs of rows. NaN with `k` rows or fewer.
///
/// # Panics
/// If a width or `k` is 0, a width doesn't divide its length, or the numbers of rows differ.
pub fn mutual_information(x: &[f32], y: &[f32], dims: (usize, usize), k: usize) -> f64 {
    assert!(k > 0 && dims.0 > 0 && dims.1 > 0, "k and the widths are at least 1");
    assert!(x.len().is_multiple_of(dims.0) && y.len().is_multiple_of(dims.1), "whole rows");
    let rows = x.len() / dims.0;
    assert_eq!(rows, y.len() / dims.1, "one row of each side for each image");
    if rows <= k {
        return f64::NAN;
    }
    let term = |row: usize| {
        let (in_x, in_y) = (distances(x, dims.0, row), distances(y, dims.1, row));
        let mut joint: Vec<f32> = in_x.iter().zip(&in_y).map(|(a, b)| a.max(*b)).collect();
        joint[row] = f32::INFINITY;
        let (_, &mut reach, _) = joint.select_nth_unstable_by(k - 1, f32::total_cmp);
        // The row itself, at distance 0, stands for the + 1 of the formula (unless its neighbours coincide with it).
        let nearer = |distances: &[f32]| distances.iter().filter(|&&d| d < reach).count().max(1);
        digamma(nearer(&in_x)) + digamma(nearer(&in_y))
    };
    // Collected before it is summed, so that the order of additions is always the same.
    let terms: Vec<f64> = (0..rows).into_par_iter().map(term).collect();
    digamma(k) + digamma(rows) - terms.iter().sum::<f64>() / rows as f64
}

/// Mutual information of each pair of `columns` (codes `[rows, dim]` of the same rows), normalised by what each column
/// knows of itself: `I(zᵢ; zⱼ) / √(I(zᵢ; zᵢ) · I(zⱼ; zⱼ))`, about 0 to 1, 1 on the diagonal.
///
/// Deterministic codes have infinite information on each other. So each column is first whitened to its first
/// [`INFORMATION_COMPONENTS`] principal components, and both sides of every pair get independent normal jitter of
/// [`INFORMATION_JITTER`], also where a column meets itself. [`KSG_NEIGHBOURS`] neighbours. Row i of the result is
/// column i; NaN where a column has no spread.
///
/// # Panics
/// If `dim` is 0, doesn't divide a length, or the columns' lengths differ.
pub fn normalised_mutual_information(columns: &[Vec<f32>], dim: usize, key: Key) -> Vec<Vec<f64>> {
    let whitened = |codes: &Vec<f32>| {
        let whitening = Whitening::fit(codes, dim, INFORMATION_COMPONENTS, 0.0);
        (whitening.apply(codes), whitening.components())
    };
    let white: Vec<(Vec<f32>, usize)> = columns.iter().map(whitened).collect();
    let jittered = |column: usize, side: u32| {
        let (codes, width) = &white[column];
        let mut noise = vec![0.0; codes.len()];
        key.fill_normal(2 * column as u32 + side, &mut noise);
        let values =
            codes.iter().zip(noise).map(|(v, noise)| v + INFORMATION_JITTER * noise).collect::<Vec<_>>();
        (values, *width)
    };
    let left: Vec<_> = (0..columns.len()).map(|column| jittered(column, 0)).collect();
    let right: Vec<_> = (0..columns.len()).map(|column| jittered(column, 1)).collect();
    let information = |i: usize, j: usize| match (left[i].1, right[j].1) {
        (0, _) | (_, 0) => f64::NAN,
        widths => mutual_information(&left[i].0, &right[j].0, widths, KSG_NEIGHBOURS),
    };
    let own: Vec<f64> = (0..columns.len()).map(|i| information(i, i)).collect();
    let mut result = vec![vec![1.0; columns.len()]; columns.len()];
    for i in 0..columns.len() {
        if own[i].is_nan() {
            result[i][i] = f64::NAN;
        }
        for j in 0..i {
            let value = information(i, j) / (own[i] * own[j]).sqrt();
            result[i][j] = value;
            result[j][i] = value;
        }
    }
    result
}

/// Distance in the maximum norm of every row to row `row`.
fn distances(values: &[f32], dim: usize, row: usize) -> Vec<f32> {
    let centre = &values[row * dim..][..dim];
    let distance = |other: &[f32]| other.iter().zip(centre).fold(0f32, |far, (a, b)| far.max((a - b).abs()));
    values.chunks_exact(dim).map(distance).collect()
}

/// ψ of a whole number, `−γ + Σ 1/i` for i below it; above 100 the asymptotic series, exact to 1e-14 there.
fn digamma(n: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    if n <= 100 {
        return (1..n).map(|i| 1.0 / i as f64).sum::<f64>() - EULER;
    }
    let x = n as f64;
    x.ln() - 1.0 / (2.0 * x) - 1.0 / (12.0 * x.powi(2)) + 1.0 / (120.0 * x.powi(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rows` pairs of `dim` independent coordinates, each pair of coordinates with correlation `rho`.
    fn correlated(rows: usize, dim: usize, rho: f32, seed: u64) -> (Vec<f32>, Vec<f32>) {
        let (mut x, mut y) = (vec![0.0; rows * dim], vec![0.0; rows * dim]);
        Key::new(seed, 0, 0).fill_normal(0, &mut x);
        Key::new(seed, 0, 0).fill_normal(1, &mut y);
        y.iter_mut().zip(&x).for_each(|(y, x)| *y = rho * x + (1.0 - rho * rho).sqrt() * *y);
        (x, y)
    }

    /// −½ ln(1 − ρ²) for each pair of coordinates.
    fn exact(dim: usize, rho: f32) -> f64 {
        -0.5 * dim as f64 * (1.0 - (rho as f64).powi(2)).ln()
    }

    #[test]
    fn digamma_agrees_on_both_sides_of_its_two_forms() {
        assert!((digamma(1) + 0.577_215_664_901_532_9).abs() < 1e-15);
        let by_sum = digamma(100) + 1.0 / 100.0;
        assert!((digamma(101) - by_sum).abs() < 1e-13);
    }

    // Kraskov et al. (figure 4): for pairs of normal numbers the systematic error vanishes against the statistical one,
    // which at k = 5 and 2,000 rows is about 0.02 (ρ = 0.9).
    #[test]
    fn correlated_normal_numbers_have_their_information() {
        for rho in [0.0, 0.5, 0.9] {
            let (x, y) = correlated(2000, 1, rho, 1);
            let found = mutual_information(&x, &y, (1, 1), 5);
            assert!((found - exact(1, rho)).abs() < 0.06, "{rho}: {found} {}", exact(1, rho));
        }
    }

    // In more dimensions the estimator is biased towards 0, the more the larger the information; of independent
    // sides it stays unbiased.
    #[test]
    fn wide_codes_lose_information_but_invent_none() {
        let (x, y) = correlated(2000, 8, 0.0, 2);
        assert!(mutual_information(&x, &y, (8, 8), 5).abs() < 0.05);
        let (x, y) = correlated(2000, 8, 0.6, 3);
        let (found, exact) = (mutual_information(&x, &y, (8, 8), 5), exact(8, 0.6));
        assert!(found < exact && found > 0.4 * exact, "{found} {exact}");
    }

    #[test]
    fn normalised_information_is_one_with_itself_and_none_with_noise() {
        let (x, y) = correlated(600, 3, 0.0, 4);
        let (_, near) = correlated(600, 3, 0.95, 4);
        let turned: Vec<f32> = x.chunks(3).flat_map(|v| [v[1], -2.0 * v[2], 5.0 + v[0]]).collect();
        let found = normalised_mutual_information(&[x, turned, near, y], 3, Key::new(9, 0, 0));
        assert_eq!(found[0][0], 1.0);
        assert!((found[0][1] - 1.0).abs() < 0.1, "a rotation loses nothing: {found:?}");
        assert!(found[0][2] > 0.3 && found[0][2] < 0.9, "{found:?}");
        assert!(found[0][3].abs() < 0.1, "{found:?}");
        assert_eq!(found[1][3], found[3][1]);
        let flat = normalised_mutual_information(&[vec![1.0; 600], vec![2.0; 600]], 3, Key::new(9, 0, 0));
        assert!(flat.iter().flatten().all(|v| v.is_nan()));
    }

    #[test]
    fn too_few_rows_have_no_information() {
        assert!(mutual_information(&[1.0, 2.0], &[1.0, 2.0], (1, 1), 2).is_nan());
    }
}
