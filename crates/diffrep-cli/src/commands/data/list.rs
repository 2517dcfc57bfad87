//! `diffrep data list`.
use crate::ui::Ui;
use diffrep::data::{BUILT_IN, fetch::FETCHABLE};
use serde_json::json;

/// Show the built-in data sets and those that can be fetched.
#[derive(clap::Args)]
pub struct Args {}

pub fn run(_args: Args, ui: &Ui) -> anyhow::Result<()> {
    let built_in = BUILT_IN.iter().map(|set| (set.0, "built in", set.1));
    let sets: Vec<_> = built_in.chain(FETCHABLE.iter().map(|set| (set.name, "fetch", set.about))).collect();
    let value: Vec<_> = sets
        .iter()
        .map(|(name, from, about)| json!({ "name": name, "from": from, "about": about }))
        .collect();
    ui.result(&value, || {
        let line = |(name, from, about): &(&str, &str, &str)| format!("{name:14} {from:9} {about}");
        sets.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}
