//! Probes of the score network's features: a grid of block × t, the best place in it, and both sources together.
use super::ProbeError;
use super::features::{Column, Features};
use super::protocol::{Outcome, Settings};
use super::recipe::ProbeKind;
use super::request::{ProbeEvent, RunProbe, ScoreProbe};
use super::score::{ENCODER, Origin, Score, best_validated, headline, mark_headlines};
use crate::data::ImageSet;
use crate::represent::{BATCH, BestPlace, Place, RepresentError, ScorePlace, read_places};

/// Name of the source in progress bars.
const SCORE: &str = "score network";
/// Name of both sources together.
const BOTH: &str = "encoder + score";

/// Scores of sources `score BLOCK` for every t, and with a search of `encoder + score` and the best place of all.
///
/// `encoder` are the scores of the encoder under the same request. The places are compared by the validation accuracy of
/// the first probe; where nothing could be validated there is no best place.
pub(super) fn probe_score(
    request: &RunProbe,
    score: &ScoreProbe,
    encoder: &[Score],
    observe: &(dyn Fn(ProbeEvent) + Sync),
) -> Result<(Vec<Score>, Option<BestPlace>), ProbeError> {
    let origin = Origin { score_input: Some(score.input), ..Origin::of(score.network.encoder()) };
    let probes = &request.settings.probes;
    let settings = match score.search {
        true => Settings { probes: probes[..1].to_vec(), few_labels: Vec::new(), ..request.settings.clone() },
        false => request.settings.clone(),
    };
    let mut scores = grid(request, score, &origin, &settings, observe)?;
    let Some(best) = best(&scores, probes[0]).filter(|_| score.search).cloned() else {
        return Ok((scores, None));
    };
    let at = ScorePlace {
        block: best.source.trim_start_matches("score ").parse().map_err(RepresentError::from)?,
        t: best.t.unwrap_or(0.0),
        input: score.input,
    };
    let place = Place { encoder: None, score: Some(at) };
    let others = Settings { probes: probes[1..].to_vec(), ..request.settings.clone() };
    if !others.probes.is_empty() {
        scores.extend(at_place(request, score, &best.source, place, &origin, &others, observe)?);
    }
    let code = headline(encoder, ENCODER, probes[0]);
    let mut candidates = vec![(place, best.validation_accuracy)];
    if let Some(code) = code {
        let both = Place { encoder: code.t, ..place };
        let found = at_place(request, score, BOTH, both, &origin, &request.settings, observe)?;
        let validation = headline(&found, BOTH, probes[0]).and_then(|score| score.validation_accuracy);
        scores.extend(found);
        candidates.insert(0, (Place { encoder: code.t, score: None }, code.validation_accuracy));
        candidates.push((both, validation));
    }
    // Of equal ones the first, so the simplest.
    let best = candidates.into_iter().reduce(|best, next| if next.1 > best.1 { next } else { best });
    let network = score.network.encoder();
    let record = best.and_then(|(place, validation)| {
        Some(BestPlace {
            place,
            weights: network.weights().to_owned(),
            step: network.step()?,
            precision: network.precision(),
            probe: probes[0].name().to_owned(),
            validation_accuracy: validation?,
            data: request.labelled.data.train_data.clone(),
            label: request.labelled.data.label.clone(),
        })
    });
    Ok((scores, record))
}

/// The grid of block × t, one t after another, since the features of all blocks are read together.
fn grid(
    request: &RunProbe,
    score: &ScoreProbe,
    origin: &Origin,
    settings: &Settings,
    observe: &(dyn Fn(ProbeEvent) + Sync),
) -> Result<Vec<Score>, ProbeError> {
    let channels = score.blocks.iter().map(|&block| score.network.channels(block));
    let channels = channels.collect::<Result<Vec<_>, _>>()?;
    let stride: usize = channels.iter().sum();
    let mut by_block: Vec<Vec<Score>> = vec![Vec::new(); score.blocks.len()];
    let [train, test] = [&request.labelled.train.images, &request.labelled.test.images];
    let total = request.t.len() * (train.len() + test.len());
    for (level, &t) in request.t.iter().enumerate() {
        // Test rows follow the training rows: no two images have the same noise.
        let read = |set: &ImageSet, before: usize| {
            let mut values = Vec::with_capacity(set.len() * stride);
            score.network.features(
                set,
                before,
                &[t],
                &score.blocks,
                score.input,
                BATCH,
                |first, block| {
                    values.extend_from_slice(block);
                    let done = level * (train.len() + test.len()) + before + first + block.len() / stride;
                    observe(ProbeEvent::Encoding(SCORE, done, total));
                    Ok::<_, RepresentError>(())
                },
            )?;
            Ok::<_, RepresentError>(values)
        };
        let (train, test) = (read(train, 0)?, read(test, train.len())?);
        let mut offset = 0;
        for ((block, &channels), scores) in score.blocks.iter().zip(&channels).zip(&mut by_block) {
            let part = |values| Features::part(values, stride, offset, channels);
            let column = Column { t: Some(t), train: part(&train), test: part(&test) };
            offset += channels;
            // Progress of the grid is that of reading; its probes are fast.
            let outcomes =
                request.probe(&format!("score {block}"), vec![column], origin, settings, &|_| ())?;
            scores.extend(outcomes.into_iter().map(|outcome| outcome.score));
        }
    }
    by_block.iter_mut().for_each(|scores| mark_headlines(scores));
    Ok(by_block.into_iter().flatten().collect())
}

/// The best score of a probe that has a validation accuracy.
fn best(scores: &[Score], probe: ProbeKind) -> Option<&Score> {
    let candidates = scores.iter().filter(|s| s.probe == probe && s.labels_per_class.is_none());
    best_validated(candidates.filter(|score| score.validation_accuracy.is_some()))
}

fn at_place(
    request: &RunProbe,
    score: &ScoreProbe,
    name: &str,
    place: Place,
    origin: &Origin,
    settings: &Settings,
    observe: &(dyn Fn(ProbeEvent) + Sync),
) -> Result<Vec<Score>, ProbeError> {
    let dim = place.dim(score.network)?;
    let [train, test] = [&request.labelled.train.images, &request.labelled.test.images];
    let read = |set: &ImageSet, before: usize| {
        let mut values = Vec::with_capacity(set.len() * dim);
        read_places(score.network, set, before, &[place], BATCH, |first, block| {
            values.extend_from_slice(block);
            let done = before + first + block.len() / dim;
            observe(ProbeEvent::Encoding(place.source(), done, train.len() + test.len()));
            Ok::<_, RepresentError>(())
        })?;
        Ok::<_, RepresentError>(values)
    };
    let (train, test) = (read(train, 0)?, read(test, train.len())?);
    let t = place.score.map(|score| score.t);
    let column = Column { t, train: Features::new(&train, dim), test: Features::new(&test, dim) };
    let outcomes: Vec<Outcome> = request.probe(name, vec![column], origin, settings, observe)?;
    Ok(outcomes.into_iter().map(|outcome| outcome.score).collect())
}
