//! The promises of the command, kept by the process itself.
mod command;
mod import;
mod report;
mod train_errors;
mod train_exactness;
mod train_run;
