//! Image sets: formats, built-in data, splits, label files, normalisation and batches.
