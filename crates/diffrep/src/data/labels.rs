//! Labels: one class, or none, for each row.
use serde::{Deserialize, Serialize};

/// One way to sort a set's images into classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelColumn {
    /// Name of the column; the primary one is called `label` unless the data have a better name.
    pub name: String,
    /// Names of the classes; a class's id is its place here.
    pub classes: Vec<String>,
    /// Class id of each row, `None` where the row has no label.
    pub values: Vec<Option<u32>>,
}

impl LabelColumn {
    /// How many rows each class has.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for value in self.values.iter().flatten() {
            counts[*value as usize] += 1;
        }
        counts
    }

    /// Name of the row's class.
    pub fn class(&self, row: usize) -> Option<&str> {
        self.values[row].map(|id| self.classes[id as usize].as_str())
    }

    /// The column of the given rows; class ids don't change.
    pub fn subset(&self, rows: &[usize]) -> Self {
        let values = rows.iter().map(|&row| self.values[row]).collect();
        Self { name: self.name.clone(), classes: self.classes.clone(), values }
    }

    /// A column with a label in every row and classes named by their numbers, 0 to `classes` − 1.
    pub(crate) fn numbered(name: &str, classes: usize, values: impl IntoIterator<Item = u8>) -> Self {
        Self {
            name: name.to_owned(),
            classes: (0..classes).map(|class| class.to_string()).collect(),
            values: values.into_iter().map(|value| Some(value.into())).collect(),
        }
    }
}
