//! `diffrep train`.
use crate::ui::Ui;

/// Train an encoder by denoising score matching.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<()> {
    anyhow::bail!("`diffrep train` is not built yet")
}
