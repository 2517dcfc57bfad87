//! Which labels a run's weights have seen: on these images nobody may measure them.
use super::{Config, RunFolder, RunRecord};
use crate::data::{ImageSet, Provenance};
use serde::{Deserialize, Serialize};

/// Training images whose labels were learned from, all or some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedLabels {
    /// Path or name of the data.
    pub source: String,
    /// The method that learned them.
    pub method: String,
    /// [`RunRecord::images_checksum`] of the run that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_checksum: Option<u32>,
}

impl LearnedLabels {
    /// What the weights of a run have seen: with its own method, and in the runs that it started from.
    pub fn of(config: &Config, record: &RunRecord) -> Vec<Self> {
        let method = config.objective.method;
        let own = method.needs().labels.then(|| Self {
            source: config.data.source.clone(),
            method: method.name().to_owned(),
            images_checksum: record.images_checksum,
        });
        let mut all = record.inherited_labels.clone();
        if let (true, Some(init)) = (all.is_empty(), &record.init)
            && let Ok(folder) = RunFolder::open(&init.run)
            && let (Ok(config), Ok(record)) = (folder.config(), folder.record())
        {
            // Runs of earlier versions don't say it themselves.
            all = Self::of(&config, &record);
        }
        all.extend(own);
        all
    }

    /// Whether any of `images`, rows of the split that comes from `provenance`, is among them.
    pub fn are_of(&self, images: &ImageSet, provenance: &Provenance) -> bool {
        provenance.overlaps(images, &self.source, self.images_checksum)
    }
}
