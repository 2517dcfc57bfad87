//! The promises of the library, on real files and reference values.
mod objective;
mod parameters;
