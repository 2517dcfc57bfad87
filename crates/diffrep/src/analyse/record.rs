//! The result of an analysis, as it is kept.
use super::AnalyseError;
use crate::files::PartFile;
use crate::probe::{Data, Origin};
use crate::represent::LevelGain;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// File in the run folder.
const FILE: &str = "analyse.json";

/// Which t holds what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Levels of detail in [0, 1], T of them.
    pub t: Vec<f64>,
    /// The network.
    #[serde(flatten)]
    pub origin: Origin,
    /// The data, with the first factor as label; `None` without factors.
    pub data: Option<Data>,
    /// Images whose codes were compared and measured.
    pub images: usize,
    /// Factors in the data's order.
    pub factors: Vec<Factor>,
    /// Linear CKA of the codes at every two t, `[T, T]`; `None` where it is undefined.
    pub cka: Vec<Vec<Option<f64>>>,
    /// Normalised mutual information of the codes at every two t, `[T, T]`; `None` where it is undefined.
    pub information: Vec<Vec<Option<f64>>>,
    /// Dimension of the codes at each t.
    pub levels: Vec<Level>,
    /// What they are worth to the score network at each t; empty where there is none.
    #[serde(default)]
    pub gains: Vec<LevelGain>,
    /// Figures that choose t without labels.
    pub criteria: Vec<CriterionCurve>,
    /// Words of the command that made it, but for the run; empty in files of earlier versions.
    #[serde(default)]
    pub arguments: Vec<String>,
}

/// Where a factor lives. Accuracies are those of test rows in [0, 1], mean and deviation over seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// The label column.
    pub name: String,
    /// Number of classes.
    pub classes: usize,
    /// Kind of the probe of a single t.
    pub probe: String,
    /// Accuracy at each t and its deviation.
    pub accuracy: Vec<f64>,
    /// Its deviation.
    pub sd: Vec<f64>,
    /// Accuracy on validation rows at each t, where there were any.
    pub validation: Vec<Option<f64>>,
    /// The t with the best validation accuracy.
    pub best_t: Option<f64>,
    /// Spearman's rank correlation of accuracy with t: positive for coarse factors; `None` if accuracy is constant.
    pub trend: Option<f64>,
    /// Accuracy of a random encoder's codes at each t.
    pub random: Vec<f64>,
    /// The t at which its validation accuracy is best.
    #[serde(default)]
    pub random_t: Option<f64>,
    /// Accuracy of raw pixels.
    pub pixels: f64,
    /// Accuracy of the head with attention over all t, and its deviation.
    pub attention_accuracy: Option<(f64, f64)>,
    /// How much that head looks at each t, with sum 1.
    pub attention: Option<Vec<f32>>,
}

/// Dimension of the codes at one t.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Level of detail.
    pub t: f64,
    /// [`crate::measure::intrinsic_dimension`], where it is defined.
    pub intrinsic_dimension: Option<f64>,
    /// [`crate::measure::effective_rank`].
    pub effective_rank: f64,
}

/// A criterion at each t, and how it went with what labels say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriterionCurve {
    /// Its name.
    pub name: String,
    /// Its value at each t, where it is defined; the largest chooses.
    pub values: Vec<Option<f64>>,
    /// The t that it chooses.
    pub t: f64,
    /// For each factor: Spearman's rank correlation over t with the test accuracy, `None` where one of the two is constant,
    /// and the accuracy lost at the chosen t against the best one.
    pub agreement: Vec<(String, Option<f64>, f64)>,
}

impl Analysis {
    /// Writes the record into the run folder, whole or not at all.
    ///
    /// # Errors
    /// A place that can't be written.
    pub fn save(&self, run: &Path) -> Result<(), AnalyseError> {
        let path = run.join(FILE);
        let text = serde_json::to_string_pretty(self).expect("a record holds strings and numbers");
        PartFile::write_whole(&path, text.as_bytes())
            .map_err(|error| AnalyseError::Write { path: path.clone(), error })
    }
}
