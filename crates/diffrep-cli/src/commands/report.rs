//! `diffrep report`.
use crate::ui::Ui;

/// Write a self-contained HTML report of a run.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<()> {
    anyhow::bail!("`diffrep report` is not built yet")
}
