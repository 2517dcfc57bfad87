//! `diffrep import`.
use crate::ui::Ui;

/// Import a checkpoint of the published PyTorch code as a run.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<()> {
    anyhow::bail!("`diffrep import` is not built yet")
}
