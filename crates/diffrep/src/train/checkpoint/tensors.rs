//! Flat buffers as named tensors in safetensors files, read back strictly.
use crate::train::RunError;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::Path;

/// Name and shape of each tensor, in the order in which a flat buffer holds their elements.
pub(crate) type Outline<'a> = [(&'a str, &'a [usize])];

/// How many names of a kind an error lists before it only counts.
const LISTED: usize = 5;

/// The file's bytes. They depend on names, shapes and values only. `values` holds as many elements as `outline`.
pub(crate) fn encode(outline: &Outline, values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut rest = bytes.as_slice();
    let views = outline.iter().map(|&(name, shape)| {
        let (part, after) = rest.split_at(4 * shape.iter().product::<usize>());
        rest = after;
        let view =
            TensorView::new(Dtype::F32, shape.to_vec(), part).expect("a part is as long as its shape says");
        (name, view)
    });
    safetensors::serialize(views.collect::<Vec<_>>(), None)
        .expect("views of f32 in unique names always serialise")
}

/// The flat buffer of a file that holds the tensors of `outline`, no more and no less.
pub(crate) fn decode(file: &Path, bytes: &[u8], outline: &Outline) -> Result<Vec<f32>, RunError> {
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| RunError::damaged(file, error))?;
    let mut found: BTreeMap<String, TensorView> = tensors.tensors().into_iter().collect();
    let (mut missing, mut misshaped) = (Vec::new(), Vec::new());
    let mut values = Vec::with_capacity(bytes.len() / 4);
    for &(name, shape) in outline {
        match found.remove(name) {
            None => missing.push(format!("`{name}`")),
            Some(view) if view.shape() != shape || view.dtype() != Dtype::F32 => {
                let (dtype, is) = (view.dtype(), view.shape());
                misshaped.push(format!("`{name}` is {dtype:?} {is:?} instead of F32 {shape:?}"));
            }
            Some(view) => {
                let numbers = view.data().chunks_exact(4);
                values.extend(numbers.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])));
            }
        }
    }
    let extra: Vec<String> = found.into_keys().map(|name| format!("`{name}`")).collect();
    if missing.is_empty() && extra.is_empty() && misshaped.is_empty() {
        return Ok(values);
    }
    let parts = [("missing", missing), ("unknown", extra), ("mis-shaped", misshaped)];
    let told: Vec<String> =
        parts.iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| list(what, names)).collect();
    Err(RunError::OtherNetwork { file: file.to_owned(), problem: told.join("; ") })
}

fn list(what: &str, names: &[String]) -> String {
    let shown = names[..names.len().min(LISTED)].join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => format!("{what} {shown}"),
        more => format!("{what} {shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OUTLINE: &Outline = &[("b.weight", &[2, 2]), ("a.bias", &[3])];

    fn problem(outline: &Outline) -> String {
        let bytes = encode(OUTLINE, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        decode(Path::new("model.safetensors"), &bytes, outline).unwrap_err().to_string()
    }

    #[test]
    fn every_missing_extra_and_misshaped_tensor_is_named() {
        let message = problem(&[("b.weight", &[4]), ("c", &[1])]);
        for part in ["missing `c`", "unknown `a.bias`", "`b.weight` is F32 [2, 2] instead of F32 [4]"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn a_renamed_tensor_is_named_twice() {
        let message = problem(&[("b.weight", &[2, 2]), ("a.offset", &[3])]);
        assert!(message.contains("missing `a.offset`; unknown `a.bias`"), "{message}");
    }

    #[test]
    fn a_cut_file_is_damaged_at_every_length() {
        let bytes = encode(OUTLINE, &[0.0; 7]);
        for length in 0..bytes.len() {
            let outcome = decode(Path::new("m"), &bytes[..length], OUTLINE);
            assert!(matches!(outcome, Err(RunError::Damaged { .. })), "{length}");
        }
    }

    proptest! {
        #[test]
        fn values_come_back_bit_for_bit(values in prop::collection::vec(prop::num::f32::ANY, 7)) {
            let bytes = encode(OUTLINE, &values);
            let back = decode(Path::new("m"), &bytes, OUTLINE).unwrap();
            prop_assert!(values.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits()));
        }

        #[test]
        fn hostile_bytes_are_an_error_not_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(Path::new("m"), &bytes, OUTLINE).is_err());
        }
    }
}
