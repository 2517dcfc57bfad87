//! The promises of the command, kept by the process itself.
mod analyse;
mod bench;
mod command;
mod compare;
mod data;
mod export;
mod import;
mod learned_labels;
mod output;
mod report;
mod represent;
mod sample;
mod score_features;
mod semi;
mod train_errors;
mod train_exactness;
mod train_run;
