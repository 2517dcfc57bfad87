//! Classes of images as CSV.
use super::{PredictError, Prediction};
use crate::files::PartFile;
use std::io;
use std::path::Path;

/// Writes path, label, its probability and that of every class, a line an image.
///
/// # Errors
/// The file can't be written; an earlier one of the name is then untouched.
pub fn write_csv(path: &Path, classes: &[String], predictions: &[Prediction]) -> Result<(), PredictError> {
    write(path, classes, predictions).map_err(|error| PredictError::Write { path: path.to_owned(), error })
}

fn write(path: &Path, classes: &[String], predictions: &[Prediction]) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(PartFile::create(path)?);
    let names = ["path", "label", "probability"];
    csv.write_record(names.into_iter().chain(classes.iter().map(String::as_str)))?;
    for Prediction { path, class, probabilities } in predictions {
        let fields = [path.clone(), classes[*class].clone(), probabilities[*class].to_string()];
        csv.write_record(fields.into_iter().chain(probabilities.iter().map(f32::to_string)))?;
    }
    csv.into_inner().map_err(|error| error.into_error())?.finish()
}
