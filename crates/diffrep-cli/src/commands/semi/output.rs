//! What `diffrep semi` writes and shows.
use super::Args;
use crate::arguments::without_options;
use crate::training::{ended, outcome};
use crate::ui::{self, Ui};
use anyhow::{Result, ensure};
use diffrep::semi::{Outcome, Protocol, SemiTask, Summary};
use diffrep::train::Ending;
use serde_json::json;
use std::path::Path;

/// Doubtful images that the report shows.
const SHOWN: usize = 40;

/// Errors if the folder `out` has the outcome of another command, which would be lost. How many images are suggested makes no
/// difference.
pub fn refuse_another(protocol: &Protocol, out: &Path) -> Result<()> {
    let Some(before) = Summary::read(out)? else { return Ok(()) };
    let [before, now] = [&before.protocol, protocol]
        .map(|protocol| without_options(protocol.arguments.iter().map(String::as_str), &["--suggest"]));
    let command = before.join(" ");
    // Files of earlier versions don't tell.
    ensure!(
        before.is_empty() || before == now,
        "{} has what `diffrep {command}` made; give another folder with --out",
        out.display()
    );
    Ok(())
}

/// Writes predictions and summary into the folder `out`, and shows them.
pub fn finished(
    args: &Args,
    protocol: &Protocol,
    (task, outcome): (&SemiTask, &Outcome),
    out: &Path,
    ui: &Ui,
) -> Result<()> {
    let files = ["predictions.csv", "predictions.parquet"].map(|name| out.join(name));
    for file in &files {
        outcome.write(file, &task.images)?;
    }
    let summary = outcome.summary(&args.method, protocol.clone(), &task.images, args.suggest.max(SHOWN))?;
    summary.save(out)?;
    if !summary.converged {
        let residual = summary.residual;
        ui.message(format!(
            "warning: the solver stopped before its tolerance; relative residual {residual:.1e}"
        ));
    }
    show(&summary, args.suggest, &files[0], ui)
}

/// Tells how far a run came that its limits have ended: its step of all steps.
pub fn unfinished(args: &Args, ending: Ending, (step, steps): (u64, u64), out: &Path, ui: &Ui) -> Result<()> {
    let ended = ended(ending);
    let value = json!({"run": out, "method": args.method, "ended": ended, "step": step, "steps": steps});
    ui.result(&value, || {
        let run = out.display();
        format!("{run}: {ended} at step {step} of {steps}; the same command goes on from there")
    })?;
    outcome(ending, out)
}

fn show(summary: &Summary, suggest: usize, file: &Path, ui: &Ui) -> Result<()> {
    let suggested: Vec<&str> = summary.doubtful.iter().take(suggest).map(|image| image.id.as_str()).collect();
    let mut value = serde_json::to_value(summary)?;
    value["ended"] = json!(ended(Ending::Finished));
    value["predictions"] = json!(file);
    value["suggested"] = json!(suggested);
    ui.result(&value, || {
        let percent =
            |accuracy: Option<f64>| accuracy.map_or("–".to_owned(), |a| format!("{:.2} %", 100.0 * a));
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let mut rows = vec![
            row("data", summary.protocol.data.clone()),
            row("images", summary.images.to_string()),
            row("of these labelled", format!("{} ({})", summary.labelled, summary.protocol.labels)),
            row("features", summary.protocol.features.clone()),
            row("accuracy, unlabelled images", percent(summary.unlabelled_accuracy)),
            row("accuracy, test images", percent(summary.test_accuracy)),
        ];
        if summary.unreached > 0 {
            rows.push(row("images that no label reaches", summary.unreached.to_string()));
        }
        rows.push(row("predictions", file.display().to_string()));
        let mut text = ui::table(&[summary.method.as_str(), ""], &rows);
        if !suggested.is_empty() {
            text += &format!("\n\nlabel these next:\n  {}", suggested.join("\n  "));
        }
        text
    })
}
