//! The command `diffrep`.
mod allocator;
mod arguments;
mod bad_images;
mod commands;
mod device;
mod encoder;
mod generator;
mod images;
mod progress;
mod training;
mod ui;

use clap::Parser;
use std::process::ExitCode;

/// Learn image representations by diffusion: train an encoder on pictures without labels, turn pictures into
/// embeddings at a chosen level of detail, and see how good they are.
#[derive(Parser)]
#[command(version, propagate_version = true)]
struct Cli {
    /// Print the result as JSON on standard output (messages go to standard error).
    #[arg(long, global = true)]
    json: bool,
    /// No progress bar and no messages.
    #[arg(long, short, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    // Results name paths, in JSON too, which can't hold others.
    if let Some(argument) = std::env::args_os().find(|argument| argument.to_str().is_none()) {
        eprintln!("error: the argument `{}` is not UTF-8", argument.display());
        return ExitCode::from(2);
    }
    let cli = Cli::parse();
    let ui = ui::Ui::new(cli.json, cli.quiet);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cli.command.run(&ui)));
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) if error.is::<training::Stopped>() => {
            ui.message(error.to_string());
            ExitCode::from(training::Stopped::EXIT_CODE)
        }
        Ok(Err(error)) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
        // The panic hook has printed what happened and where.
        Err(_) => {
            eprintln!("error: this is a fault of diffrep, not yours; please report it with the lines above");
            ExitCode::from(1)
        }
    }
}
