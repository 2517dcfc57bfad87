//! The file of metrics and its copy for TensorBoard.
use super::tensorboard::EventFile;
use super::{MachineRecord, Record};
use crate::files::PartFile;
use crate::train::RunError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "metrics.jsonl";
const EVENTS: &str = "events";

/// Appends records.
pub struct MetricsLog {
    path: PathBuf,
    file: File,
    events: EventFile,
    /// What computed last.
    machine: Option<MachineRecord>,
}

impl MetricsLog {
    /// Opens the metrics of the run folder `run`, cut back to what came before a checkpoint of step `step`.
    ///
    /// The events for TensorBoard are written anew from what remains.
    pub fn open(run: &Path, step: u64) -> Result<Self, RunError> {
        let path = run.join(FILE);
        let mut records = read(run)?;
        records.retain(|record| record.precedes() <= step);
        if path.exists() {
            let text: String = records.iter().map(line).collect();
            PartFile::write_whole(&path, text.as_bytes()).map_err(RunError::io("write", &path))?;
        }
        let file =
            OpenOptions::new().create(true).append(true).open(&path).map_err(RunError::io("open", &path))?;
        let folder = run.join(EVENTS);
        let write_events = || -> io::Result<EventFile> {
            let mut events = EventFile::create(&folder)?;
            records.iter().try_for_each(|record| append_events(&mut events, record))?;
            Ok(events)
        };
        let events = write_events().map_err(RunError::io("write", &folder))?;
        let machine = records.into_iter().rev().find_map(machine_of);
        Ok(Self { path, file, events, machine })
    }

    /// Appends `here`, which computes from now on, and tells the record; neither if it has computed until now.
    pub fn begin(&mut self, here: MachineRecord) -> Result<Option<Record>, RunError> {
        let record = match &self.machine {
            Some(before) if before.agrees_with(&here) => return Ok(None),
            Some(before) => here.after(before),
            None => here,
        };
        self.machine = Some(record.clone());
        let record = Record::Machine(record);
        self.append(&record)?;
        Ok(Some(record))
    }

    /// Appends a record; it is in the files, though not yet synced, when this returns.
    pub fn append(&mut self, record: &Record) -> Result<(), RunError> {
        self.file.write_all(line(record).as_bytes()).map_err(RunError::io("write", &self.path))?;
        append_events(&mut self.events, record).map_err(RunError::io("write", self.events.path()))
    }

    /// Waits until all records are on the disk.
    pub fn sync(&self) -> Result<(), RunError> {
        self.file.sync_all().map_err(RunError::io("sync", &self.path))
    }
}

/// The records of the run folder `run`; none if nothing was recorded yet.
///
/// A last line without its end (the process was killed while writing it) is left out; any other line that is no
/// record is an error that names it.
pub fn read(run: &Path) -> Result<Vec<Record>, RunError> {
    let path = run.join(FILE);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(RunError::io("read", &path))?,
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |(index, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| RunError::damaged(&path, format!("line {}: {e}", index + 1)))
    };
    whole.lines().enumerate().map(parse).collect()
}

fn machine_of(record: Record) -> Option<MachineRecord> {
    if let Record::Machine(machine) = record { Some(machine) } else { None }
}

fn line(record: &Record) -> String {
    let mut line = serde_json::to_string(record).expect("records are numbers and strings under string keys");
    line.push('\n');
    line
}

fn append_events(events: &mut EventFile, record: &Record) -> io::Result<()> {
    match record.scalars() {
        scalars if scalars.is_empty() => Ok(()),
        scalars => events.append(record.unix_time(), record.step(), &scalars),
    }
}
