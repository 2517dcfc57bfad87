//! `diffrep probe`.
use crate::ui::Ui;

/// Measure how good the embeddings are.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<()> {
    anyhow::bail!("`diffrep probe` is not built yet")
}
