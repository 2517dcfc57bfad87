//! `diffrep quickstart`: three commands in a row, each shown as one would type it.
use super::{probe, report, train};
use crate::training::Stopped;
use crate::ui::Ui;
use anyhow::Result;
use clap::{FromArgMatches, Parser};
use diffrep::report::shell_word;
use diffrep::train::Ending;
use serde_json::json;
use std::path::PathBuf;

/// Train on the built-in digits, probe the codes, write a report: two minutes from nothing to a result.
#[derive(clap::Args)]
pub struct Args {
    /// Run folder. Given again, it is continued, not overwritten. Default: runs/quickstart.
    #[arg(long, value_name = "RUN", default_value = "runs/quickstart", hide_default_value = true)]
    out: PathBuf,
    /// Training steps. Default: the preset's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
}

/// A command line that holds the arguments of one command only.
#[derive(Parser)]
struct Line<A: clap::Args + FromArgMatches> {
    #[command(flatten)]
    args: A,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let run = args.out.to_string_lossy().into_owned();
    let mut line = vec!["train", "--data", "digits", "--preset", "digits", "--out", &run];
    let steps = args.steps.map(|steps| steps.to_string());
    if let Some(steps) = &steps {
        line.extend(["--steps", steps]);
    }
    let (trainer, ending, _) = train::train(&parse(ui, &line), ui)?;
    if ending == Ending::Stopped {
        let (run, step) = (shell_word(&run), trainer.step());
        let steps = steps.map_or(String::new(), |steps| format!(" --steps {steps}"));
        return Err(
            Stopped(format!("`diffrep quickstart --out {run}{steps}` goes on from step {step}")).into()
        );
    }
    let (scores, settings) = probe::measure(&parse(ui, &["probe", &run]), vec!["probe".to_owned()], ui)?;
    let written = report::write(parse(ui, &["report", &run]), ui)?;
    let value = json!({"run": args.out, "scores": scores.scores, "report": written.page});
    ui.result(&value, || {
        format!("\n{}\n\nreport: {}", probe::text(&scores, &settings), written.page.display())
    })
}

/// The arguments of the command `line`, which is shown to the user.
fn parse<A: clap::Args + FromArgMatches>(ui: &Ui, line: &[&str]) -> A {
    let words: Vec<String> = line.iter().map(|word| shell_word(word)).collect();
    ui.message(format!("\n$ diffrep {}", words.join(" ")));
    Line::<A>::parse_from(line).args
}
