//! What a report says, as plain data.
use super::ReportError;
use super::figure::{ImageGrid, Scatter};
use super::metrics::Metrics;
use super::score;
use super::subject::Subject;
use crate::analyse::Analysis;
use crate::probe::{Score, Scores};
use crate::semi::Summary;
use crate::train::{SEMI_SETTINGS, flatten};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Everything in a report; whatever is missing is replaced by a sentence that says how to make it.
#[derive(Clone, Debug, Default)]
pub struct ReportData {
    /// Title, e.g. "DRL on digits".
    pub title: String,
    /// The run folder as it is to be typed in commands.
    pub run: String,
    /// The run whose weights it started from.
    pub init: Option<String>,
    /// Facts of the run: name and value.
    pub facts: Vec<(String, String)>,
    /// The resolved configuration: dotted key and value.
    pub configuration: Vec<(String, String)>,
    /// Curves of training and health.
    pub metrics: Metrics,
    /// Scores of probes.
    pub scores: Vec<Score>,
    /// Words of the command that measured them.
    pub probed: Vec<String>,
    /// What the folder holds.
    pub subject: Subject,
    /// Whether its codes are the same at every t.
    pub is_static: bool,
    /// Whether its images have no labels of their own.
    pub is_unlabelled: bool,
    /// Which t holds what.
    pub analysis: Option<Analysis>,
    /// What few labels came to.
    pub semi: Option<Summary>,
    /// The images that few labels leave in doubt, with what they were taken for.
    pub doubtful: Option<ImageGrid>,
    /// Embeddings in the plane, a panel for each t.
    pub scatter: Option<Scatter>,
    /// Nearest neighbours at several t.
    pub neighbours: Option<ImageGrid>,
}

impl ReportData {
    /// Reads what a run folder holds: `config.toml`, `run.json`, `metrics.jsonl`, `probe.json`, `analyse.json`,
    /// `semi-outcome.json`. Absent files leave
    /// their parts empty; the pictures of embeddings are the caller's to fill in.
    ///
    /// # Errors
    /// The folder doesn't exist, or a file in it can't be read.
    pub fn read(run: &Path) -> Result<Self, ReportError> {
        // Listing it fails where it is no folder.
        std::fs::read_dir(run).map_err(ReportError::io("read", run))?;
        let existing = |name: &str| Some(run.join(name)).filter(|path| path.is_file());
        let mut configuration =
            existing("config.toml").map_or(Ok(Vec::new()), |path| read_configuration(&path))?;
        let few_labels = existing(SEMI_SETTINGS);
        if let Some(path) = &few_labels {
            of_few_labels(&mut configuration, &read_json(path)?);
        }
        let record = existing("run.json").map_or(Ok(Value::Null), |path| read_json(&path))?;
        let metrics =
            existing("metrics.jsonl").map_or(Ok(Metrics::default()), |path| Metrics::read(&path))?;
        let scores = existing("probe.json").map_or(Ok(Scores::default()), |path| score::read(&path))?;
        let analysis = existing("analyse.json").map(|path| read_json(&path)).transpose()?;
        let semi: Option<Summary> = existing("semi-outcome.json").map(|path| read_json(&path)).transpose()?;
        let semi = semi.map(|semi| known_by(semi, &record));
        let subject = match (&few_labels, &semi) {
            (Some(_), _) => Subject::FewLabels,
            (None, Some(_)) if record.is_null() => Subject::Guesses,
            _ if record.get("train_images").and_then(Value::as_u64) == Some(0) => Subject::Imported,
            _ => Subject::Run,
        };
        // A slash at its end would be one in the midst of the commands.
        let run: PathBuf = run.components().collect();
        Ok(Self {
            title: semi.as_ref().map_or_else(|| title(&run, &configuration, &record), few_labels_title),
            run: shell_word(&run.display().to_string()),
            init: record.pointer("/init/run").and_then(Value::as_str).map(str::to_owned),
            facts: facts(&record, &metrics),
            configuration,
            metrics,
            scores: scores.scores,
            probed: scores.arguments,
            subject,
            is_static: record.pointer("/model/encoder/time_conditioned") == Some(&Value::Bool(false)),
            is_unlabelled: record.get("classes").is_some_and(Value::is_null),
            analysis,
            semi,
            doubtful: None,
            scatter: None,
            neighbours: None,
        })
    }

    /// The value of a setting by its dotted key.
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.configuration.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The total, as an option, of a run that went on beyond the one that it was created with.
    fn more_steps(&self) -> String {
        // In a new run another total would stretch a falling learning rate.
        let planned =
            self.setting("train.steps").filter(|_| self.setting("optimiser.decay") != Some("cosine"));
        let planned = planned.and_then(|steps| steps.parse::<u64>().ok());
        let last = self.metrics.curves.get("loss").and_then(|losses| losses.last());
        match planned.zip(last) {
            Some((planned, &(last, _))) if last > planned as f64 => format!(" --steps {last}"),
            _ => String::new(),
        }
    }

