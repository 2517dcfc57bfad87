//! `diffrep predict`.
use crate::ui::Ui;

/// Apply a saved probe to new images.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<()> {
    anyhow::bail!("`diffrep predict` is not built yet")
}
