//! How well classes of codes stand apart.
use rayon::prelude::*;

/// Mean silhouette of the codes `[rows, dim]` with their labels, in [−1, 1]: of each code `(b − a)/max(a, b)`, where a is
/// its mean Euclidean distance to the others of its class, and b that to the nearest other class (Rousseeuw, 1987).
///
/// A code that is alone in its class counts 0. NaN without codes or with one class only. Takes rows² distances; the
/// value doesn't depend on the number of threads.
///
/// # Panics
/// If `dim` is 0, or there isn't one label for each code.
pub fn silhouette(codes: &[f32], labels: &[u32], dim: usize) -> f64 {
    assert!(dim > 0 && codes.len() == labels.len() * dim, "one label for each code of {dim}");
    let classes = labels.iter().max().map_or(0, |&largest| largest as usize + 1);
    let mut sizes = vec![0usize; classes];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    if sizes.iter().filter(|size| **size > 0).count() < 2 {
        return f64::NAN;
    }
    let of_row = |row: usize| {
        let own = labels[row] as usize;
        if sizes[own] < 2 {
            return 0.0;
        }
        let code = &codes[row * dim..][..dim];
        let mut sums = vec![0.0; classes];
        for (other, &label) in codes.chunks(dim).zip(labels) {
            let square: f32 = code.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
            sums[label as usize] += f64::from(square).sqrt();
        }
        let a = sums[own] / (sizes[own] - 1) as f64;
        let others = (0..classes).filter(|&class| class != own && sizes[class] > 0);
        let b = others.map(|class| sums[class] / sizes[class] as f64).fold(f64::INFINITY, f64::min);
        if a.max(b) > 0.0 { (b - a) / a.max(b) } else { 0.0 }
    };
    let values: Vec<f64> = (0..labels.len()).into_par_iter().map(of_row).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_that_of_a_sum_done_by_hand() {
        // 0 and 1 against 5: silhouettes 1 − 1/5, 1 − 1/4, and 0 for the one that is alone.
        let expected = (0.8 + 0.75 + 0.0) / 3.0;
        assert!((silhouette(&[0.0, 1.0, 5.0], &[0, 0, 1], 1) - expected).abs() < 1e-7);
    }

    #[test]
    fn distant_classes_score_one_and_exchanged_labels_less_than_zero() {
        let codes = [0.0, 0.0, 0.0, 0.1, 50.0, 0.0, 50.0, 0.1];
        assert!(silhouette(&codes, &[0, 0, 1, 1], 2) > 0.99);
        assert!(silhouette(&codes, &[0, 1, 0, 1], 2) < -0.4);
    }

    #[test]
    fn ids_that_no_code_has_change_nothing() {
        let codes = [0.0, 1.0, 5.0, 6.0];
        assert_eq!(silhouette(&codes, &[0, 0, 1, 1], 1), silhouette(&codes, &[2, 2, 7, 7], 1));
    }

    #[test]
    fn one_class_or_none_has_no_silhouette() {
        assert!(silhouette(&[1.0, 2.0], &[0, 0], 1).is_nan());
        assert!(silhouette(&[], &[], 1).is_nan());
        assert_eq!(silhouette(&[1.0; 4], &[0, 0, 1, 1], 1), 0.0);
    }
}
