//! Which labels a run's weights have seen: on these images nobody may measure them.
use super::{Config, RunFolder, RunRecord};
use crate::data::LearnedLabels;

/// What the weights of a run have seen: with its own method, and in the runs that it started from.
pub fn learned_labels(config: &Config, record: &RunRecord) -> Vec<LearnedLabels> {
    let method = config.objective.method;
    let own = method.needs().labels.then(|| LearnedLabels {
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
        all = learned_labels(&config, &record);
    }
    all.extend(own);
    all
}
