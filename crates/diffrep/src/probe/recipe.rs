//! Hyper-parameters of a probe's training.
use super::ProbeError;
use serde::{Deserialize, Serialize};

/// Kind of classifier on top of the features: of one t, or of the codes at all t at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeKind {
    /// Batch norm without affine parameters, then a linear layer.
    Linear,
    /// One hidden layer with ReLU and dropout.
    Mlp,
    /// The weighted vote of the 20 nearest training rows.
    Knn,
    /// The MLP on the codes of all t one after another.
    Concat,
    /// The MLP on their mean.
    Mean,
    /// The MLP on their mean with learned softmax weights.
    Softmax,
    /// A GRU of 256 units that reads them from fine to coarse.
    Gru,
    /// Attention of a summary token: width 256, 4 heads, feed-forward 512, one block applied twice.
    Attention,
}

impl ProbeKind {
    /// Those that read the features of one t.
    pub const SINGLE: [Self; 3] = [Self::Linear, Self::Mlp, Self::Knn];
    /// Those that read the whole trajectory.
    pub const TRAJECTORY: [Self; 5] = [Self::Concat, Self::Mean, Self::Softmax, Self::Gru, Self::Attention];

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::SINGLE.into_iter().chain(Self::TRAJECTORY)
    }

    /// Name in tables and figures.
    pub fn title(self) -> &'static str {
        match self {
            Self::Mlp => "MLP",
            Self::Knn => "kNN",
            Self::Concat => "concatenation + MLP",
            Self::Mean => "mean + MLP",
            Self::Softmax => "softmax weights + MLP",
            Self::Gru => "GRU",
            Self::Linear | Self::Attention => self.name(),
        }
    }

    /// Name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Mlp => "mlp",
            Self::Knn => "knn",
            Self::Concat => "concat",
            Self::Mean => "mean",
            Self::Softmax => "softmax",
            Self::Gru => "gru",
            Self::Attention => "attention",
        }
    }
}

impl std::str::FromStr for ProbeKind {
    type Err = ProbeError;

    fn from_str(name: &str) -> Result<Self, ProbeError> {
        Self::all()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| ProbeError::UnknownProbe { name: name.to_owned() })
    }
}

/// How heads are trained and chosen; stored with every score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// `default` or `paper`.
    pub name: String,
    /// Part of the training labels held back for validation, stratified by class.
    pub validation: f64,
    /// Learning rates of Adam to choose from, on the first seed's validation rows.
    pub learning_rates: Vec<f64>,
    /// Epochs at most.
    pub epochs: usize,
    /// Training ends after this many epochs without a better validation result; `None`: never early.
    pub patience: Option<usize>,
    /// Rows in a batch.
    pub batch: usize,
    /// Steps in an epoch at least: with few rows an epoch is several passes.
    pub least_steps: usize,
    /// Width of the hidden layer of the MLP, and of the heads that end in one.
    pub hidden: usize,
    /// Dropout rate of all but the linear probe, rounded to 256ths.
    pub dropout: f64,
    /// Weight decay (L2 in the gradient) of all but the linear probe.
    pub weight_decay: f64,
}

impl Recipe {
    /// diffrep's own: two learning rates, at most 30 epochs with patience 5.
    pub fn standard() -> Self {
        Self {
            name: "default".to_owned(),
            validation: 0.1,
            learning_rates: vec![1e-3, 2.5e-4],
            epochs: 30,
            patience: Some(5),
            batch: 256,
            least_steps: 20,
            hidden: 512,
            dropout: 0.25,
            weight_decay: 1e-5,
        }
    }

    /// The published one: six learning rates, 100 epochs, the best validation epoch.
    pub fn paper() -> Self {
        Self {
            name: "paper".to_owned(),
            learning_rates: vec![1e-3, 7.5e-4, 5e-4, 2.5e-4, 1e-4, 5e-5],
            epochs: 100,
            patience: None,
            least_steps: 1,
            ..Self::standard()
        }
    }
}

impl std::str::FromStr for Recipe {
    type Err = ProbeError;

    fn from_str(name: &str) -> Result<Self, ProbeError> {
        match name {
            "default" => Ok(Self::standard()),
            "paper" => Ok(Self::paper()),
            _ => Err(ProbeError::UnknownRecipe { name: name.to_owned() }),
        }
    }
}
