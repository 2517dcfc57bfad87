//! What a report is about: it names no command that such a folder would refuse.
use super::model::ReportData;

/// What a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// A run of `train`.
    #[default]
    Run,
    /// A run of `semi`: only the command that began it goes on with it.
    FewLabels,
    /// An encoder whose weights come from elsewhere, so that no command trains it.
    Imported,
    /// Labels that were spread over frozen features: there is no encoder.
    Guesses,
}

impl ReportData {
    /// Whether a section of the page says something, or names a command that would make it do so.
    pub(super) fn applies(&self, section: &str) -> bool {
        let encoder = self.subject != Subject::Guesses;
        match section {
            "training" => self.subject == Subject::Run || !self.metrics.curves.is_empty(),
            "health" => self.subject == Subject::Run,
            "accuracy" | "scores" | "few-labels" | "embeddings" | "neighbours" | "configuration" => encoder,
            "analysis" => self.analysis.is_some() || (encoder && !self.is_static),
            _ => true,
        }
    }

    /// A command that measures the encoder with labels: if need be with those of other data where it has learned its own
    /// images' (which are tested on too if the data have no split), with given ones where the run has none.
    pub(super) fn measure(&self, command: &str) -> String {
        let learned =
            self.subject == Subject::FewLabels || self.setting("objective.method") == Some("supervised");
        let labels = match self.subject {
            Subject::Imported => " --data DATA",
            _ if learned => " [--data DATA]",
            _ if self.is_unlabelled => " --labels LABELS.csv",
            _ => "",
        };
        format!("diffrep {command} {}{labels}", self.run)
    }
}
