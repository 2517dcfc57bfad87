//! The curves in a run's `metrics.jsonl`.
use super::ReportError;
use crate::train::MachineRecord;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Numbers over training steps, by dotted name ("loss", "parts.denoising", "spread.mean"), and warnings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// (step, value) in the file's order; a value that JSON can't hold (written as null) is NaN.
    pub curves: BTreeMap<String, Vec<(f64, f64)>>,
    /// What training warned of, with the step.
    pub warnings: Vec<(u64, String)>,
    /// What computed it, in turn.
    pub machines: Vec<MachineRecord>,
}

impl Metrics {
    /// Reads a file of JSON lines, each an object with `step`.
    ///
    /// Every number in an object becomes a point of the curve with its name. A last line without its end (the
    /// process was killed while writing it) is left out.
    ///
    /// # Errors
    /// The file can't be read, or a line is no object with a step.
    pub fn read(path: &Path) -> Result<Self, ReportError> {
        let text = std::fs::read_to_string(path).map_err(ReportError::io("read", path))?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut metrics = Self::default();
        for (index, line) in whole.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let fail = |reason: String| {
                let place = format!("line {}", index + 1);
                ReportError::Format { path: path.into(), place, reason }
            };
            let value: Value = serde_json::from_str(line).map_err(|e| fail(e.to_string()))?;
            let step = value.get("step").and_then(Value::as_u64);
            let step = step.ok_or_else(|| fail("expected an object with a whole number `step`".into()))?;
            if let Some(message) = value.get("message").and_then(Value::as_str) {
                metrics.warnings.push((step, message.to_owned()));
            }
            if value.get("kind").and_then(Value::as_str) == Some("machine") {
                metrics.machines.push(serde_json::from_value(value).map_err(|e| fail(e.to_string()))?);
                continue;
            }
            metrics.add(step as f64, "", &value);
        }
        Ok(metrics)
    }

    /// The curve called `name`, if it has a finite value.
    pub fn curve(&self, name: &str) -> Option<&[(f64, f64)]> {
        self.curves.get(name).map(Vec::as_slice).filter(|points| points.iter().any(|(_, y)| y.is_finite()))
    }

    /// The last step of any curve.
    pub fn last_step(&self) -> Option<u64> {
        self.curves.values().filter_map(|points| points.last()).map(|(step, _)| *step as u64).max()
    }

    fn add(&mut self, step: f64, prefix: &str, value: &Value) {
        let Value::Object(fields) = value else { return };
        for (key, value) in fields.iter().filter(|(key, _)| *key != "step") {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Object(_) => self.add(step, &name, value),
                Value::Number(_) | Value::Null => {
                    self.curves.entry(name).or_default().push((step, value.as_f64().unwrap_or(f64::NAN)));
                }
                _ => {}
            }
        }
    }
}
