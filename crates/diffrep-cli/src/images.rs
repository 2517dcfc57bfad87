//! The images that a command reads: those that its run was trained on, or others.
use crate::bad_images::{BadImagesArgs, tell_skipped};
use crate::ui::Ui;
use anyhow::{Result, anyhow, bail};
use diffrep::data::{self, COLOURED, DataError, Dataset, ImageSet, Labels, OpenOptions};
use diffrep::represent::LoadedEncoder;
use diffrep::train::{RunFolder, refuse_inside};
use std::path::Path;

/// Opens `spec`, or the data that the run was trained on, in the form that its encoder reads; says what was left out.
pub fn open_data(
    encoder: &LoadedEncoder,
    spec: Option<&str>,
    labels: Option<&Path>,
    ui: &Ui,
) -> Result<Dataset> {
    open(encoder, spec, labels, encoder.open_options(), ui)
}

/// The same, with a choice of what becomes of images that can't be read.
pub fn open_new_data(
    encoder: &LoadedEncoder,
    spec: Option<&str>,
    labels: Option<&Path>,
    bad: &BadImagesArgs,
    ui: &Ui,
) -> Result<Dataset> {
    let options = encoder.open_options();
    open(encoder, spec, labels, OpenOptions { on_bad: bad.or(options.on_bad), ..options }, ui)
}

fn open(
    encoder: &LoadedEncoder,
    spec: Option<&str>,
    labels: Option<&Path>,
    mut options: OpenOptions,
    ui: &Ui,
) -> Result<Dataset> {
    match spec {
        // Other data have labels of their own.
        Some(_) => options.labels = Labels::Auto,
        None => options.classes = encoder.own_open_options().classes,
    }
    if let Some(file) = labels {
        options = OpenOptions { labels: Labels::File(file.to_owned()), classes: None, ..options };
    }
    let dataset = match spec {
        Some(spec) => data::open(spec, &options)?,
        None => open_own(encoder, &options)?,
    };
    encoder.check(&dataset.name, &dataset.train)?;
    tell_skipped(&dataset, ui);
    Ok(dataset)
}

/// Opens what a run was trained on.
fn open_own(encoder: &LoadedEncoder, options: &OpenOptions) -> Result<Dataset> {
    data::open(&encoder.config().data.source, options).map_err(|error| match error {
        DataError::NotFound { spec, .. } if encoder.record().train_images > 0 => {
            anyhow!(
                "{spec}, which the run was trained on, isn't there any more; name images with --data, or say where it is \
                 now with `diffrep train --resume RUN --data PLACE` (of `semi` the same command with the new --data)"
            )
        }
        error => error.into(),
    })
}

/// Errors if `out` lies among the images that `run` was trained on, or those of `data`, but not in the run folder, which
/// is never taken for data.
pub fn refuse_among_images(run: &Path, data: Option<&str>, out: &Path) -> Result<()> {
    if std::path::absolute(out)?.starts_with(std::path::absolute(run)?) {
        return Ok(());
    }
    let config = RunFolder::open(run).and_then(|run| run.config()).ok();
    let mut sources = data.into_iter().chain(config.as_ref().map(|config| config.data.source.as_str()));
    Ok(sources.try_for_each(|source| refuse_inside(source, out))?)
}

/// What files made of `data` are called after: the last part of its path without a dot, of a file without endings.
pub fn short_name(data: &str) -> String {
    let (before, path) = data.strip_prefix(COLOURED).map_or(("", data), |path| ("coloured-", path));
    let path = Path::new(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut parts = name.split('.').filter(|part| !part.is_empty());
    let name = match path.is_dir() {
        true => parts.collect::<Vec<_>>().join("-"),
        false => parts.next().unwrap_or_default().to_owned(),
    };
    format!("{before}{}", if name.is_empty() { "data" } else { &name })
}

/// Which images of a data set.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Part {
    /// The training split, or all images of data without splits.
    Train,
    /// The test split.
    Test,
}

impl Part {
    /// The test split or, if `dataset` has none, all of it.
    pub fn test_of(dataset: &Dataset) -> Self {
        if dataset.test.is_some() { Self::Test } else { Self::Train }
    }

    /// The split in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }

    /// These images of `dataset`.
    pub fn of(self, dataset: &Dataset) -> Result<ImageSet> {
        match (self, &dataset.test) {
            (Self::Train, _) => Ok(dataset.train.clone()),
            (Self::Test, Some(test)) => Ok(test.clone()),
            (Self::Test, None) => bail!("{} has no test split", dataset.name),
        }
    }
}

/// The images of `part` or, unless one is named, the test split; all images of data without splits.
pub fn part_or_test(part: Option<Part>, dataset: &Dataset) -> Result<ImageSet> {
    part.unwrap_or(Part::test_of(dataset)).of(dataset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_with_dots_in_their_names_have_names_of_their_own() {
        let parent = tempfile::tempdir().unwrap();
        let named = |name: &str| {
            let folder = parent.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            short_name(&folder.display().to_string())
        };
        assert_eq!(
            ["2024.06.01", "2024.06.02", ".cache", "photos"].map(named),
            ["2024-06-01", "2024-06-02", "cache", "photos"]
        );
        let names = ["x/cifar-10-binary.tar.gz", "coloured:mnist", "digits", ".."].map(short_name);
        assert_eq!(names, ["cifar-10-binary", "coloured-mnist", "digits", "data"]);
    }
}
