//! Codes from files that `encode` wrote, or anything else of that form.
use super::SampleError;
use super::codes::Codes;
use npyz::npz::NpzArchive;
use std::fs::File;
use std::io;
use std::path::Path;

/// More numbers than any file of codes has reason to hold; what a header claims is allocated at once.
const MOST: u64 = 1 << 30;

/// Reads codes of `dim` numbers: `.npz` with arrays `codes` `[N, T, dim]` and `t` `[T]`, or `.npy` with `[N, dim]`, the
/// same at every t. Gives them with their number N.
///
/// # Errors
/// A file that can't be read or has another form, codes of another size, levels that don't ascend within [0, 1],
/// numbers that aren't finite.
pub fn read_codes(path: &Path, dim: usize) -> Result<(Codes, usize), SampleError> {
    let fault = |problem: String| SampleError::CodeFile { path: path.to_owned(), problem };
    let (shape, values, levels) = match path.extension().and_then(|end| end.to_str()) {
        Some("npz") => {
            let mut archive = NpzArchive::open(path).map_err(|error| fault(error.to_string()))?;
            let mut array = |name: &str| -> Result<_, SampleError> {
                let file = archive.by_name(name).map_err(|error| fault(error.to_string()))?;
                numbers(file.ok_or_else(|| fault(format!("it has no array `{name}`")))?).map_err(fault)
            };
            let (shape, values) = array("codes")?;
            (shape, values, array("t")?.1)
        }
        Some("npy") => {
            let file = File::open(path).map_err(|error| fault(error.to_string()))?;
            let file =
                npyz::NpyFile::new(io::BufReader::new(file)).map_err(|error| fault(error.to_string()))?;
            let (shape, values) = numbers(file).map_err(fault)?;
            (shape, values, vec![0.0])
        }
        _ => {
            return Err(fault(
                "expected a .npz or .npy file of codes, as `diffrep encode` writes them".into(),
            ));
        }
    };
    let (rows, found) = match shape[..] {
        [n, d] if levels.len() == 1 => (n, d),
        [n, t, d] if t == levels.len() => (n, d),
        _ => {
            let found = shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            return Err(fault(format!("its codes are [{found}], expected [N, {}, {dim}]", levels.len())));
        }
    };
    if found != dim {
        return Err(SampleError::CodeSize { origin: path.display().to_string(), found, expected: dim });
    }
    if rows == 0 {
        return Err(fault("it holds no codes".into()));
    }
    if !levels.windows(2).all(|pair| pair[0] < pair[1]) || !levels.iter().all(|t| (0.0..=1.0).contains(t)) {
        return Err(fault(format!("its t are {levels:?}, expected ascending numbers in [0, 1]")));
    }
    if !values.iter().all(|v| v.is_finite()) {
        return Err(fault("its codes hold a number that is not finite".into()));
    }
    let values = values.into_iter().map(|v| v as f32).collect();
    Ok((Codes::Curves { levels, values }, rows))
}

/// Shape and numbers of an array of f32 or f64 in C order.
fn numbers<R: io::Read>(file: npyz::NpyFile<R>) -> Result<(Vec<usize>, Vec<f64>), String> {
    if file.order() != npyz::Order::C {
        return Err("its arrays are in Fortran order, expected C order".into());
    }
    let claimed = file.shape().iter().try_fold(1u64, |product, &side| product.checked_mul(side));
    if claimed.is_none_or(|count| count > MOST) {
        return Err(format!("its arrays have the shape {:?}, expected at most {MOST} numbers", file.shape()));
    }
    let shape = file.shape().iter().map(|&side| side as usize).collect();
    let kind = file.dtype().descr();
    let values = match kind.as_str() {
        kind if kind.contains("f4") => {
            file.into_vec::<f32>().map(|values| values.into_iter().map(f64::from).collect())
        }
        kind if kind.contains("f8") => file.into_vec::<f64>(),
        _ => return Err(format!("its numbers are {kind}, expected f4 or f8")),
    };
    Ok((shape, values.map_err(|error| error.to_string())?))
}
