//! Figures of a list of predictions.

/// Part of the predictions, in [0, 1], that equal the labels; NaN if there are none.
pub fn accuracy(predicted: &[u32], labels: &[u32]) -> f64 {
    let right = predicted.iter().zip(labels).filter(|(a, b)| a == b).count();
    right as f64 / labels.len() as f64
}

/// Mean over classes of F1 = 2·TP / (2·TP + FP + FN), in [0, 1].
///
/// Classes that are neither a label nor predicted are left out, as in scikit-learn; NaN if there are none.
pub fn macro_f1(predicted: &[u32], labels: &[u32], classes: usize) -> f64 {
    let (mut hits, mut errors) = (vec![0u32; classes], vec![0u32; classes]);
    for (&p, &l) in predicted.iter().zip(labels) {
        if p == l {
            hits[p as usize] += 1;
        } else {
            errors[p as usize] += 1;
            errors[l as usize] += 1;
        }
    }
    let seen: Vec<f64> = hits
        .iter()
        .zip(&errors)
        .filter(|&(&hit, &error)| hit + error > 0)
        .map(|(&hit, &error)| 2.0 * hit as f64 / (2 * hit + error) as f64)
        .collect();
    seen.iter().sum::<f64>() / seen.len() as f64
}

/// Mean and sample standard deviation (n − 1); the deviation of a single value is 0.
pub fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    if values.len() < 2 {
        return (mean, 0.0);
    }
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    // sklearn.metrics.f1_score([0,0,1,1,2], [0,1,1,1,0], average="macro"): F1 of the classes 0.5, 0.8, 0.
    #[test]
    fn macro_f1_weighs_classes_equally() {
        let (labels, predicted) = ([0, 0, 1, 1, 2], [0, 1, 1, 1, 0]);
        assert!((macro_f1(&predicted, &labels, 4) - (0.5 + 0.8) / 3.0).abs() < 1e-12);
        assert_eq!(accuracy(&predicted, &labels), 0.6);
    }

    #[test]
    fn deviation_is_that_of_a_sample() {
        assert_eq!(mean_and_sd(&[1.0, 3.0]), (2.0, 2f64.sqrt()));
        assert_eq!(mean_and_sd(&[5.0]), (5.0, 0.0));
    }
}
