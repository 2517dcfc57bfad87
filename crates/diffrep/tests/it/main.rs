//! The promises of the library, on real files and reference values.
mod objective;
mod parameters;
mod reference_encoder;
mod reference_score;
mod reference_sde;
mod shared;
