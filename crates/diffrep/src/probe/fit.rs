//! Training of one head.
use super::ProbeKind;
use super::features::Features;
use super::head::{Head, Workspace, cross_entropy};
use super::recipe::Recipe;
use super::split::Split;
use super::trajectory::Shape;
use crate::measure::first_largest;
use crate::random::{Purpose, Seed};
use diffrep_kernels::adam::{self, Step};

/// Index of the random stream that orders rows.
const ORDER: u16 = 2;
/// Index of the random stream of dropout.
const DROPOUT: u16 = 3;
/// Norm that gradients of the GRU and of attention are clipped at.
const LONGEST_GRADIENT: f64 = 1.0;
/// Rows classified at once.
const BLOCK: usize = 512;

/// A trained head and what chose it.
#[derive(Clone, Debug)]
pub struct Fit {
    /// The head at its best validation epoch (at the last one where there are no validation rows).
    pub head: Head,
    /// Accuracy on the validation rows; `None` if there are none.
    pub validation: Option<f64>,
    /// Mean cross-entropy on the validation rows; 0 if there are none.
    pub validation_loss: f64,
    /// Epoch of the head, counted from 1.
    pub epoch: usize,
}

/// Everything that is the same for the heads of one column.
#[derive(Clone, Copy)]
pub struct Training<'a> {
    pub features: Features<'a>,
    pub labels: &'a [u32],
    pub classes: usize,
    pub split: &'a Split,
    pub recipe: &'a Recipe,
}

/// Trains a head; `None` if its loss stops being finite, or for kNN, which isn't trained.
pub fn fit(training: Training, kind: ProbeKind, learning_rate: f64, seed: Seed) -> Option<Fit> {
    let Training { features, labels, classes, split, recipe } = training;
    let levels = features.levels();
    let shape = Shape { levels, dim: features.dim() / levels, classes };
    let mut head = Head::new(kind, shape, recipe, seed)?;
    let weight_decay = if kind == ProbeKind::Linear { 0.0 } else { recipe.weight_decay };
    let clips = matches!(kind, ProbeKind::Gru | ProbeKind::Attention);
    let mut adam = Adam::new(head.parameters_mut().len(), learning_rate, weight_decay);
    let mut gradient = vec![0.0; head.parameters_mut().len()];
    let (mut x, mut y, mut work) = (Vec::new(), Vec::new(), Workspace::default());

    let batch = recipe.batch.min(split.fit.len());
    let steps = split.fit.len().div_ceil(batch).max(recipe.least_steps);
    let mut best: Option<Fit> = None;
    for epoch in 1..=recipe.epochs {
        let mut order = Order::new(&split.fit, seed, epoch);
        for step in 0..steps {
            let rows = order.next(batch);
            features.gather(&rows, &mut x);
            y.clear();
            y.extend(rows.iter().map(|&row| labels[row]));
            let dropout = seed.key(Purpose::Probe, DROPOUT, (epoch * steps + step) as u32);
            if !head.loss(&x, &y, dropout, &mut work, &mut gradient).is_finite() {
                return None;
            }
            adam.update(
                head.parameters_mut(),
                &gradient,
                if clips { LONGEST_GRADIENT } else { f64::INFINITY },
            );
        }
        let (validation, validation_loss) = evaluate(&head, training);
        if !validation_loss.is_finite() {
            return None;
        }
        let better = best.as_ref().is_none_or(|best| {
            (validation, -validation_loss) > (best.validation, -best.validation_loss) || validation.is_none()
        });
        if better {
            best = Some(Fit { head: head.clone(), validation, validation_loss, epoch });
        }
        let waited = epoch - best.as_ref().map_or(0, |best| best.epoch);
        if recipe.patience.is_some_and(|patience| waited >= patience) {
            break;
        }
    }
    best
}

/// Adam with the published constants; the kernel's moving average of the weights is left at the weights.
struct Adam {
    plan: Step,
    mean: Vec<f32>,
    square: Vec<f32>,
    weights: Vec<f32>,
}

impl Adam {
    fn new(parameters: usize, learning_rate: f64, weight_decay: f64) -> Self {
        let plan = Step {
            number: 0,
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay,
            gradient_scale: 1.0,
            ema_decay: 0.0,
        };
        let zeros = vec![0.0; parameters];
        Self { plan, mean: zeros.clone(), square: zeros.clone(), weights: zeros }
    }

