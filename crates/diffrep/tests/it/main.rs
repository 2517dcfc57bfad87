//! The promises of the library, on real files and reference values.
mod data_batches;
mod data_builtin;
mod data_cifar;
mod data_idx;
mod data_real;
mod data_split;
mod objective;
mod parameters;
