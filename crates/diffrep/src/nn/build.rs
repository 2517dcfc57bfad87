//! From a configuration to networks: its sizes checked against each other, initial weights.
use super::architecture::Architecture;
use super::config::{EncoderConfig, LIMIT, ModelConfig};
use super::error::NnError;
use super::initialiser::Initialiser;
use super::{Model, WideResNet};
use crate::random::Seed;
use burn::tensor::Device;

/// Most weights that all networks together may have: 4 GiB, of which training holds five copies.
const MOST_WEIGHTS: u64 = 1 << 30;

impl ModelConfig {
    /// Checks sizes against each other.
    ///
    /// # Errors
    /// Names the field, its value and what was expected.
    pub fn check(&self) -> Result<(), NnError> {
        let weights = self.weights()?;
        match weights <= MOST_WEIGHTS {
            true => Ok(()),
            false => Err(NnError::Weights { weights, most: MOST_WEIGHTS }),
        }
    }

    /// Networks with the initial weights of `seed`, on `device` (with autodiff for training).
    ///
    /// # Errors
    /// As [`ModelConfig::check`].
    pub fn init(&self, seed: Seed, device: &Device) -> Result<Model, NnError> {
        self.check()?;
        let architecture = self.architecture()?;
        let mut init = Initialiser::new(seed, device);
        let encoder = WideResNet::new(&self.encoder, self.channels, &mut init);
        Ok(Model::new(encoder, architecture.as_ref(), self, &mut init))
    }

    pub(super) fn architecture(&self) -> Result<Option<Architecture>, NnError> {
        self.encoder.check()?;
        for (name, value) in [("height", self.height), ("width", self.width), ("channels", self.channels)] {
            if value == 0 || value > LIMIT {
                return Err(NnError::value(name, value, "1 to 4,096"));
            }
        }
        let most = EncoderConfig::most_cells(self.height, self.width);
        if self.encoder.pool > most {
            let expected = format!("at most the shorter side of the last feature map, {most}");
            return Err(NnError::value("encoder.pool", self.encoder.pool, expected));
        }
        if let Some(outputs) = self.projection.filter(|n| *n == 0 || *n > LIMIT) {
            return Err(NnError::value("projection", outputs, "1 to 4,096"));
        }
        let needed = self.score_network || self.decoder;
        needed.then(|| Architecture::new(self)).transpose()
    }
}
