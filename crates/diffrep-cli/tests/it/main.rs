//! The promises of the command, kept by the process itself.
mod command;
mod data;
mod train_errors;
mod train_exactness;
mod train_run;
