//! The classifiers on top of frozen features.
use super::ProbeKind;
use super::linear::Linear;
use super::mlp::Mlp;
use super::recipe::Recipe;
use super::trajectory::{self, Attention, Gru, Pooled, Pooling, Shape};
use crate::measure::softmax;
use crate::random::{Purpose, Seed};
use diffrep_kernels::random::Key;

/// Index of the random stream that draws initial weights.
const INIT: u16 = 1;
/// Rows classified at once.
const BLOCK: usize = 512;

/// A trained classifier: features `[rows, dim]` to logits `[rows, classes]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Head {
    /// Batch norm, then linear.
    Linear(Linear),
    /// One hidden layer.
    Mlp(Mlp),
    /// The codes of all t pooled, then one hidden layer.
    Pooled(Pooled),
    /// A recurrent network over all t.
    Gru(Gru),
    /// Attention over all t.
    Attention(Attention),
}

/// A layer x ↦ x·W + b.
#[derive(Clone, Debug, PartialEq)]
pub struct Affine {
    /// W, `[inputs, outputs]`.
    pub weight: Vec<f32>,
    /// b, `[outputs]`.
    pub bias: Vec<f32>,
}

/// Buffers that a training step reuses.
#[derive(Default)]
pub(super) struct Workspace {
    pub activations: Vec<f32>,
    pub logits: Vec<f32>,
    pub hidden_gradient: Vec<f32>,
    pooled: trajectory::PooledTape,
    gru: trajectory::GruTape,
    attention: trajectory::AttentionTape,
}

impl Head {
    /// Untrained weights; every t starts from the same ones, so that columns differ by their features only.
    ///
    /// `None` for kNN, which has no weights.
    pub(super) fn new(kind: ProbeKind, shape: Shape, recipe: &Recipe, seed: Seed) -> Option<Self> {
        let key = seed.key(Purpose::Probe, INIT, 0);
        let (dim, classes, dropout) = (shape.row(), shape.classes, recipe.dropout);
        let pooled = |pooling| Some(Self::Pooled(Pooled::new(shape, pooling, recipe.hidden, dropout, key)));
        match kind {
            ProbeKind::Linear => Some(Self::Linear(Linear::new(dim, classes, key))),
            ProbeKind::Mlp => Some(Self::Mlp(Mlp::new(dim, recipe.hidden, classes, dropout, key))),
            ProbeKind::Knn => None,
            ProbeKind::Concat => pooled(Pooling::Concatenation),
            ProbeKind::Mean => pooled(Pooling::Mean),
            ProbeKind::Softmax => pooled(Pooling::Softmax),
            ProbeKind::Gru => Some(Self::Gru(Gru::new(shape, trajectory::GRU_UNITS, dropout, key))),
            ProbeKind::Attention => {
                Some(Self::Attention(Attention::new(shape, trajectory::ATTENTION, dropout, key)))
            }
        }
    }

    /// Which probe this head belongs to.
    pub fn kind(&self) -> ProbeKind {
        match self {
            Self::Linear(_) => ProbeKind::Linear,
            Self::Mlp(_) => ProbeKind::Mlp,
            Self::Pooled(head) => match head.pooling {
                Pooling::Concatenation => ProbeKind::Concat,
                Pooling::Mean => ProbeKind::Mean,
                Pooling::Softmax => ProbeKind::Softmax,
            },
            Self::Gru(_) => ProbeKind::Gru,
            Self::Attention(_) => ProbeKind::Attention,
        }
    }

    /// Features it reads; of a trajectory head, those of all t together.
    pub fn dim(&self) -> usize {
        match self {
            Self::Linear(head) => head.dim,
            Self::Mlp(head) => head.dim,
            Self::Pooled(Pooled { shape, .. })
            | Self::Gru(Gru { shape, .. })
            | Self::Attention(Attention { shape, .. }) => shape.row(),
        }
    }

    /// Classes it tells apart.
    pub fn classes(&self) -> usize {
        match self {
            Self::Linear(head) => head.classes,
            Self::Mlp(head) => head.classes,
            Self::Pooled(Pooled { shape, .. })
            | Self::Gru(Gru { shape, .. })
            | Self::Attention(Attention { shape, .. }) => shape.classes,
        }
    }

    /// The head as affine layers with ReLU between them, for other programs; `None` for heads of the trajectory.
    pub fn affine_layers(&self) -> Option<Vec<Affine>> {
        match self {
            Self::Linear(head) => {
                let (weight, bias) = head.folded();
                Some(vec![Affine { weight, bias }])
            }
            Self::Mlp(head) => {
                let [weight_1, bias_1, weight_2, bias_2] = head.layers().map(<[f32]>::to_vec);
                let layers = [(weight_1, bias_1), (weight_2, bias_2)];
                Some(layers.map(|(weight, bias)| Affine { weight, bias }).into())
            }
            Self::Pooled(_) | Self::Gru(_) | Self::Attention(_) => None,
        }
    }

    /// How much the head looks at each t on average over the rows of `x` `[rows, T·C]`, in [0, 1] with sum 1: the learned
    /// weights of `softmax`, the summary token's attention of `attention`; `None` for other heads.
    ///
    /// # Panics
    /// If `x` is not a whole number of rows, or has none.
    pub fn level_weights(&self, x: &[f32]) -> Option<Vec<f32>> {
        match self {
            Self::Pooled(head) => head.weights(),
            Self::Attention(head) => Some(head.weights(x)),
            Self::Linear(_) | Self::Mlp(_) | Self::Gru(_) => None,
        }
    }

