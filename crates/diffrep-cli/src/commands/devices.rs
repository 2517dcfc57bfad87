//! `diffrep devices`.
use crate::ui::{self, Ui};
use anyhow::Result;
use diffrep::bench::Machine;
use diffrep::nn::device::{self, DeviceError};
use serde_json::{Value, json};

/// Show what this build can compute on, and what it finds on this machine.
#[derive(clap::Args)]
pub struct Args {}

/// What is said of a device.
struct Found {
    name: &'static str,
    built: bool,
    /// The hardware in words, or why there is none.
    hardware: Result<String, DeviceError>,
}

impl Found {
    fn of((name, built): (&'static str, bool)) -> Self {
        let hardware = device::open(name).map(|_| match name {
            device::CPU => {
                let Machine { threads, instruction_set } = Machine::here();
                format!("{threads} threads, {instruction_set}")
            }
            _ => "found".to_owned(),
        });
        Self { name, built, hardware }
    }

    fn json(&self) -> Value {
        let (built, found) = (self.built, self.hardware.is_ok());
        json!({"name": self.name, "built": built, "found": found, "hardware": self.hardware.as_ref().ok()})
    }

    fn row(&self) -> Vec<String> {
        let built = if self.built { "yes" } else { "no" };
        let hardware = match &self.hardware {
            Ok(hardware) => hardware.clone(),
            Err(DeviceError::NotBuilt(name)) => format!("build with --features {name}"),
            Err(_) => "none found".to_owned(),
        };
        vec![self.name.to_owned(), built.to_owned(), hardware]
    }
}

pub fn run(ui: &Ui) -> Result<()> {
    let devices: Vec<Found> = device::ALL.into_iter().map(Found::of).collect();
    let value = json!({"devices": devices.iter().map(Found::json).collect::<Vec<_>>()});
    ui.result(&value, || {
        let rows: Vec<Vec<String>> = devices.iter().map(Found::row).collect();
        ui::table(&["device", "in this build", "hardware"], &rows)
    })
}
