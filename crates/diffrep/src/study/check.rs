//! What a comparison refuses before anything is trained: a night of training is lost when its last method can't be.
use super::compare::{Observer, Study, StudyEvent, failed, probing, result_file};
use super::record::{self, CellRecord};
use super::{Arm, StudyError};
use crate::data::{self, Dataset, Fingerprint};
use crate::probe::LabelledData;
use crate::train::{
    Config, DataConfig, Decay, LockedRun, Plan, RunError, RunFolder, TrainError, refuse_inside,
};
use std::path::Path;

/// The rows of all methods' data, by their settings.
pub(super) struct CheckedData(Vec<(DataConfig, Fingerprint)>);

impl CheckedData {
    /// The rows that a run with these settings is trained and measured on.
    pub(super) fn fingerprint(&self, config: &Config) -> Fingerprint {
        let found = self.0.iter().find(|(data, _)| *data == config.data);
        found.map_or_else(Fingerprint::default, |(_, fingerprint)| *fingerprint)
    }

    /// Errors if the result at `path` is of other rows.
    pub(super) fn refuse_others(
        &self,
        config: &Config,
        before: Fingerprint,
        path: &Path,
    ) -> Result<(), StudyError> {
        match before.difference(self.fingerprint(config)) {
            Some(_) => {
                Err(StudyError::DataChanged { path: path.to_owned(), data: config.data.source.clone() })
            }
            None => Ok(()),
        }
    }
}

impl Study<'_> {
    /// Errors, before anything is trained, if a result that is there is of other settings or data.
    pub(super) fn refuse_results(&self, results: &Path, data: &CheckedData) -> Result<(), StudyError> {
        let plan = self.plan;
        for (&seed, arm) in plan.seeds.iter().flat_map(|seed| plan.arms.iter().map(move |arm| (seed, arm))) {
            for &budget in &plan.budgets {
                let file = result_file(results, (arm, seed, budget));
                let Some(cell) = record::read::<CellRecord>(&file)? else { continue };
                let config = plan.config_of(arm, seed, budget);
                let rows = cell.fingerprint();
                // Rows to choose by and test rows are different ones.
                let same_rows = cell.protocol.test == plan.test;
                // What is measured again is known by its run.
                let known = !same_rows || rows.can_tell(data.fingerprint(&config));
                refuse_changes(&config, &cell.config, &file, known).map_err(failed(arm, seed))?;
                if same_rows {
                    data.refuse_others(&config, rows, &file)?;
                    self.relocate(cell, &config, &self.run_folder(arm, seed, budget), &file)?;
                }
            }
        }
        Ok(())
    }

    /// Writes that the data of a result, which have been compared, lie where `config` has them now: in its file and its run.
    fn relocate(&self, cell: CellRecord, config: &Config, run: &Path, file: &Path) -> Result<(), StudyError> {
        if cell.config.data == config.data {
            return Ok(());
        }
        if RunFolder::open(run).is_ok() {
            LockedRun::acquire(run)?.relocate(&config.data)?;
        }
        let config = Config { data: config.data.clone(), ..cell.config };
        record::write(file, &CellRecord { config, ..cell })
    }

    /// Errors if one of the runs can't be trained or measured: a folder among the images, data without labels of two
    /// classes or with too few, settings that make no network, a method that learns the labels of rows that it would be
    /// measured on, for want of a test split.
    pub(super) fn check(&self, observe: &mut Observer<'_>) -> Result<CheckedData, StudyError> {
        let (plan, mut opened) = (self.plan, Vec::<(DataConfig, Dataset)>::new());
        for arm in &plan.arms {
            refuse_inside(&arm.config().data.source, self.folder)?;
        }
        for arm in &plan.arms {
            for &budget in &plan.budgets {
                let config = plan.config_of(arm, plan.seeds[0], budget);
                if !opened.iter().any(|(data, _)| *data == config.data) {
                    let dataset = self.open(arm, &config.data)?;
                    // Methods that see the images at another size leave out the same ones.
                    if opened.iter().all(|(_, other)| other.skipped != dataset.skipped) {
                        observe(StudyEvent::Opened(&dataset));
                    }
                    opened.push((config.data.clone(), dataset));
                }
                let dataset = opened.iter().find(|(data, _)| *data == config.data);
                let (_, dataset) = dataset.expect("it has just been put there");
                Plan::refuse(&config, dataset).map_err(failed(arm, plan.seeds[0]))?;
            }
        }
        let known = opened.into_iter().map(|(data, dataset)| {
            Fingerprint::of_labelled(&data.source, &dataset, plan.test).map(|known| (data, known))
        });
        Ok(CheckedData(known.collect::<Result<_, _>>()?))
    }

    /// Opens data and errors if `arm` can't be measured on them.
    fn open(&self, arm: &Arm, config: &DataConfig) -> Result<Dataset, StudyError> {
        let dataset = data::open(&config.source, &config.open_options());
        let dataset = dataset.map_err(|error| probing(&arm.name)(error.into()))?;
        let labelled = self.labelled(dataset.clone()).map_err(probing(&arm.name))?;
        labelled.refuse_unlearnable(&self.plan.probes.few_labels).map_err(probing(&arm.name))?;
        let learns = |arm: &&Arm| arm.config().objective.method.needs().labels;
        match self.plan.arms.iter().find(learns) {
            Some(arm) if labelled.held_out => {
                Err(StudyError::Learned { arm: arm.name.clone(), data: config.source.clone() })
            }
            _ => Ok(dataset),
        }
    }

    /// The labelled rows of data: those to learn from and those to measure on.
    pub(super) fn labelled(&self, mut dataset: Dataset) -> Result<LabelledData, crate::probe::ProbeError> {
        if !self.plan.test {
            // Data without a test split are measured on a fifth of the training rows.
            dataset.test = None;
        }
        LabelledData::new(&dataset, None, None)
    }
}

/// Errors if a run or result at `path` was made with other settings. The total of steps may grow where nothing depends
/// on it, and is what was counted where a time is given; the data may have moved if others would be `known`.
pub(super) fn refuse_changes(
    config: &Config,
    before: &Config,
    path: &Path,
    known: bool,
) -> Result<(), TrainError> {
    let (config, mut before) = (config.counted(before.train.steps), before.clone());
    if known {
        before.data = before.data.moved_to(&config.data);
    }
    before.checkpoint = config.checkpoint.clone();
    if config.optimiser.decay == Decay::Constant {
        before.train.steps = config.train.steps;
    }
    let changes = config.changes_since(&before);
    if changes.is_empty() {
        return Ok(());
    }
    Err(RunError::OtherRun { path: path.to_owned(), changes: changes.join("; ") }.into())
}