    /// Class probabilities `[rows, classes]` of the features `x` `[rows, dim]`; each row sums to 1.
    ///
    /// # Panics
    /// If `x` is not a whole number of rows.
    pub fn probabilities(&self, x: &[f32]) -> Vec<f32> {
        let mut all = Vec::with_capacity(x.len() / self.dim() * self.classes());
        for block in x.chunks(BLOCK * self.dim()) {
            let mut logits = self.logits(block);
            logits.chunks_mut(self.classes()).for_each(softmax);
            all.extend_from_slice(&logits);
        }
        all
    }

    pub(super) fn logits(&self, x: &[f32]) -> Vec<f32> {
        match self {
            Self::Linear(head) => head.logits(x),
            Self::Mlp(head) => head.logits(x),
            Self::Pooled(head) => head.logits(x),
            Self::Gru(head) => head.logits(x),
            Self::Attention(head) => head.logits(x),
        }
    }

    /// Mean cross-entropy of a training batch; its gradient goes to `gradient`.
    pub(super) fn loss(
        &mut self,
        x: &[f32],
        labels: &[u32],
        dropout: Key,
        work: &mut Workspace,
        gradient: &mut [f32],
    ) -> f32 {
        match self {
            Self::Linear(head) => head.loss(x, labels, work, gradient),
            Self::Mlp(head) => head.loss(x, labels, dropout, work, gradient),
            Self::Pooled(head) => head.loss(x, labels, dropout, &mut work.pooled, gradient),
            Self::Gru(head) => head.loss(x, labels, dropout, &mut work.gru, gradient),
            Self::Attention(head) => head.loss(x, labels, dropout, &mut work.attention, gradient),
        }
    }

    pub(super) fn parameters_mut(&mut self) -> &mut [f32] {
        match self {
            Self::Linear(head) => &mut head.parameters,
            Self::Mlp(head) => &mut head.parameters,
            Self::Pooled(Pooled { parameters, .. })
            | Self::Gru(Gru { parameters, .. })
            | Self::Attention(Attention { parameters, .. }) => parameters,
        }
    }
}

/// Sum over rows of −ln p(label); `logits` become probabilities. NaN where logits are not finite.
pub(super) fn cross_entropy(logits: &mut [f32], labels: &[u32], classes: usize) -> f64 {
    let mut loss = 0.0;
    for (row, &label) in logits.chunks_mut(classes).zip(labels) {
        softmax(row);
        let p = row[label as usize];
        // A probability that underflows to 0 counts as the smallest f32, so that one row can't make all infinite. (`max`
        // would take NaN for it too.)
        loss -= f64::from(if p < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { p }).ln();
    }
    loss
}

/// Mean cross-entropy; `logits` become its gradient, (p − one-hot) / rows.
pub(super) fn cross_entropy_gradient(logits: &mut [f32], labels: &[u32], classes: usize) -> f32 {
    let rows = labels.len() as f32;
    let loss = cross_entropy(logits, labels, classes);
    for (row, &label) in logits.chunks_mut(classes).zip(labels) {
        row[label as usize] -= 1.0;
        row.iter_mut().for_each(|v| *v /= rows);
    }
    (loss / rows as f64) as f32
}

/// Fills a layer's weights and biases with U(±1/√fan_in), PyTorch's default.
pub(super) fn init_layer(parameters: &mut [f32], fan_in: usize, key: Key, layer: u32) {
    let bound = 1.0 / (fan_in as f32).sqrt();
    key.fill_uniform(layer, parameters);
    parameters.iter_mut().for_each(|v| *v = (2.0 * *v - 1.0) * bound);
}

/// `out[r] = bias` for every row of `width` numbers.
pub(super) fn spread_bias(bias: &[f32], rows: usize, out: &mut Vec<f32>) {
    out.clear();
    (0..rows).for_each(|_| out.extend_from_slice(bias));
}

/// `sums[j] = Σ_r values[r, j]`.
pub(super) fn column_sums(values: &[f32], sums: &mut [f32]) {
    sums.fill(0.0);
    for row in values.chunks_exact(sums.len()) {
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Compares the gradient of `head` with central differences at every `stride`-th parameter.
    pub fn check_gradient(mut head: Head, stride: usize) {
        let (rows, dim, classes) = (7, head.dim(), head.classes());
        let mut x = vec![0.0; rows * dim];
        Key::new(5, 0, 0).fill_normal(0, &mut x);
        let labels: Vec<u32> = (0..rows).map(|row| (row % classes) as u32).collect();
        let (key, mut work) = (Key::new(6, 0, 0), Workspace::default());
        let mut gradient = vec![0.0; head.parameters_mut().len()];
        let mut ignored = gradient.clone();
        head.loss(&x, &labels, key, &mut work, &mut gradient);
        let scale = gradient.iter().fold(0f32, |top, g| top.max(g.abs()));
        for i in (0..gradient.len()).step_by(stride) {
            let mut at = |delta: f32| {
                let mut moved = head.clone();
                moved.parameters_mut()[i] += delta;
                moved.loss(&x, &labels, key, &mut work, &mut ignored) as f64
            };
            let numeric = (at(1e-3) - at(-1e-3)) / 2e-3;
            assert!(
                (numeric - gradient[i] as f64).abs() < 2e-3 * scale as f64 + 1e-4,
                "{i}: {numeric} {}",
                gradient[i]
            );
        }
    }

    #[test]
    fn the_loss_of_equal_logits_is_ln_classes() {
        let mut logits = [2.0; 8];
        assert!((cross_entropy_gradient(&mut logits, &[0, 3], 4) - 4f32.ln()).abs() < 1e-6);
        assert!((logits[0] - (0.25 - 1.0) / 2.0).abs() < 1e-6);
    }
}
