//! Choosing t without labels.
use super::{CriterionCurve, Factor};
use crate::measure::{effective_rank, intrinsic_dimension, linear_cka};

/// A figure of the codes at each t, of which the largest chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Effective rank of the codes: how many directions they use (Garrido et al., "RankMe: assessing the downstream
    /// performance of pretrained self-supervised representations by their rank", 2023).
    EffectiveRank,
    /// Intrinsic dimension of the codes.
    IntrinsicDimension,
    /// Mean linear CKA with the codes at the other t, where it is defined: the t that has most in common with all.
    Centrality,
}

impl Criterion {
    /// All that there are; the first is the one that `probe --t auto` uses.
    pub const ALL: [Self; 3] = [Self::EffectiveRank, Self::IntrinsicDimension, Self::Centrality];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::EffectiveRank => "effective rank",
            Self::IntrinsicDimension => "intrinsic dimension",
            Self::Centrality => "centrality",
        }
    }

    /// Its value for each of `columns`, codes `[rows, dim]` of the same images at different t. NaN where it is undefined,
    /// which is never chosen.
    ///
    /// # Panics
    /// If `dim` is 0 or doesn't divide a length, or lengths differ.
    pub fn values(self, columns: &[Vec<f32>], dim: usize) -> Vec<f64> {
        let value = |i: usize| match self {
            Self::EffectiveRank => effective_rank(&columns[i], dim),
            Self::IntrinsicDimension => intrinsic_dimension(&columns[i], dim),
            Self::Centrality => {
                let others = (0..columns.len()).filter(|&j| j != i);
                let defined: Vec<f64> = others
                    .map(|j| linear_cka(&columns[i], &columns[j], (dim, dim)))
                    .filter(|cka| !cka.is_nan())
                    .collect();
                defined.iter().sum::<f64>() / defined.len() as f64
            }
        };
        (0..columns.len()).map(value).collect()
    }
}

/// The index of the largest value; of equal ones the first, which is the finest t. NaN counts as the smallest.
pub fn choose(values: &[f64]) -> usize {
    let mut best = 0;
    for (i, &value) in values.iter().enumerate() {
        if value > values[best] || values[best].is_nan() && !value.is_nan() {
            best = i;
        }
    }
    best
}

/// Every criterion against t, with how it agrees with the factors' accuracies.
pub(super) fn curves(columns: &[Vec<f32>], dim: usize, t: &[f64], factors: &[Factor]) -> Vec<CriterionCurve> {
    let curve = |criterion: Criterion| {
        let values = criterion.values(columns, dim);
        let chosen = choose(&values);
        let agreement = factors.iter().map(|factor| {
            let best = factor.accuracy.iter().copied().fold(0.0, f64::max);
            (factor.name.clone(), spearman(&values, &factor.accuracy), best - factor.accuracy[chosen])
        });
        let agreement = agreement.collect();
        let values = values.into_iter().map(|value| Some(value).filter(|value| value.is_finite())).collect();
        CriterionCurve { name: criterion.name().to_owned(), t: t[chosen], values, agreement }
    };
    Criterion::ALL.map(curve).into()
}

/// Rank correlation in [−1, 1], equal values sharing their mean rank; `None` if a side is constant or not finite.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.iter().chain(b).any(|v| !v.is_finite()) {
        return None;
    }
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let sum = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let scale = (sum(&a, &a) * sum(&b, &b)).sqrt();
    (scale > 0.0).then(|| sum(&a, &b) / scale)
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |v: &f64| {
        let below = values.iter().filter(|other| *other < v).count();
        let equal = values.iter().filter(|other| *other == v).count();
        below as f64 + (equal as f64 + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use diffrep_kernels::random::Key;

    #[test]
    fn the_largest_finite_value_chooses() {
        assert_eq!(choose(&[f64::NAN, 1.0, 3.0, 3.0, f64::NAN]), 2);
        assert_eq!(choose(&[f64::NAN]), 0);
    }

    // Ranks 1, 2.5, 2.5, 4 and 3, 1, 2, 4: covariance 1.5, variances 4.5 and 5.
    #[test]
    fn equal_values_share_their_rank() {
        assert!(
            (spearman(&[1., 2., 2., 5.], &[4., 1., 3., 9.]).unwrap() - 1.5 / 22.5f64.sqrt()).abs() < 1e-12
        );
        assert_eq!(spearman(&[1., 2.], &[3., 3.]), None);
        assert_eq!(spearman(&[1., f64::NAN], &[3., 4.]), None);
    }

    #[test]
    fn one_collapsed_level_leaves_the_centrality_of_the_others() {
        let mut spread = vec![0.0; 300];
        Key::new(1, 0, 0).fill_normal(0, &mut spread);
        let values = Criterion::Centrality.values(&[vec![1.0; 300], spread.clone(), spread], 3);
        assert!(
            values[0].is_nan() && (values[1] - 1.0).abs() < 1e-6 && (values[2] - 1.0).abs() < 1e-6,
            "{values:?}"
        );
    }

    #[test]
    fn collapsed_codes_are_not_chosen() {
        let mut spread = vec![0.0; 300];
        Key::new(1, 0, 0).fill_normal(0, &mut spread);
        let flat: Vec<f32> = spread[..100].iter().flat_map(|&v| [v, v, v]).collect();
        let columns = [flat, spread];
        assert_eq!(choose(&Criterion::EffectiveRank.values(&columns, 3)), 1);
        assert_eq!(choose(&Criterion::IntrinsicDimension.values(&columns, 3)), 1);
    }
}
