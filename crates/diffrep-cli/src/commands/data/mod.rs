//! `diffrep data`.
mod fetch;
mod inspect;
mod list;
mod open_args;
mod split;

use crate::ui::Ui;
use clap::Subcommand;

/// List, fetch, inspect and split data sets.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    List(list::Args),
    Fetch(fetch::Args),
    Inspect(inspect::Args),
    Split(split::Args),
}

pub fn run(args: Args, ui: &Ui) -> anyhow::Result<()> {
    match args.command {
        Command::List(args) => list::run(args, ui),
        Command::Fetch(args) => fetch::run(args, ui),
        Command::Inspect(args) => inspect::run(args, ui),
        Command::Split(args) => split::run(args, ui),
    }
}
