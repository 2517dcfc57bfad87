//! Integration tests of the library, one binary.
mod data_batches;
mod data_builtin;
mod data_cifar;
mod data_idx;
mod data_real;
mod data_split;
mod objective;
mod parameters;
mod probe;
mod reference_encoder;
mod reference_score;
mod reference_sde;
mod shared;
