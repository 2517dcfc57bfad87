//! `diffrep encode`.
use crate::ui::Ui;

/// Turn images into embeddings at chosen levels of detail.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<()> {
    anyhow::bail!("`diffrep encode` is not built yet")
}
