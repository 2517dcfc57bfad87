//! Progress of a training run on standard error, and what stops it.
use crate::encoder::bar;
use crate::ui::Ui;
use anyhow::Context;
use diffrep::nn::parameters::{Kind, Layout};
use diffrep::train::{Event, HealthRecord, Observer, Record, Trainer};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const TEMPLATE: &str = "{bar:30} {pos}/{len} steps  {msg}  {eta} left";

/// A bar with rate and remaining time, and a line for what matters.
pub struct TrainingProgress<'a> {
    ui: &'a Ui,
    bar: ProgressBar,
}

impl<'a> TrainingProgress<'a> {
    /// No bar yet: it appears when training starts.
    pub fn new(ui: &'a Ui) -> Self {
        Self { ui, bar: ProgressBar::hidden() }
    }

    /// Says what will run: images, parameters by part, estimated memory.
    pub fn describe(&self, trainer: &Trainer) {
        let (plan, layout) = (trainer.plan(), trainer.layout());
        let (record, config) = (plan.record(), plan.config());
        let held_out = record.held_out_rows.len();
        self.ui.message(format!(
            "{}: {} images of {} to train with, {held_out} held out",
            record.dataset,
            record.train_images - held_out,
            record.shape
        ));
        let parts: Vec<String> =
            parts(layout).into_iter().map(|(name, count)| format!("{name} {count}")).collect();
        let total = layout.trainable_len();
        self.ui.message(format!(
            "{}: {total} parameters ({})",
            config.objective.method.name(),
            parts.join(", ")
        ));
        let mebibytes = plan.memory_estimate(layout.len()) >> 20;
        self.ui.message(format!("memory: about {mebibytes} MiB in batches of {}", config.train.batch));
        self.ui.message(format!("run folder: {}", trainer.path().display()));
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// A line above the bar.
    fn line(&self, text: String) {
        if self.bar.is_hidden() {
            self.ui.message(text);
        } else {
            self.bar.println(text);
        }
    }
}

impl Observer for TrainingProgress<'_> {
    fn notice(&mut self, event: Event<'_>) {
        match event {
            Event::Started { step, total, .. } => {
                if step > 0 {
                    self.ui.message(format!("going on after step {step}"));
                }
                if self.ui.shows_progress() {
                    let style = ProgressStyle::with_template(TEMPLATE).expect("the template is a constant");
                    self.bar = ProgressBar::new(total).with_style(style).with_position(step);
                    self.bar.reset_eta();
                }
            }
            Event::Step { step, figures, images_per_second } => {
                self.bar.set_position(step);
                self.bar.set_message(format!("loss {:.1}  {images_per_second:.0} images/s", figures.loss));
            }
            Event::Estimate { seconds_left } => {
                let left = Duration::try_from_secs_f64(seconds_left).unwrap_or(Duration::MAX);
                self.line(format!("time left: about {}", HumanDuration(left)));
            }
            Event::Recorded(Record::Health(health)) => self.line(health_line(health)),
            Event::Recorded(record) => {
                if let Some(warning) = record.warning() {
                    self.line(format!("warning (step {}): {warning}", record.step()));
                }
            }
            Event::Saved { .. } => {}
        }
    }
}

fn health_line(health: &HealthRecord) -> String {
    let mut line = format!("step {}: held-out loss {:.2}", health.step, health.held_out_loss);
    if let Some(gain) = health.z_gain {
        line += &format!(", z-gain {gain:.2}");
    }
    line += &format!(", effective rank {:.1}", health.effective_rank);
    if let Some(accuracy) = health.knn_accuracy {
        line += &format!(", kNN {:.1} %", 100.0 * accuracy);
    }
    line
}

/// Trainable numbers of each field of the model.
fn parts(layout: &Layout) -> Vec<(&str, usize)> {
    let mut parts: Vec<(&str, usize)> = Vec::new();
    for entry in layout.entries().iter().filter(|entry| entry.kind == Kind::Trainable) {
        let name = entry.name.split('.').next().unwrap_or_default();
        match parts.last_mut() {
            Some((last, count)) if *last == name => *count += entry.range.len(),
            _ => parts.push((name, entry.range.len())),
        }
    }
    parts
}

/// A flag that Ctrl-C sets. Pressed again, or when nobody holds the flag any more, it ends the process at once.
pub fn stop_on_ctrl_c(ui: &Ui) -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, ui) = (Arc::clone(&stop), *ui);
    let handler = move || {
        if Arc::strong_count(&flag) == 1 || flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        ui.message("stopping as soon as what is done can be kept; Ctrl-C again ends at once");
    };
    ctrlc::set_handler(handler).context("can't listen for Ctrl-C")?;
    Ok(stop)
}

/// One bar for each stage of long work that tells its progress from several threads.
pub struct Stages<'a> {
    ui: &'a Ui,
    stage: Mutex<Option<(String, ProgressBar)>>,
}

impl<'a> Stages<'a> {
    /// No bar yet: it appears with the first stage.
    pub fn new(ui: &'a Ui) -> Self {
        Self { ui, stage: Mutex::new(None) }
    }

    /// `done` of `total` `unit`s are done; another unit is another stage.
    pub fn show(&self, unit: String, done: usize, total: usize) {
        let mut stage = self.stage.lock().expect("no holder panics");
        if stage.as_ref().is_none_or(|(name, _)| *name != unit) {
            if let Some((_, bar)) = stage.take() {
                bar.finish_and_clear();
            }
            let bar = bar(self.ui, total, &unit);
            *stage = Some((unit, bar));
        }
        if let Some((_, bar)) = stage.as_ref() {
            bar.set_position(done as u64);
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Some((_, bar)) = self.stage.lock().expect("no holder panics").take() {
            bar.finish_and_clear();
        }
    }
}
