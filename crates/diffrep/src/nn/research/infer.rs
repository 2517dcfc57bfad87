//! The encoder's configuration, read from the shapes of a checkpoint.
use super::error::ImportError;
use super::state_dict::StateDict;
use crate::nn::EncoderConfig;

impl StateDict {
    /// The configuration of an encoder (names without `encoder.`) and the number of its image channels.
    ///
    /// A file that names the configuration in a note is believed. Otherwise a head (`linear_latent`) means a probabilistic
    /// encoder, as in the published code. Whether an encoder is static can't be read from its weights: it is taken to be
    /// conditioned on time.
    ///
    /// # Errors
    /// [`ImportError::NotAnEncoder`] if the tensors that tell are missing or contradict each other; whether all other
    /// tensors fit, [`StateDict::load_into`] checks.
    pub fn encoder_config(&self) -> Result<(EncoderConfig, usize), ImportError> {
        let stem = self.shape_of("conv1.weight", 4)?;
        if let Some(note) = self.note() {
            if note.shape.channels != stem[1] {
                return Err(self.not_an_encoder(format!(
                    "conv1.weight reads {} channels, but the file's note names images of {}",
                    stem[1], note.shape
                )));
            }
            return Ok((note.encoder.clone(), stem[1]));
        }
        let first = self.shape_of("layer1.0.conv1.weight", 4)?;
        if first[0] == 0 || !first[0].is_multiple_of(16) {
            return Err(self.not_an_encoder(format!(
                "layer1.0.conv1.weight has shape {first:?}, expected a multiple of 16 output channels"
            )));
        }
        let blocks =
            (0..).take_while(|block| self.get(&format!("layer1.{block}.conv1.weight")).is_some()).count();
        let head =
            self.get("linear_latent.weight").map(|_| self.shape_of("linear_latent.weight", 2)).transpose()?;
        let classes = self.get("linear.weight").map(|_| self.shape_of("linear.weight", 2)).transpose()?;
        let config = EncoderConfig {
            depth: 6 * blocks + 4,
            width: first[0] / 16,
            pool: 1,
            latent: head.map(|shape| shape[0] / 2),
            probabilistic: head.is_some(),
            time_conditioned: true,
            classes: classes.map(|shape| shape[0]),
            learned_time: self.get("time_embedding.param_t").is_some(),
        };
        Ok((config, stem[1]))
    }

    fn shape_of(&self, name: &str, rank: usize) -> Result<&[usize], ImportError> {
        match self.get(name) {
            None => Err(self.not_an_encoder(format!("it has no tensor {name}"))),
            Some(tensor) if tensor.shape.len() != rank => {
                Err(self.not_an_encoder(format!("{name} has shape {:?}, expected {rank} axes", tensor.shape)))
            }
            Some(tensor) => Ok(&tensor.shape),
        }
    }

    fn not_an_encoder(&self, reason: String) -> ImportError {
        ImportError::NotAnEncoder { origin: self.origin().to_owned(), reason }
    }
}
