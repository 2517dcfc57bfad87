//! Where features are best read, as a probe found it, for whoever encodes later.
use super::encode::batches;
use super::{RepresentError, ScoreInput, ScoreNetwork};
use crate::data::ImageSet;
use crate::files::PartFile;
use crate::nn::{BlockName, Precision, PrecisionName};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// File in the run folder.
const FILE: &str = "features.json";

/// A block of the score network at a level of detail.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScorePlace {
    /// The block.
    pub block: BlockName,
    /// Level of detail in [0, 1].
    pub t: f64,
    /// What the network is given.
    #[serde(flatten)]
    pub input: ScoreInput,
}

/// What a feature vector is made of: the encoder's code, a block of the score network, or both one after another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Level of detail of the encoder's code, in [0, 1].
    pub encoder: Option<f64>,
    /// Where the score network is read.
    pub score: Option<ScorePlace>,
}

impl Place {
    /// `encoder`, `score` or `encoder + score`.
    pub fn source(&self) -> &'static str {
        match (self.encoder, self.score) {
            (Some(_), Some(_)) => "encoder + score",
            (_, Some(_)) => "score",
            _ => "encoder",
        }
    }

    /// Numbers in a feature vector.
    ///
    /// # Errors
    /// A block that the network doesn't have.
    pub fn dim(&self, network: &ScoreNetwork) -> Result<usize, RepresentError> {
        let channels = self.score.map_or(Ok(0), |place| network.channels(place.block))?;
        Ok(channels + self.encoder.map_or(0, |_| network.encoder().dim()))
    }

    /// Features `[n, dim]` of standardised images, the first of which is row `first_row` for the noise.
    fn of(&self, network: &ScoreNetwork, images: &[f32], first_row: usize) -> Vec<f32> {
        let encoder = network.encoder();
        let rows = images.len() / encoder.preprocess().shape().len();
        let codes = self.encoder.map(|t| encoder.codes(images.to_vec(), t));
        let pooled = self.score.map(|place| {
            network
                .pooled(images, first_row, place.t, &[place.block], place.input)
                .into_iter()
                .flatten()
                .collect()
        });
        let parts: Vec<Vec<f32>> = codes.into_iter().chain(pooled).collect();
        let width = |part: &[f32]| part.len() / rows;
        let row = |row: usize| parts.iter().flat_map(move |part| &part[row * width(part)..][..width(part)]);
        (0..rows).flat_map(row).copied().collect()
    }
}

/// Reads the features of `set` at `places`, which all have the width of the first; `sink` gets the first row of each
/// batch and `[n, places, dim]`. `first_row` is as in [`ScoreNetwork::features`].
///
/// # Errors
/// As there.
pub fn read_places<E: From<RepresentError>>(
    network: &ScoreNetwork,
    set: &ImageSet,
    first_row: usize,
    places: &[Place],
    batch: usize,
    mut sink: impl FnMut(usize, &[f32]) -> Result<(), E>,
) -> Result<(), E> {
    let encoder = network.encoder();
    encoder.check("the data", set)?;
    let widths = places.iter().map(|place| place.dim(network)).collect::<Result<Vec<_>, _>>()?;
    let dim = widths.first().copied().unwrap_or(0);
    batches(set, encoder.preprocess(), batch, |start, images| {
        let rows = images.len() / encoder.preprocess().shape().len();
        let mut values = vec![0.0; rows * places.len() * dim];
        for (column, place) in places.iter().enumerate() {
            for (row, features) in place.of(network, &images, first_row + start).chunks_exact(dim).enumerate()
            {
                values[(row * places.len() + column) * dim..][..dim].copy_from_slice(features);
            }
        }
        sink(start, &values)
    })
}

/// The place whose probe did best on validation rows, and everything needed to read it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestPlace {
    /// The place.
    #[serde(flatten)]
    pub place: Place,
    /// `ema` or `raw`.
    pub weights: String,
    /// Training step of the checkpoint.
    pub step: u64,
    /// How the networks multiplied.
    #[serde(with = "PrecisionName")]
    pub precision: Precision,
    /// The probe that chose.
    pub probe: String,
    /// Its mean accuracy on validation rows, in [0, 1].
    pub validation_accuracy: f64,
    /// Data whose labels chose.
    pub data: String,
    /// Label column.
    pub label: String,
}

impl BestPlace {
    /// Writes the record into the run folder, whole or not at all.
    ///
    /// # Errors
    /// A place that can't be written.
    pub fn save(&self, run: &Path) -> Result<(), RepresentError> {
        let path = run.join(FILE);
        let text =
            serde_json::to_string_pretty(self).expect("a record holds strings and finite numbers only");
        PartFile::write_whole(&path, text.as_bytes())
            .map_err(|error| RepresentError::Write { path: path.clone(), error })
    }

    /// Reads the record of a run folder.
    ///
    /// # Errors
    /// No record there, or one that can't be understood.
    pub fn load(run: &Path) -> Result<Self, RepresentError> {
        let path = run.join(FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(RepresentError::NoBestPlace { path });
            }
            Err(error) => return Err(RepresentError::Record { path, reason: error.to_string() }),
        };
        let damaged = |reason: String| RepresentError::Record { path, reason };
        let best: Self = match serde_json::from_slice(&text) {
            Ok(best) => best,
            Err(error) => return Err(damaged(error.to_string())),
        };
        let Place { encoder, score } = best.place;
        let mut levels = encoder.into_iter().chain(score.map(|score| score.t)).peekable();
        match levels.peek().is_some() && levels.all(|t| (0.0..=1.0).contains(&t)) {
            true => Ok(best),
            false => Err(damaged("it names no network to read at a t in [0, 1]".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_saved() {
        let folder = tempfile::tempdir().unwrap();
        let missing = BestPlace::load(folder.path()).unwrap_err().to_string();
        assert!(missing.contains("run `diffrep probe --grid` on this run first"), "{missing}");
        let score = ScorePlace { block: BlockName::Up(1, 0), t: 0.3, input: ScoreInput::default() };
        let best = BestPlace {
            place: Place { encoder: Some(0.5), score: Some(score) },
            weights: "ema".to_owned(),
            step: 7,
            precision: Precision::F32,
            probe: "linear".to_owned(),
            validation_accuracy: 0.5,
            data: "a".to_owned(),
            label: "label".to_owned(),
        };
        best.save(folder.path()).unwrap();
        assert_eq!(BestPlace::load(folder.path()).unwrap(), best);
        std::fs::write(folder.path().join(FILE), "{}").unwrap();
        let damaged = BestPlace::load(folder.path()).unwrap_err().to_string();
        assert!(damaged.contains("features.json: not a record of features"), "{damaged}");
        for place in [Place::default(), Place { encoder: Some(1.5), score: None }] {
            BestPlace { place, ..best.clone() }.save(folder.path()).unwrap();
            let nowhere = BestPlace::load(folder.path()).unwrap_err().to_string();
            assert!(nowhere.contains("it names no network to read at a t in [0, 1]"), "{nowhere}");
        }
    }
}
