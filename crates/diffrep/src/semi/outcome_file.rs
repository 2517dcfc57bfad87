//! Outcomes as CSV and Parquet: a row an image.
use super::{Outcome, SemiError};
use crate::data::ImageSet;
use crate::files::PartFile;
use crate::represent::parquet_error as io_error;
use ::parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType};
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Key of the class names, as JSON, in the metadata of a Parquet file.
const CLASSES: &str = "classes";

impl Outcome {
    /// Writes path, label, probability, weight, whether it was labelled, whether it was unreached, and every class's
    /// probability of each image of `set`. The name's end tells the format: `.csv` or `.parquet`.
    ///
    /// # Errors
    /// Another ending; a file that can't be written.
    pub fn write(&self, path: &Path, set: &ImageSet) -> Result<(), SemiError> {
        let written = match path.extension().and_then(|end| end.to_str()) {
            Some("csv") => self.write_csv(path, set),
            Some("parquet") => self.write_parquet(path, set),
            _ => return Err(SemiError::Format { path: path.to_owned() }),
        };
        written.map_err(|error| SemiError::Write { path: path.to_owned(), error })
    }

    fn write_csv(&self, path: &Path, set: &ImageSet) -> io::Result<()> {
        let mut csv = csv::Writer::from_writer(PartFile::create(path)?);
        let names = ["path", "label", "probability", "weight", "labelled", "unreached"];
        csv.write_record(names.into_iter().chain(self.classes.iter().map(String::as_str)))?;
        for (row, (guess, probabilities)) in self.rows().enumerate() {
            let fields = [
                set.id(row),
                self.classes[guess].clone(),
                probabilities[guess].to_string(),
                self.weights[row].to_string(),
                self.labelled[row].to_string(),
                self.unreached[row].to_string(),
            ];
            csv.write_record(fields.into_iter().chain(probabilities.iter().map(f64::to_string)))?;
        }
        csv.into_inner().map_err(|error| error.into_error())?.finish()
    }

    fn write_parquet(&self, path: &Path, set: &ImageSet) -> io::Result<()> {
        let classes: String =
            (0..self.classes.len()).map(|class| format!("required double p_{class}; ")).collect();
        let schema = format!(
            "message guesses {{ required binary path (STRING); required binary label (STRING); \
             required double probability; required double weight; required boolean labelled; \
             required boolean unreached; {classes}}}"
        );
        let schema = Arc::new(parse_message_type(&schema).map_err(io_error)?);
        // Column names can't hold all that class names can.
        let names = serde_json::to_string(&self.classes).expect("names are strings");
        let names = KeyValue::new(CLASSES.to_owned(), names);
        let properties =
            Arc::new(WriterProperties::builder().set_key_value_metadata(Some(vec![names])).build());
        let mut file =
            SerializedFileWriter::new(PartFile::create(path)?, schema, properties).map_err(io_error)?;
        let guesses = self.guesses();
        let texts = |text: &dyn Fn(usize) -> String| -> Vec<ByteArray> {
            (0..guesses.len()).map(|row| ByteArray::from(text(row).into_bytes())).collect()
        };
        let probability = |class: &dyn Fn(usize) -> usize| -> Vec<f64> {
            self.rows().enumerate().map(|(row, (_, probabilities))| probabilities[class(row)]).collect()
        };
        let mut group = file.next_row_group().map_err(io_error)?;
        let mut index = 0;
        while let Some(mut column) = group.next_column().map_err(io_error)? {
            let written = match index {
                0 => column.typed::<ByteArrayType>().write_batch(&texts(&|row| set.id(row)), None, None),
                1 => {
                    let labels = texts(&|row| self.classes[guesses[row]].clone());
                    column.typed::<ByteArrayType>().write_batch(&labels, None, None)
                }
                2 => {
                    let values = probability(&|row| guesses[row]);
                    column.typed::<DoubleType>().write_batch(&values, None, None)
                }
                3 => column.typed::<DoubleType>().write_batch(&self.weights, None, None),
                4 => column.typed::<BoolType>().write_batch(&self.labelled, None, None),
                5 => column.typed::<BoolType>().write_batch(&self.unreached, None, None),
                class => {
                    let values = probability(&|_| class - 6);
                    column.typed::<DoubleType>().write_batch(&values, None, None)
                }
            };
            written.map_err(io_error)?;
            column.close().map_err(io_error)?;
            index += 1;
        }
        group.close().map_err(io_error)?;
        file.into_inner().map_err(io_error)?.finish()
    }

    /// The guess and all probabilities of each image.
    fn rows(&self) -> impl Iterator<Item = (usize, &[f64])> {
        self.guesses().into_iter().zip(self.probabilities.chunks(self.classes.len()))
    }
}
