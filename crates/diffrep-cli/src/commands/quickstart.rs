//! `diffrep quickstart`.
use crate::ui::Ui;

/// Train on the built-in digits, probe and report: two minutes from nothing to a result.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _ui: &Ui) -> anyhow::Result<()> {
    anyhow::bail!("`diffrep quickstart` is not built yet")
}
