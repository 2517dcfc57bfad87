//! `diffrep neighbours`.
use crate::ui::Ui;

/// Find the most similar images at a level of detail.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<()> {
    anyhow::bail!("`diffrep neighbours` is not built yet")
}
