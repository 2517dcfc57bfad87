//! `diffrep data`.
use crate::ui::Ui;

/// List, fetch, inspect and split data sets.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<()> {
    anyhow::bail!("`diffrep data` is not built yet")
}
