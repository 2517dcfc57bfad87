//! Labels: one class, or none, for each row.
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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

    /// CRC-32C of the class of each row: of its number and name, or of neither where there is none.
    pub fn checksum(&self) -> u32 {
        self.values.iter().fold(0, |sum, value| match value {
            Some(id) => {
                let sum = crc32c::crc32c_append(sum, &(id + 1).to_le_bytes());
                crc32c::crc32c_append(sum, self.classes[*id as usize].as_bytes())
            }
            None => crc32c::crc32c_append(sum, &0u32.to_le_bytes()),
        })
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

    /// Columns of the splits of one data set, where they have labels, which are numbers. The classes are those numbers
    /// that occur in any split, ascending, named by themselves.
    pub(crate) fn of_numbers<const N: usize>(splits: [Option<&[u32]>; N]) -> [Option<Self>; N] {
        let numbers: BTreeSet<u32> = splits.iter().flatten().copied().flatten().copied().collect();
        let ids: BTreeMap<u32, u32> = numbers.into_iter().zip(0..).collect();
        let classes: Vec<String> = ids.keys().map(u32::to_string).collect();
        splits.map(|labels| {
            let values = labels?.iter().map(|number| Some(ids[number])).collect();
            Some(Self { name: "label".to_owned(), classes: classes.clone(), values })
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_split_has_are_no_classes() {
        let [train, test, none] = LabelColumn::of_numbers([Some(&[5, 1, 5][..]), Some(&[7][..]), None]);
        let (train, test) = (train.unwrap(), test.unwrap());
        assert_eq!(train.classes, ["1", "5", "7"]);
        assert_eq!((&train.classes, none), (&test.classes, None));
        assert_eq!((train.values, test.values), (vec![Some(1), Some(0), Some(1)], vec![Some(2)]));
    }

    #[test]
    fn a_checksum_tells_classes_and_their_absence() {
        let column = |classes: [&str; 2], values: [Option<u32>; 2]| LabelColumn {
            name: String::new(),
            classes: classes.map(str::to_owned).to_vec(),
            values: values.to_vec(),
        };
        let columns = [
            column(["a", "b"], [Some(0), Some(1)]),
            column(["a", "b"], [Some(1), Some(0)]),
            column(["b", "a"], [Some(0), Some(1)]),
            column(["a", "b"], [Some(0), None]),
        ];
        let sums: BTreeSet<u32> = columns.iter().map(LabelColumn::checksum).collect();
        assert_eq!(sums.len(), columns.len());
    }
}
