//! Measures of a representation: kNN accuracy, effective rank, spread.
