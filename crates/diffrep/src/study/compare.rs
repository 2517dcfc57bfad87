//! Running a comparison: whatever is finished is not run again.
use super::check::{CheckedData, refuse_changes};
use super::exhibit::{exhibits, stems};
use super::plan::{Arm, StudyPlan};
use super::record::{self, BaselineRecord, CellRecord, Protocol, StudyRecord};
use super::table::markdown;
use super::{Budget, StudyError};
use crate::data::{self, Dataset, OpenOptions};
use crate::probe::{LabelledData, ProbeError, ProbeEvent, RunProbe, Score};
use crate::represent::{Autoencoder, LoadedEncoder};
use crate::train::checkpoint::{self, Weights, Which};
use crate::train::{
    CheckpointConfig, Config, DataConfig, Ending, Event, Limits, LockedRun, Plan, Record, RunFolder,
    TrainError, Trainer, metrics,
};
use burn::tensor::Device;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Who is told what is going on.
pub(super) type Observer<'a> = dyn FnMut(StudyEvent<'_>) + Send + 'a;

/// What is going on, for progress lines.
#[derive(Debug)]
pub enum StudyEvent<'a> {
    /// Data have been opened, those of the first method or others of which other images are left out.
    Opened(&'a Dataset),
    /// A method, seed and budget begins: number from 1, of all.
    Cell {
        /// Its name in the plan, or `baselines`.
        arm: &'a str,
        /// Seed of training.
        seed: u64,
        /// How long it is trained; `None` for the baselines, which aren't.
        budget: Option<Budget>,
        /// Its number, from 1.
        number: usize,
        /// All of them.
        of: usize,
        /// Whether its results are there already.
        finished: bool,
    },
    /// Its training.
    Train(Event<'a>),
    /// Its probes.
    Probe(ProbeEvent),
    /// Its results, new or from before.
    Done(&'a CellRecord),
}

/// A comparison in a folder: runs in `runs/`, results in `results/`, the table and figures beside them.
#[derive(Debug)]
pub struct Study<'a> {
    /// What to compare.
    pub plan: &'a StudyPlan,
    /// The folder.
    pub folder: &'a Path,
    /// Where networks are computed, without autodiff.
    pub device: &'a Device,
    /// Set by somebody who wants to stop; the same call then goes on later.
    pub stop: &'a AtomicBool,
}

impl Study<'_> {
    /// Trains and measures what isn't yet, then writes `compare.json`, `table.md` and the figures. `None` if it was
    /// stopped before.
    ///
    /// # Errors
    /// The first method that can't be trained or measured, named; results of the others are kept.
    pub fn run(&self, observe: &mut Observer<'_>) -> Result<Option<StudyRecord>, StudyError> {
        let data = self.check(observe)?;
        let results = self.folder.join("results");
        std::fs::create_dir_all(&results)
            .map_err(|error| StudyError::Write { path: results.clone(), error })?;
        let plan = self.plan;
        let of = plan.arms.len() * plan.seeds.len() * plan.budgets.len() + 1;
        let protocol = Protocol::of(&plan.t, &plan.probes, plan.test);
        self.refuse_results(&results, &data)?;
        let mut record = StudyRecord::default();
        let mut number = 0;
        for &seed in &plan.seeds {
            for arm in &plan.arms {
                for &budget in &plan.budgets {
                    number += 1;
                    let file = result_file(&results, (arm, seed, budget));
                    let known = record::read::<CellRecord>(&file)?.filter(|cell| cell.protocol == protocol);
                    let finished = known.is_some();
                    observe(StudyEvent::Cell {
                        arm: &arm.name,
                        seed,
                        budget: Some(budget),
                        number,
                        of,
                        finished,
                    });
                    let cell = match known {
                        Some(cell) => cell,
                        None => {
                            if self.stop.load(Ordering::Relaxed) {
                                return Ok(None);
                            }
                            let Some(mut cell) = self.cell(arm, seed, budget, &protocol, observe)? else {
                                return Ok(None);
                            };
                            let rows = data.fingerprint(&cell.config);
                            (cell.data_checksum, cell.pixels_checksum) = (rows.rows, rows.pixels);
                            record::write(&file, &cell)?;
                            cell
                        }
                    };
                    observe(StudyEvent::Done(&cell));
                    record.cells.push(cell);
                }
            }
        }
        let place = |cell: &CellRecord| (plan.arms.iter().position(|arm| arm.name == cell.arm), cell.seed);
        // Budgets of an arm and seed are in order already.
        record.cells.sort_by_key(place);
        record.baselines = self.baselines(&results, (&protocol, &data), (number + 1, of), observe)?;
        record::write(&self.folder.join("compare.json"), &record)?;
        record::write_text(&self.folder.join("table.md"), &markdown(&record))?;
        self.draw(&record)?;
        Ok(Some(record))
    }

    /// Writes the figures, and removes those of an earlier plan that this one hasn't.
    fn draw(&self, record: &StudyRecord) -> Result<(), StudyError> {
        let exhibits = exhibits(record)?;
        for stem in stems().filter(|stem| exhibits.iter().all(|exhibit| exhibit.stem != *stem)) {
            for end in ["svg", "png"] {
                let path = self.folder.join(format!("{stem}.{end}"));
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(StudyError::Write { path, error });
                    }
                    _ => {}
                }
            }
        }
        for exhibit in exhibits {
            exhibit.figure.save(self.folder, &exhibit.stem)?;
        }
        Ok(())
    }

    pub(super) fn run_folder(&self, arm: &Arm, seed: u64, budget: Budget) -> PathBuf {
        let name = match self.plan.planned(arm, budget) {
            Budget::Images(_) => format!("{}-seed{seed}", arm.name),
            planned => format!("{}-seed{seed}-{}", arm.name, planned.stem()),
        };
        self.folder.join("runs").join(name)
    }

    /// Trains up to the budget and measures. `None` if stopped.
    fn cell(
        &self,
        arm: &Arm,
        seed: u64,
        budget: Budget,
        protocol: &Protocol,
        observe: &mut Observer<'_>,
    ) -> Result<Option<CellRecord>, StudyError> {
        let (run, config) = (self.run_folder(arm, seed, budget), self.plan.config_of(arm, seed, budget));
        let within = |total| self.plan.steps(arm, budget, total);
        let trained = self.train(&run, &config, &within, observe).map_err(failed(arm, seed))?;
        let Some(steps) = trained else { return Ok(None) };
        let (which, weights) = (Which::Step(steps), Weights::Ema);
        let encoder = LoadedEncoder::open(&run, which, weights, self.device)?;
        let labelled = self.labelled_for(&encoder, &config.data).map_err(probing(&arm.name))?;
        let scores = self.probe(&encoder, &labelled, observe, |request, observe| {
            Ok(request.encoder(observe)?.into_iter().map(|outcome| outcome.score).collect())
        });
        let autoencoder = Autoencoder::open(&run, which, weights, self.device)?;
        let quality = autoencoder.map(|network| network.quality(&labelled.test.images)).transpose()?;
        Ok(Some(CellRecord {
            arm: arm.name.clone(),
            method: arm.config().objective.method.name().to_owned(),
            seed,
            images: match budget {
                Budget::Images(images) => images,
                Budget::Minutes(_) => steps * config.train.batch as u64,
            },
            minutes: matches!(budget, Budget::Minutes(_)).then_some(budget.amount()),
            steps,
            train_seconds: seconds_until(&run, steps)?,
            time_conditioned: encoder.is_time_conditioned(),
            config,
            protocol: protocol.clone(),
            data_checksum: None,
            pixels_checksum: None,
            scores: scores.map_err(probing(&arm.name))?,
            reconstruction: quality,
        }))
    }

    /// Trains a run up to the steps `within` its total and tells them; `None` if stopped before.
    fn train(
        &self,
        run: &Path,
        config: &Config,
        within: &dyn Fn(u64) -> u64,
        observe: &mut Observer<'_>,
    ) -> Result<Option<u64>, TrainError> {
        let mut trainer = match RunFolder::open(run) {
            Ok(folder) => {
                let before = folder.config()?;
                refuse_changes(config, &before, run, true)?;
                let steps = within(before.train.steps);
                let lock = LockedRun::acquire(run)?;
                // Whoever only measures must know as well that the images are those that it was trained on.
                let plan = Plan::existing_on(&folder, &config.data)?;
                lock.relocate(&config.data)?;
                // A budget that an earlier call trained beyond may be there still.
                if checkpoint::steps(run)?.contains(&steps) {
                    return Ok(Some(steps));
                }
                // Those that other budgets may be measured by again stay.
                let keep = config.checkpoint.keep.max(before.checkpoint.keep);
                let plan = plan.keeping(CheckpointConfig { keep, ..config.checkpoint.clone() });
                Trainer::resume(plan, lock, self.device)?
            }
            Err(_) => {
                let plan = Plan::new(config.clone(), run)?.counted(self.device)?;
                Trainer::create(plan, LockedRun::acquire(run)?, None, self.device)?
            }
        };
        let steps = within(trainer.plan().config().train.steps);
        let limits = Limits { steps, time: None, stop: self.stop };
        let ending = trainer.run(limits, &mut |event: Event<'_>| observe(StudyEvent::Train(event)))?;
        Ok((ending == Ending::Finished).then_some(steps))
    }

    /// The labelled images of what `encoder` was trained on, which lie where `place` says.
    fn labelled_for(&self, encoder: &LoadedEncoder, place: &DataConfig) -> Result<LabelledData, ProbeError> {
        let options = OpenOptions { labels: place.open_options().labels, ..encoder.own_open_options() };
        self.labelled(data::open(&place.source, &options)?)
    }

    fn probe(
        &self,
        encoder: &LoadedEncoder,
        labelled: &LabelledData,
        observe: &mut Observer<'_>,
        scores: impl Fn(&RunProbe<'_>, &(dyn Fn(ProbeEvent) + Sync)) -> Result<Vec<Score>, ProbeError>,
    ) -> Result<Vec<Score>, ProbeError> {
        let (t, settings) = (self.plan.t.clone(), self.plan.probes.clone());
        let request = RunProbe { encoder, labelled, t, settings, heads: Default::default(), score: None };
        // Probes tell their progress from several threads at once.
        let shared = Mutex::new(observe);
        scores(&request, &|event| {
            let mut observe = shared.lock().unwrap_or_else(PoisonError::into_inner);
            observe(StudyEvent::Probe(event));
        })
    }

    /// Scores of raw pixels, and of the first method's encoder before training, with the first seed.
    fn baselines(
        &self,
        results: &Path,
        (protocol, data): (&Protocol, &CheckedData),
        (number, of): (usize, usize),
        observe: &mut Observer<'_>,
    ) -> Result<Vec<Score>, StudyError> {
        let file = results.join("baselines.json");
        let (arm, seed, budget) = (&self.plan.arms[0], self.plan.seeds[0], self.plan.budgets[0]);
        let config = self.plan.config_of(arm, seed, budget);
        let rows = data.fingerprint(&config);
        let same = |known: &BaselineRecord| {
            let (before, known) = (known.config.as_ref(), known.fingerprint().can_tell(rows));
            before.is_some_and(|before| refuse_changes(&config, before, &file, known).is_ok())
        };
        let known =
            record::read::<BaselineRecord>(&file)?.filter(|known| known.protocol == *protocol && same(known));
        if let Some(known) = &known {
            data.refuse_others(&config, known.fingerprint(), &file)?;
        }
        let finished = known.is_some();
        observe(StudyEvent::Cell { arm: "baselines", seed, budget: None, number, of, finished });
        if let Some(known) = known {
            return Ok(known.scores);
        }
        let run = self.run_folder(arm, seed, budget);
        let encoder = LoadedEncoder::open(&run, Which::Latest, Weights::Ema, self.device)?;
        let labelled = self.labelled_for(&encoder, &config.data).map_err(probing("baselines"))?;
        let scores = self
            .probe(&encoder, &labelled, observe, |request, observe| request.baselines(&run, observe))
            .map_err(probing("baselines"))?;
        let record = BaselineRecord {
            protocol: protocol.clone(),
            data_checksum: rows.rows,
            pixels_checksum: rows.pixels,
            config: Some(config),
            scores: scores.clone(),
        };
        record::write(&file, &record)?;
        Ok(scores)
    }
}

pub(super) fn result_file(results: &Path, (arm, seed, budget): (&Arm, u64, Budget)) -> PathBuf {
    results.join(format!("{}-seed{seed}-{}.json", arm.name, budget.stem()))
}

pub(super) fn failed(arm: &Arm, seed: u64) -> impl FnOnce(TrainError) -> StudyError {
    let arm = arm.name.clone();
    move |error| StudyError::Train { arm, seed, error: Box::new(error) }
}

pub(super) fn probing(arm: &str) -> impl Fn(ProbeError) -> StudyError {
    let arm = arm.to_owned();
    move |error| StudyError::Probe { arm: arm.clone(), error }
}

/// Wall-clock seconds of training up to `steps`, from the run's metrics.
fn seconds_until(run: &Path, steps: u64) -> Result<f64, StudyError> {
    let records = metrics::read(run)?;
    let mut seconds = records.iter().filter_map(|record| match record {
        Record::Train(record) if record.step <= steps => Some(record.seconds),
        _ => None,
    });
    Ok(seconds.next_back().unwrap_or(0.0))
}
