//! Probes of a frozen representation: how well does a small classifier do on its features?
//!
//! Probes see plain feature matrices only, so nothing here can change an encoder. [`run`] follows the protocol
//! (validation split, learning rate and t chosen there, several seeds, test rows read once) and returns [`Score`]s
//! that carry all of it. [`probe_run`] does so for a run's encoder and its baselines, and keeps the best head
//! ([`SavedHead`]) for new pictures.
mod cross_validation;
mod dropout;
mod error;
mod features;
mod fit;
mod head;
mod labelled;
mod linear;
mod metrics;
mod mlp;
mod protocol;
mod recipe;
mod request;
mod run_probe;
mod saved;
mod score;
mod score_probe;
mod split;
mod trajectory;

pub use error::ProbeError;
pub use features::{Column, Features, Source};
pub use head::{Affine, Head};
pub use labelled::{Labelled, LabelledData};
pub use metrics::{accuracy, macro_f1, mean_and_sd};
pub use protocol::{Outcome, Settings, Task, run};
pub use recipe::{ProbeKind, Recipe};
pub use request::{ProbeEvent, RunProbe, ScoreProbe};
pub use run_probe::probe_run;
pub use saved::{HeadRecord, SavedHead, TrajectoryRecord};
pub use score::{Data, Origin, Score, Scores, best_validated, few_label_scores, headline};
pub use trajectory::{Attention, Gru, Pooled, Pooling};
