//! Integration tests of the library, one binary.
mod data_arrays;
mod data_batches;
mod data_builtin;
mod data_cifar;
mod data_fetch;
mod data_folder;
mod data_folder_bad;
mod data_idx;
mod data_labels;
mod data_real;
mod data_split;
