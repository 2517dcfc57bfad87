//! The registry of methods: what each one needs, its defaults, and how its loss is built.
//!
//! A new method is one file here with a [`Spec`], and one line in [`Method::ALL`].
mod contrastive;
mod reconstruction;
mod score_matching;
mod supervised;

pub use contrastive::{Contrastive, nt_xent};
pub use reconstruction::Reconstruction;
pub use score_matching::ScoreMatching;
pub use supervised::{Supervised, cross_entropy};

use super::Objective;
use super::config::ObjectiveConfig;
use crate::sde::Sde;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What a method needs of networks and data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// A Gaussian code.
    pub probabilistic: bool,
    /// A code that depends on t is possible; otherwise the encoder must be static.
    pub time: bool,
    /// The score network.
    pub score_network: bool,
    /// The latent decoder, always; others need it for a joint reconstruction only.
    pub decoder: bool,
    /// The projection head.
    pub projection: bool,
    /// Two augmented views of each image instead of the image.
    pub two_views: bool,
    /// Labels, and the class head.
    pub labels: bool,
}

impl Needs {
    /// A deterministic, static encoder and nothing else.
    const NONE: Self = Self {
        probabilistic: false,
        time: false,
        score_network: false,
        decoder: false,
        projection: false,
        two_views: false,
        labels: false,
    };
}

/// Builds the loss of a checked configuration.
type Build = fn(&ObjectiveConfig, &Sde) -> Box<dyn Objective>;

/// Everything that the rest of the program knows about a method.
#[derive(Debug)]
pub struct Spec {
    /// The name in configurations and commands.
    name: &'static str,
    /// What it is, in a few words.
    summary: &'static str,
    needs: Needs,
    /// Settings of a run in TOML that presets, files and flags lie over.
    defaults: &'static str,
    build: Build,
}

/// A method of representation learning: one of [`Method::ALL`].
#[derive(Clone, Copy)]
pub struct Method(&'static Spec);

impl Method {
    /// DRL.
    pub const DRL: Self = Self(&score_matching::DRL);
    /// VDRL.
    pub const VDRL: Self = Self(&score_matching::VDRL);
    /// The autoencoder.
    pub const AE: Self = Self(&reconstruction::AE);
    /// The variational autoencoder.
    pub const VAE: Self = Self(&reconstruction::VAE);
    /// SimCLR.
    pub const SIMCLR: Self = Self(&contrastive::SIMCLR);
    /// SimCLR with Gaussian noise as its only augmentation.
    pub const SIMCLR_GAUSS: Self = Self(&contrastive::SIMCLR_GAUSS);
    /// The supervised reference.
    pub const SUPERVISED: Self = Self(&supervised::SUPERVISED);

    /// All methods.
    pub const ALL: &[Self] =
        &[Self::DRL, Self::VDRL, Self::AE, Self::VAE, Self::SIMCLR, Self::SIMCLR_GAUSS, Self::SUPERVISED];

    const NAMES: [&'static str; Self::ALL.len()] = {
        let mut names = [""; Self::ALL.len()];
        let mut i = 0;
        while i < names.len() {
            names[i] = Self::ALL[i].0.name;
            i += 1;
        }
        names
    };

    /// The name in configurations and commands.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// What it is, in a few words.
    pub fn summary(self) -> &'static str {
        self.0.summary
    }

    /// What it needs of networks and data.
    pub fn needs(self) -> Needs {
        self.0.needs
    }

    /// The settings that it differs in from DRL, as tables of a run's configuration.
    ///
    /// # Panics
    /// Never: a test reads them all.
    pub fn defaults(self) -> toml::Table {
        self.0.defaults.parse().expect("the defaults of methods are TOML")
    }

    pub(super) fn build(self, config: &ObjectiveConfig, sde: &Sde) -> Box<dyn Objective> {
        (self.0.build)(config, sde)
    }
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Method {}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Method {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Method {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Self::ALL.iter().find(|method| method.name() == name);
        found.copied().ok_or_else(|| D::Error::unknown_variant(&name, &Self::NAMES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_a_name_of_its_own_and_defaults_that_can_be_read() {
        for (i, method) in Method::ALL.iter().enumerate() {
            assert!(!Method::NAMES[..i].contains(&method.name()));
            assert_eq!(ObjectiveConfig::of(*method).method, *method);
            assert!(!method.summary().is_empty());
        }
    }
}
