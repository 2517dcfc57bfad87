//! The probe of a run: its encoder beside raw pixels and a random encoder.
use super::ProbeError;
use super::protocol::Outcome;
use super::request::{ProbeEvent, RunProbe};
use super::saved::{HeadRecord, SavedHead, TrajectoryRecord};
use super::score::{Score, Scores, best_validated};
use super::score_probe::probe_score;
use crate::files::PartFile;
use std::path::Path;

/// File in the run folder.
const FILE: &str = "probe.json";

/// Probes raw pixels, the encoder with random weights, and the encoder of the run at `path`, under the same protocol;
/// writes `probe.json`, the head with the best validation accuracy, and the best place if one was searched, into the run
/// folder. `arguments` are the words of the command, kept for whoever wants to measure again.
///
/// # Errors
/// As [`run`](super::run) and [`LabelledData::refuse_learned`](super::LabelledData::refuse_learned), and images that can't be
/// read, files that can't be written, heads over all levels where there is one.
pub fn probe_run(
    path: &Path,
    request: &RunProbe,
    arguments: Vec<String>,
    observe: &(dyn Fn(ProbeEvent) + Sync),
) -> Result<Scores, ProbeError> {
    let RunProbe { encoder, labelled, .. } = request;
    labelled.refuse_learned(encoder)?;
    labelled.refuse_unlearnable(&request.settings.few_labels)?;
    if let ([head, ..], 1) = (&request.heads.0[..], request.levels().len()) {
        return Err(ProbeError::OneLevel { head: head.name() });
    }
    for (name, side) in
        [(&labelled.data.train_data, &labelled.train), (&labelled.data.test_data, &labelled.test)]
    {
        encoder.check(name, &side.images)?;
    }
    let mut scores = request.baselines(path, observe)?;
    let outcomes = request.encoder(observe)?;
    let head = best_head(&outcomes, request);
    let encoder_scores: Vec<Score> = outcomes.into_iter().map(|outcome| outcome.score).collect();
    if let Some(score) = &request.score {
        let (found, best) = probe_score(request, score, &encoder_scores, observe)?;
        if let Some(best) = best {
            best.save(path)?;
        }
        scores.extend(encoder_scores);
        scores.extend(found);
    } else {
        scores.extend(encoder_scores);
    }
    if let Some(head) = head {
        head.save(path)?;
    }
    let scores = Scores { scores, arguments };
    write(path, &scores)?;
    Ok(scores)
}

/// The head, trained with all labels, whose validation accuracy is best.
fn best_head(outcomes: &[Outcome], request: &RunProbe) -> Option<SavedHead> {
    let candidates = outcomes.iter().filter(|outcome| {
        outcome.head.is_some() && outcome.score.headline && outcome.score.labels_per_class.is_none()
    });
    let score = best_validated(candidates.map(|outcome| &outcome.score))?;
    let best = outcomes.iter().find(|outcome| std::ptr::eq(&outcome.score, score))?;
    let encoder = request.encoder;
    let record = HeadRecord {
        classes: request.labelled.classes.clone(),
        probe: score.probe,
        t: score.t.or(request.t.first().copied())?,
        trajectory: score.origin.levels.clone().map(|levels| TrajectoryRecord {
            levels,
            dim: encoder.dim(),
            hidden: score.recipe.hidden,
        }),
        weights: encoder.weights().to_owned(),
        step: encoder.step()?,
        precision: encoder.precision(),
        train_data: score.data.train_data.clone(),
        label: score.data.label.clone(),
        validation_accuracy: score.validation_accuracy,
        test_accuracy: score.accuracy,
    };
    Some(SavedHead { head: best.head.clone()?, record })
}

fn write(run: &Path, scores: &Scores) -> Result<(), ProbeError> {
    let path = run.join(FILE);
    let text = serde_json::to_string_pretty(scores).expect("scores hold strings and numbers");
    PartFile::write_whole(&path, text.as_bytes())
        .map_err(|error| ProbeError::Write { path: path.clone(), error })
}
