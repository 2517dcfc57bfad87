//! Encoders loaded from a run, embeddings and their files.
