//! One file a command: its arguments and what it does with the library.
use crate::ui::Ui;
use clap::Subcommand;

mod analyse;
mod bench;
mod compare;
mod data;
mod devices;
mod encode;
mod export;
mod import;
mod interpolate;
mod latent;
mod likelihood;
mod neighbours;
mod predict;
mod probe;
mod quickstart;
mod reconstruct;
mod report;
mod sample;
mod semi;
mod train;

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    Quickstart(quickstart::Args),
    Train(Box<train::Args>),
    Encode(encode::Args),
    Probe(probe::Args),
    Predict(predict::Args),
    Neighbours(neighbours::Args),
    Analyse(analyse::Args),
    Semi(Box<semi::Args>),
    Compare(compare::Args),
    Sample(sample::Args),
    Reconstruct(reconstruct::Args),
    Interpolate(interpolate::Args),
    Latent(latent::Args),
    Likelihood(likelihood::Args),
    Report(report::Args),
    Data(data::Args),
    Import(import::Args),
    Export(export::Args),
    Bench(bench::Args),
    Devices(devices::Args),
}

impl Command {
    /// Runs the command.
    pub fn run(self, ui: &Ui) -> anyhow::Result<()> {
        match self {
            Self::Quickstart(args) => quickstart::run(args, ui),
            Self::Train(args) => train::run(&args, ui),
            Self::Encode(args) => encode::run(args, ui),
            Self::Probe(args) => probe::run(args, ui),
            Self::Predict(args) => predict::run(args, ui),
            Self::Neighbours(args) => neighbours::run(args, ui),
            Self::Analyse(args) => analyse::run(args, ui),
            Self::Semi(args) => semi::run(&args, ui),
            Self::Compare(args) => compare::run(&args, ui),
            Self::Sample(args) => sample::run(args, ui),
            Self::Reconstruct(args) => reconstruct::run(args, ui),
            Self::Interpolate(args) => interpolate::run(args, ui),
            Self::Latent(args) => latent::run(args, ui),
            Self::Likelihood(args) => likelihood::run(args, ui),
            Self::Report(args) => report::run(args, ui),
            Self::Data(args) => data::run(args, ui),
            Self::Import(args) => import::run(args, ui),
            Self::Export(args) => export::run(&args, ui),
            Self::Bench(args) => bench::run(&args, ui),
            Self::Devices(devices::Args {}) => devices::run(ui),
        }
    }
}
