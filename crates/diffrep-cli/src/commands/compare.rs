//! `diffrep compare`.
use crate::bad_images::tell_skipped;
use crate::device::DeviceArgs;
use crate::encoder::bar;
use crate::progress::stop_on_ctrl_c;
use crate::training;
use crate::ui::{self, Ui};
use anyhow::Result;
use diffrep::probe::ProbeEvent;
use diffrep::study::{CellRecord, Study, StudyEvent, StudyPlan, accuracy, legend, tables};
use diffrep::train::{Ending, Event};
use indicatif::ProgressBar;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Compare methods on your images under one budget: train each with several seeds, probe all by one protocol, and write
/// a table and figures.
///
/// The plan is a TOML file: data, methods, seeds, images seen (see docs/compare.md). What is finished is not run again:
/// give the same command to go on after a stop.
#[derive(clap::Args)]
pub struct Args {
    /// The plan, a TOML file.
    plan: PathBuf,
    /// Folder for runs, results, table and figures. Default: runs/ and the plan's name.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
}

pub fn run(args: &Args, ui: &Ui) -> Result<()> {
    let plan = StudyPlan::read(&args.plan)?;
    let name = args.plan.file_stem().unwrap_or_default();
    let folder = args.out.clone().unwrap_or_else(|| Path::new("runs").join(name));
    let (device, stop) = (args.device.open()?, stop_on_ctrl_c(ui)?);
    let study = Study { plan: &plan, folder: &folder, device: &device, stop: &stop };
    let mut progress = Progress { ui, plan: &plan, bar: ProgressBar::hidden(), stage: String::new() };
    let outcome = study.run(&mut |event| progress.show(event));
    progress.bar.finish_and_clear();
    let Some(record) = outcome? else {
        return training::outcome(Ending::Stopped, &folder);
    };
    let value = json!({"folder": folder, "cells": record.cells, "baselines": record.baselines});
    ui.result(&value, || {
        let mut text = String::new();
        for table in tables(&record) {
            let header: Vec<&str> = table.header.iter().map(String::as_str).collect();
            text += &format!("\nAfter {} of training, {}:\n", table.budget, table.what);
            text += &ui::table(&header, &table.rows);
            text.push('\n');
        }
        format!("{text}\n{}\n\ntable and figures: {}", legend(&record), folder.display())
    })
}

/// A line for each method, seed and budget, with a bar below while it is busy.
struct Progress<'a> {
    ui: &'a Ui,
    plan: &'a StudyPlan,
    bar: ProgressBar,
    stage: String,
}

impl Progress<'_> {
    fn show(&mut self, event: StudyEvent<'_>) {
        match event {
            StudyEvent::Opened(dataset) => tell_skipped(dataset, self.ui),
            StudyEvent::Cell { arm, seed, budget, number, of, finished } => {
                self.end_stage();
                let what = budget.map(|budget| format!(", {budget}")).unwrap_or_default();
                let state = if finished { ": done before" } else { "" };
                self.ui.message(format!("[{number}/{of}] {arm}, seed {seed}{what}{state}"));
            }
            StudyEvent::Train(Event::Started { total, step, .. }) => {
                self.begin_stage("steps".to_owned(), total as usize);
                self.bar.set_position(step);
                self.bar.reset_eta();
            }
            StudyEvent::Train(Event::Step { step, .. }) => self.bar.set_position(step),
            StudyEvent::Train(Event::Recorded(record)) => {
                if let Some(warning) = record.warning() {
                    let line = format!("      warning (step {}): {warning}", record.step());
                    self.bar.suspend(|| self.ui.message(line));
                }
            }
            StudyEvent::Train(_) => {}
            StudyEvent::Probe(event) => {
                let (unit, done, total) = match event {
                    ProbeEvent::Encoding(source, done, total) => (format!("images, {source}"), done, total),
                    ProbeEvent::Probing(source, done, total) => (format!("probes, {source}"), done, total),
                };
                if self.stage != unit {
                    self.begin_stage(unit, total);
                }
                self.bar.set_position(done as u64);
            }
            StudyEvent::Done(cell) => {
                self.end_stage();
                self.ui.message(format!("      {}", self.line(cell)));
            }
        }
    }

    fn begin_stage(&mut self, unit: String, total: usize) {
        self.end_stage();
        self.bar = bar(self.ui, total, &unit);
        self.stage = unit;
    }

    fn end_stage(&mut self) {
        self.bar.finish_and_clear();
        self.stage.clear();
    }

    /// What a cell came to.
    fn line(&self, cell: &CellRecord) -> String {
        let mut parts: Vec<String> = Vec::new();
        for &probe in &self.plan.probes.probes {
            if let Some(accuracy) = accuracy(&cell.scores, probe, None) {
                parts.push(format!("{} {:.1} %", probe.name(), 100.0 * accuracy));
            }
        }
        if let Some(quality) = cell.reconstruction {
            parts.push(format!("PSNR {:.1} dB", quality.psnr));
        }
        parts.push(format!("trained {:.0} s", cell.train_seconds));
        parts.join(", ")
    }
}
