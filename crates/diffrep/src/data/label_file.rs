//! Label files: CSV whose first line is `path,label[,…]` and whose first column holds the images' ids, which are
//! paths relative to the data folder (row numbers for formats without names).
//!
//! An empty field means no label. Images that the file doesn't name are unlabelled; lines of images that were left out
//! as bad are passed over. A column called `label` is the primary one, otherwise the first. Keys are sought among the
//! training images, then among the test images, so that numbers of both are those of training images; test images keep
//! their own labels if the file names none of them.
use super::{DataError, Dataset, ImageSet, LabelColumn};
use crate::files::PartFile;
use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

const KEY: &str = "path";
/// The column whose labels are meant where none is named.
const PRIMARY: &str = "label";

/// Replaces the labels of `dataset`, which lies at `root`, by those of the file at `path`. Class ids follow `classes` if
/// given, otherwise the data's own class map if it knows all names, otherwise the sorted names.
///
/// # Errors
/// A key that is no image or comes twice, a class outside the map, a malformed file.
pub(crate) fn apply(
    dataset: Dataset,
    root: &Path,
    path: &Path,
    classes: Option<&[String]>,
) -> Result<Dataset, DataError> {
    let mut file = LabelFile::read(path)?;
    file.arrange(classes);
    let left_out = |key: &str| {
        let image = format!("{}: ", root.join(key).display());
        dataset.skipped.iter().any(|message| message.starts_with(&image))
    };
    file.entries.retain(|entry| !left_out(&entry.key));
    // Without file names a row's number counts, whatever zeros a spreadsheet has taken from it.
    let numbered = dataset.train.file_sizes().is_none();
    let mut rows: HashMap<String, (usize, usize)> = HashMap::new();
    for (split, set) in std::iter::once(&dataset.train).chain(&dataset.test).enumerate() {
        for row in 0..set.len() {
            rows.entry(key(&set.id(row), numbered).to_owned()).or_insert((split, row));
        }
    }
    let places = file.place(path, |name| rows.get(key(name, numbered)).copied())?;
    let column = |split: usize, set: &ImageSet, index: usize| {
        let name = &file.columns[index];
        let known = dataset.train.column(name).map(|column| column.classes.as_slice());
        let map = if index == 0 { classes } else { None };
        let classes = file.classes(path, index, map, known)?;
        let ids: HashMap<&str, u32> = classes.iter().zip(0..).map(|(name, id)| (name.as_str(), id)).collect();
        let mut values = vec![None; set.len()];
        for (entry, &(_, row)) in file.entries.iter().zip(&places).filter(|(_, place)| place.0 == split) {
            values[row] = ids.get(entry.labels[index].as_str()).copied();
        }
        Ok(LabelColumn { name: name.clone(), classes, values })
    };
    let columns = |split: usize, set: &ImageSet| {
        (0..file.columns.len()).map(|index| column(split, set, index)).collect::<Result<Vec<_>, DataError>>()
    };
    let train = dataset.train.with_columns(columns(0, &dataset.train)?)?;
    let names_test = places.iter().any(|&(split, _)| split == 1);
    let test = match &dataset.test {
        Some(test) if names_test => Some(test.with_columns(columns(1, test)?)?),
        Some(test) => {
            let same = |column: &&LabelColumn| {
                train.column(&column.name).is_some_and(|c| c.classes == column.classes)
            };
            Some(test.with_columns(test.columns().iter().filter(same).cloned().collect())?)
        }
        None => None,
    };
    Ok(Dataset { train, test, ..dataset })
}

/// What of an image's name is compared: of a number its digits without zeros in front.
fn key(name: &str, numbered: bool) -> &str {
    match name.trim_start_matches('0') {
        "" if numbered && !name.is_empty() => "0",
        digits if numbered => digits,
        _ => name,
    }
}

/// Writes a label file of the given rows with all label columns of the set; the file appears whole or not at all.
///
/// # Errors
/// A path that can't be written.
pub fn write_label_file(path: &Path, set: &ImageSet, rows: &[usize]) -> Result<(), DataError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = std::iter::once(KEY).chain(set.columns().iter().map(|column| column.name.as_str()));
    let mut written = writer.write_record(header);
    for &row in rows {
        let id = set.id(row);
        let labels = set.columns().iter().map(|column| column.class(row).unwrap_or_default());
        written = written.and_then(|()| writer.write_record(std::iter::once(id.as_str()).chain(labels)));
    }
    let bytes =
        written.map_err(std::io::Error::from).and_then(|()| writer.into_inner().map_err(|e| e.into_error()));
    bytes.and_then(|bytes| PartFile::write_whole(path, &bytes)).map_err(DataError::io(path))
}

struct LabelFile {
    columns: Vec<String>,
    entries: Vec<Entry>,
}