    /// Commands that make this report again, from nothing.
    pub fn commands(&self) -> Vec<String> {
        let again = format!("{}-again", self.run);
        let init = self.init.as_ref().map_or(String::new(), |init| format!(" --init {}", shell_word(init)));
        let made = match (&self.semi, self.subject) {
            (Some(semi), _) => Some(format!("diffrep {} --out {again}", line(&semi.protocol.arguments))),
            (None, Subject::Run) => Some(format!(
                "diffrep train --config {}/config.toml{init}{} --out {again}",
                self.run,
                self.more_steps()
            )),
            // Nothing makes an imported encoder, and a run of few labels tells by what when it is finished.
            (None, _) => None,
        };
        let run = if made.is_some() { &again } else { &self.run };
        let measured = |command: &str, arguments: &[String]| match arguments {
            [] => format!("diffrep {command} {run}"),
            [command, options @ ..] => format!("diffrep {} {run} {}", shell_word(command), line(options)),
        };
        let probed = (!self.scores.is_empty()).then(|| measured("probe", &self.probed));
        let analysed = self.analysis.as_ref().map(|analysis| measured("analyse", &analysis.arguments));
        let commands = [made, probed, analysed, Some(format!("diffrep report {run}"))];
        commands.into_iter().flatten().map(|command| command.trim_end().to_owned()).collect()
    }
}

fn title(run: &Path, configuration: &[(String, String)], record: &Value) -> String {
    let method = configuration.iter().find(|(key, _)| key == "objective.method").map(|(_, method)| method);
    let dataset = record.get("dataset").and_then(Value::as_str);
    match (method, dataset) {
        (Some(method), Some(dataset)) => format!("{} on {dataset}", method.to_uppercase()),
        _ => run.file_name().unwrap_or(run.as_os_str()).to_string_lossy().into_owned(),
    }
}

/// Earlier versions wrote what the images are known by into the run's record only.
fn known_by(mut semi: Summary, record: &Value) -> Summary {
    let sum = |key: &str| record.get(key).and_then(Value::as_u64).and_then(|sum| u32::try_from(sum).ok());
    semi.images_checksum = semi.images_checksum.or(sum("images_checksum"));
    semi.pixels_checksum = semi.pixels_checksum.or(sum("pixels_checksum"));
    semi
}

fn few_labels_title(semi: &Summary) -> String {
    format!("{} on {}, {}", semi.method, semi.protocol.data, semi.protocol.labels)
}

fn facts(record: &Value, metrics: &Metrics) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut add =
        |name: &str, value: Option<String>| facts.extend(value.map(|value| (name.to_owned(), value)));
    let text = |key: &str| record.get(key).and_then(Value::as_str).map(str::to_owned);
    let number = |key: &str| record.get(key).and_then(Value::as_u64).map(|n| n.to_string());
    let side = |key: &str| record.get("shape")?.get(key)?.as_u64();
    let shape = (|| Some(format!("{} × {} × {}", side("height")?, side("width")?, side("channels")?)))();
    let count = |key: &str| record.get(key).and_then(Value::as_array).map(Vec::len);
    add("data", text("dataset"));
    let init = record.get("init").and_then(|init| {
        Some(format!("the weights of {}, step {}", init.get("run")?.as_str()?, init.get("step")?.as_u64()?))
    });
    add("started from", init);
    add("training images", number("train_images"));
    add("of these held out for health figures", count("held_out_rows").map(|n| n.to_string()));
    add("image (height × width × channels)", shape);
    add("classes", count("classes").map(|n| n.to_string()));
    add("steps trained", metrics.last_step().map(|n| n.to_string()));
    let machines: Vec<String> = metrics
        .machines
        .iter()
        .map(|machine| match machine.step {
            0 => machine.to_string(),
            step => format!("from step {step} on {machine}"),
        })
        .collect();
    add("computed by", (!machines.is_empty()).then(|| machines.join("; ")));
    add("seed", number("seed"));
    add("diffrep version", text("version"));
    facts
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ReportError> {
    let text = std::fs::read(path).map_err(ReportError::io("read", path))?;
    serde_json::from_slice(&text).map_err(|error| ReportError::json(path, &error))
}

fn read_configuration(path: &Path) -> Result<Vec<(String, String)>, ReportError> {
    let text = std::fs::read_to_string(path).map_err(ReportError::io("read", path))?;
    let table: toml::Table = toml::from_str(&text).map_err(|e| ReportError::Format {
        path: path.into(),
        place: "TOML".into(),
        reason: e.message().into(),
    })?;
    let text = |value: toml::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(flatten(&table).into_iter().map(|(key, value)| (key, text(value))).collect())
}

/// Leaves what training from few labels goes by: the images, the encoder, and the settings in its record.
fn of_few_labels(configuration: &mut Vec<(String, String)>, record: &Value) {
    configuration.retain(|(key, _)| ["data.", "encoder.", "sde."].iter().any(|part| key.starts_with(part)));
    let settings = record.get("settings").and_then(Value::as_object).into_iter().flatten();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    configuration.extend(settings.map(|(key, value)| (format!("semi.{key}"), text(value))));
}

fn line(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

/// `text` as one word of a POSIX shell.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