    /// One step; a gradient longer than `longest` is scaled down to it.
    fn update(&mut self, parameters: &mut [f32], gradient: &[f32], longest: f64) {
        self.plan.number += 1;
        self.plan.gradient_scale =
            if longest.is_finite() { (longest / adam::global_norm(gradient)).min(1.0) } else { 1.0 };
        adam::step(&self.plan, parameters, gradient, &mut self.mean, &mut self.square, &mut self.weights);
    }
}

/// Rows in the order of an epoch: passes of fresh permutations, joined so that every batch is full.
struct Order<'a> {
    rows: &'a [usize],
    seed: Seed,
    epoch: usize,
    pass: u32,
    left: Vec<usize>,
}

impl<'a> Order<'a> {
    fn new(rows: &'a [usize], seed: Seed, epoch: usize) -> Self {
        Self { rows, seed, epoch, pass: 0, left: Vec::new() }
    }

    fn next(&mut self, count: usize) -> Vec<usize> {
        while self.left.len() < count {
            let key = self.seed.key(Purpose::Probe, ORDER, self.epoch as u32);
            let order = key.permutation(self.pass, self.rows.len());
            // Taken from the end, so what is left of the last pass comes first.
            self.left.splice(0..0, order.into_iter().map(|i| self.rows[i]));
            self.pass += 1;
        }
        self.left.split_off(self.left.len() - count)
    }
}

/// Accuracy and mean cross-entropy on the validation rows; no accuracy if there are none.
pub fn evaluate(head: &Head, training: Training) -> (Option<f64>, f64) {
    let rows = &training.split.validation;
    if rows.is_empty() {
        return (None, 0.0);
    }
    let (mut right, mut loss, mut x) = (0, 0.0, Vec::new());
    for rows in rows.chunks(BLOCK) {
        training.features.gather(rows, &mut x);
        let mut logits = head.logits(&x);
        let labels: Vec<u32> = rows.iter().map(|&row| training.labels[row]).collect();
        let predicted = logits.chunks(training.classes).map(|row| first_largest(row) as u32);
        right += predicted.zip(&labels).filter(|(p, l)| p == *l).count();
        loss += cross_entropy(&mut logits, &labels, training.classes);
    }
    (Some(right as f64 / rows.len() as f64), loss / rows.len() as f64)
}

/// The head's class for every row of `features`.
pub fn predict(head: &Head, features: Features) -> Vec<u32> {
    let mut predicted = Vec::with_capacity(features.rows());
    let (all, mut x) = ((0..features.rows()).collect::<Vec<_>>(), Vec::new());
    for rows in all.chunks(BLOCK) {
        features.gather(rows, &mut x);
        predicted.extend(head.logits(&x).chunks(head.classes()).map(|row| first_largest(row) as u32));
    }
    predicted
}

#[cfg(test)]
mod tests {
    use super::*;

    // Features that are finite themselves, but not what an MLP makes of them.
    #[test]
    fn training_that_leaves_the_finite_numbers_gives_no_head() {
        let values: Vec<f32> = (0..64).map(|i| if i % 3 == 0 { 3e38 } else { -3e38 }).collect();
        let labels: Vec<u32> = (0..16).map(|row| row % 2).collect();
        let split = Split { fit: (0..12).collect(), validation: (12..16).collect() };
        let recipe: Recipe = "default".parse().unwrap();
        let features = Features::new(&values, 4);
        let training = Training { features, labels: &labels, classes: 2, split: &split, recipe: &recipe };
        assert!(fit(training, ProbeKind::Mlp, 1e-3, Seed(0)).is_none());
        let tame: Vec<f32> = values.iter().map(|value| value / 1e38).collect();
        let training = Training { features: Features::new(&tame, 4), ..training };
        assert!(fit(training, ProbeKind::Mlp, 1e-3, Seed(0)).is_some());
    }

    #[test]
    fn a_pass_visits_every_row_once_and_batches_are_full() {
        let rows: Vec<usize> = (10..17).collect();
        let mut order = Order::new(&rows, Seed(1), 1);
        let mut seen: Vec<usize> = (0..7).flat_map(|_| order.next(3)).collect();
        assert_eq!(seen.len(), 21);
        seen.sort_unstable();
        assert_eq!(seen, rows.iter().flat_map(|&row| [row; 3]).collect::<Vec<_>>());
    }
}