struct Entry {
    line: u64,
    key: String,
    labels: Vec<String>,
}

impl LabelFile {
    fn read(path: &Path) -> Result<Self, DataError> {
        let malformed = |error: csv::Error| {
            let reason = error.to_string();
            match error.into_kind() {
                csv::ErrorKind::Io(reason) => DataError::Io { path: path.to_owned(), reason },
                _ => DataError::malformed(path, reason),
            }
        };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(path).map_err(malformed)?;
        let header: Vec<String> = reader.headers().map_err(malformed)?.iter().map(str::to_owned).collect();
        // Spreadsheets put a byte order mark before the first name.
        if header.len() < 2 || header[0].trim_start_matches('\u{feff}') != KEY {
            let reason = format!(
                "the first line is `{}`, expected `path,label` and further columns",
                header.join(",")
            );
            return Err(DataError::malformed(path, reason));
        }
        if let Some(twice) =
            (1..header.len()).find(|&at| !header[at].is_empty() && header[1..at].contains(&header[at]))
        {
            let reason = format!("line 1: the column `{}` comes twice", header[twice]);
            return Err(DataError::malformed(path, reason));
        }
        let mut entries = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| match error.kind() {
                csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                    let line = pos.as_ref().map_or(0, csv::Position::line);
                    DataError::malformed(
                        path,
                        format!("line {line} has {len} fields, expected {expected_len}"),
                    )
                }
                _ => malformed(error),
            })?;
            let line = record.position().map_or(0, csv::Position::line);
            let mut fields = record.iter().map(str::to_owned);
            let key = fields.next().unwrap_or_default();
            entries.push(Entry { line, key, labels: fields.collect() });
        }
        Ok(Self { columns: header[1..].to_vec(), entries })
    }

    /// Takes away columns that hold nothing, not even a name, such as a comma at the end of each line makes, and puts a
    /// column called `label` first, unless `classes` are not its own but those of the column that is first anyway: then the
    /// run that they are of has learned that one.
    fn arrange(&mut self, classes: Option<&[String]>) {
        let cells = |at: usize| self.entries.iter().map(move |entry| &entry.labels[at]);
        let holds = |at: &usize| !self.columns[*at].is_empty() || cells(*at).any(|cell| !cell.is_empty());
        let mut kept: Vec<usize> = (0..self.columns.len()).filter(holds).collect();
        let fits = |at: usize| {
            classes.is_some_and(|map| cells(at).all(|cell| cell.is_empty() || map.contains(cell)))
        };
        let primary = kept.iter().copied().find(|&at| self.columns[at] == PRIMARY);
        let learned_first = primary.is_some_and(|at| !fits(at)) && kept.first().is_some_and(|&at| fits(at));
        if !learned_first {
            kept.sort_by_key(|&at| self.columns[at] != PRIMARY);
        }
        let arranged = |cells: &[String]| kept.iter().map(|&at| cells[at].clone()).collect();
        self.columns = arranged(&self.columns);
        for entry in &mut self.entries {
            entry.labels = arranged(&entry.labels);
        }
    }

    /// The (split, row) of each entry.
    fn place(
        &self,
        path: &Path,
        find: impl Fn(&str) -> Option<(usize, usize)>,
    ) -> Result<Vec<(usize, usize)>, DataError> {
        let mut seen: HashMap<(usize, usize), u64> = HashMap::new();
        let mut places = Vec::with_capacity(self.entries.len());
        for Entry { line, key, .. } in &self.entries {
            let unknown = || DataError::UnknownKey { path: path.to_owned(), line: *line, key: key.clone() };
            let place = find(key).ok_or_else(unknown)?;
            if let Some(first) = seen.insert(place, *line) {
                let (path, key) = (path.to_owned(), key.clone());
                return Err(DataError::DuplicateKey { path, line: *line, first, key });
            }
            places.push(place);
        }
        Ok(places)
    }

    fn classes(
        &self,
        path: &Path,
        index: usize,
        map: Option<&[String]>,
        known: Option<&[String]>,
    ) -> Result<Vec<String>, DataError> {
        let names: BTreeSet<&str> = self
            .entries
            .iter()
            .map(|entry| entry.labels[index].as_str())
            .filter(|name| !name.is_empty())
            .collect();
        let missing =
            |map: &[String]| names.iter().find(|name| map.iter().all(|known| known != *name)).copied();
        match (map, known) {
            (Some(map), _) => match missing(map) {
                Some(class) => {
                    let (path, class, known) = (path.to_owned(), class.to_owned(), map.join(", "));
                    Err(DataError::UnknownClass { path, class, known })
                }
                None => Ok(map.to_vec()),
            },
            (None, Some(known)) if missing(known).is_none() => Ok(known.to_vec()),
            _ => Ok(names.into_iter().map(str::to_owned).collect()),
        }
    }
}
