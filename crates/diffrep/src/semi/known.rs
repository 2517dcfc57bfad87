//! Which labels are known: so many of each class, or those of a file.
use super::{PartialLabels, SemiError};
use crate::data::{ImageSet, LabelColumn, per_class};
use crate::random::Seed;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Where known labels come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownLabels {
    /// So many of each class out of the data's own labels, chosen by the seed.
    PerClass {
        /// How many.
        count: usize,
        /// Chooses them.
        seed: Seed,
    },
    /// A split file as LaplaceNet's repository has them: a line an image, its file name and its class, with a space
    /// between. The file name alone is the key, so two images of one name are an error.
    SplitFile(PathBuf),
    /// All labels that the data have.
    All,
    /// These, one an image or none, such as those of a label file; the data's own ones, if they have the same classes,
    /// only tell how right the guesses are.
    Column(LabelColumn),
}

impl KnownLabels {
    /// Class names and known labels of `set`.
    ///
    /// # Errors
    /// Data without labels, a class with too few, a file that names an unknown image or class, or two images of one name.
    pub fn of(&self, set: &ImageSet) -> Result<(Vec<String>, PartialLabels), SemiError> {
        match self {
            Self::PerClass { count, seed } => {
                let column = column(set)?;
                let mut values = vec![None; set.len()];
                for row in per_class(column, *count, *seed)? {
                    values[row] = column.values[row];
                }
                occurring(column, values, set)
            }
            Self::All => occurring(column(set)?, column(set)?.values.clone(), set),
            Self::Column(column) => occurring(column, column.values.clone(), set),
            Self::SplitFile(path) => split_file(path, set),
        }
    }
}

/// Known `values` of the classes of `column` without those that no image of `set` has, such as that of an empty folder.
fn occurring(
    column: &LabelColumn,
    values: Vec<Option<u32>>,
    set: &ImageSet,
) -> Result<(Vec<String>, PartialLabels), SemiError> {
    let own = set.labels();
    let names = own.into_iter().flat_map(|own| (0..set.len()).filter_map(|row| own.class(row)));
    let mut occur: HashSet<&str> = names.collect();
    occur.extend(values.iter().flatten().map(|&id| column.classes[id as usize].as_str()));
    let kept = column.classes.iter().filter(|name| occur.contains(name.as_str()));
    let classes: Vec<String> = kept.cloned().collect();
    let place = |id: u32| classes.iter().position(|name| *name == column.classes[id as usize]);
    let values = values.into_iter().map(|id| Some(place(id?)? as u32)).collect();
    let labels = PartialLabels::new(&classes, values)?;
    Ok((classes, labels))
}

fn column(set: &ImageSet) -> Result<&LabelColumn, SemiError> {
    set.labels().ok_or(SemiError::NoLabels)
}

fn split_file(path: &Path, set: &ImageSet) -> Result<(Vec<String>, PartialLabels), SemiError> {
    let file = |problem: String| SemiError::SplitFile { path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| file(error.to_string()))?;
    let mut rows: HashMap<String, Vec<usize>> = HashMap::new();
    for row in 0..set.len() {
        let id = set.id(row);
        let name = id.rsplit('/').next().unwrap_or(&id).to_owned();
        rows.entry(name).or_default().push(row);
    }
    let mut known: Vec<(usize, &str)> = Vec::new();
    let mut classes: Vec<String> = set.labels().map_or(Vec::new(), |column| column.classes.clone());
    let given = !classes.is_empty();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let at = |what: String| file(format!("line {}: {what}", number + 1));
        let (name, class) = line
            .trim()
            .rsplit_once(char::is_whitespace)
            .ok_or_else(|| at(format!("`{line}`, expected a file name and a class")))?;
        let name = name.trim_end();
        match rows.get(name).map(Vec::as_slice) {
            Some(&[row]) => known.push((row, class)),
            Some(several) => {
                let ids = [set.id(several[0]), set.id(several[1])];
                return Err(at(format!("`{name}` is both {} and {}", ids[0], ids[1])));
            }
            None if number == 0 && line.starts_with("path") => {
                return Err(at("the file looks like a table; one of labels must be called .csv".to_owned()));
            }
            None => return Err(at(format!("no image is called `{name}`"))),
        }
        if !classes.iter().any(|known| known == class) {
            if given {
                return Err(at(format!(
                    "no class is called `{class}`, expected one of {}",
                    classes.join(", ")
                )));
            }
            classes.push(class.to_owned());
        }
    }
    if !given {
        classes.sort();
    }
    let mut values = vec![None; set.len()];
    for (row, class) in known {
        let id = classes.iter().position(|known| known == class).map(|id| id as u32);
        if values[row].is_some() {
            return Err(file(format!("{} is there twice", set.id(row))));
        }
        values[row] = id;
    }
    let labels = PartialLabels::new(&classes, values)?;
    Ok((classes, labels))
}
