//! Encoders loaded from a run, embeddings and their files.
mod part_file;

pub use part_file::PartFile;
