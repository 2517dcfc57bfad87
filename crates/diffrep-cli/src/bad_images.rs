//! `--on-bad`: what to do with images that can't be read.
use crate::ui::Ui;
use clap::ValueEnum;
use diffrep::data::{Dataset, OnBad};

/// The choices.
#[derive(Clone, Copy, ValueEnum)]
pub enum BadImages {
    /// End with an error that names them.
    Fail,
    /// Leave them out.
    Skip,
}

impl From<BadImages> for OnBad {
    fn from(choice: BadImages) -> Self {
        match choice {
            BadImages::Fail => Self::Fail,
            BadImages::Skip => Self::Skip,
        }
    }
}

/// The option of commands that read images which their run may not have seen.
#[derive(clap::Args)]
pub struct BadImagesArgs {
    /// Images that can't be read: `fail` ends with an error that names them, `skip` leaves them out. Default: as the run's
    /// own data were read, `fail` unless its `data.on_bad` says otherwise.
    #[arg(long, value_enum, value_name = "HOW", hide_possible_values = true)]
    on_bad: Option<BadImages>,
}

impl BadImagesArgs {
    /// What was chosen, or `otherwise`.
    pub fn or(&self, otherwise: OnBad) -> OnBad {
        self.on_bad.map_or(otherwise, OnBad::from)
    }
}

/// Says what was left out of `dataset`.
pub fn tell_skipped(dataset: &Dataset, ui: &Ui) {
    if let Some(first) = dataset.skipped.first() {
        let more = match dataset.skipped.len() {
            1 => String::new(),
            count => format!(", and {} more (`diffrep data inspect --on-bad skip` lists all)", count - 1),
        };
        ui.message(format!("warning: {}: left out: {first}{more}", dataset.name));
    }
}
