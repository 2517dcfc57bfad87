//! IDX, the format of MNIST (LeCun, Cortes, Burges): two zero bytes, type, number of dimensions, each dimension as
//! a big-endian 32-bit number, then the data. Images are unsigned bytes of [N, H, W] or [N, H, W, C], labels [N].
use super::stream;
use crate::data::{DataError, Dataset, ImageSet, ImageShape, LabelColumn, source::ByteImages};
use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

const UNSIGNED_BYTE: u8 = 0x08;
const FASHION: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

/// Sizes and bytes of an IDX file.
#[derive(Debug, PartialEq)]
pub(crate) struct Idx {
    pub(crate) dimensions: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

/// True if a file that starts so is an IDX file of bytes.
pub(crate) fn recognise(start: &[u8]) -> bool {
    matches!(start, [0, 0, UNSIGNED_BYTE, 1..=4, ..])
}

/// The file's array, with one of `dimensions` numbers of dimensions; `what` names it in messages.
pub(crate) fn read(path: &Path, dimensions: &[u8], what: &str) -> Result<Idx, DataError> {
    let mut reader = stream::open(path)?;
    let mut word = || {
        let mut bytes = [0; 4];
        reader.read_exact(&mut bytes).map(|()| bytes)
    };
    let short = |error| DataError::malformed(path, format!("the IDX header is cut short: {error}"));
    let magic = word().map_err(short)?;
    if magic[..3] != [0, 0, UNSIGNED_BYTE] || !dimensions.contains(&magic[3]) {
        let expected: Vec<String> =
            dimensions.iter().map(|n| format!("{:#010x}", 0x800 + u32::from(*n))).collect();
        let found = u32::from_be_bytes(magic);
        let reason = format!("magic number {found:#010x}, expected {} (IDX {what})", expected.join(" or "));
        return Err(DataError::malformed(path, reason));
    }
    let sizes: Vec<u32> =
        (0..magic[3]).map(|_| word().map(u32::from_be_bytes)).collect::<Result<_, _>>().map_err(short)?;
    let total =
        sizes.iter().try_fold(1u64, |total, &size| total.checked_mul(size.into())).unwrap_or(u64::MAX);
    let bytes = stream::exactly(reader.as_mut(), total, path)?;
    Ok(Idx { dimensions: sizes.iter().map(|&size| size as usize).collect(), bytes })
}

/// The four files of an MNIST-like folder, if they (or at least the training images) are there.
pub(crate) fn find_in(folder: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    let find = |stem: &str| {
        let names = ["-idx3-ubyte", ".idx3-ubyte"].map(|middle| format!("{stem}-images{middle}"));
        let mut candidates = names.iter().flat_map(|name| [name.clone(), format!("{name}.gz")]);
        candidates.find_map(|name| Some(folder.join(name)).filter(|path| path.is_file()))
    };
    Some((find("train")?, find("t10k")))
}

/// The data set of training images and, where given, test images; labels lie beside them or don't exist.
pub(crate) fn open(name: &str, train: &Path, test: Option<&Path>) -> Result<Dataset, DataError> {
    let fashion = is_fashion(train);
    let (train, test) = (read_split(train)?, test.map(read_split).transpose()?);
    let labels = |split: Option<&SplitFiles>| split.and_then(|split| split.labels.clone());
    let numbers = [labels(Some(&train)), labels(test.as_ref())];
    let columns =
        match fashion && numbers.iter().flatten().flatten().all(|&class| class < FASHION.len() as u32) {
            true => numbers.map(|labels| labels.map(|labels| published(&labels))),
            false => LabelColumn::of_numbers(numbers.each_ref().map(Option::as_deref)),
        };
    let [train_column, test_column] = columns;
    let set = |split: SplitFiles, column: Option<LabelColumn>| {
        ImageSet::new(Arc::new(split.images), column.into_iter().collect())
    };
    Ok(Dataset::new(name, set(train, train_column), test.map(|test| set(test, test_column))))
}

/// Whether the file's own name or its folder's says so, or that of the folder around `raw`, as PyTorch lays it out.
fn is_fashion(file: &Path) -> bool {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let mut names = absolute.iter().rev().map(|name| name.to_string_lossy().to_lowercase());
    let (file, folder, around) = (names.next(), names.next(), names.next());
    let around = around.filter(|_| folder.as_deref() == Some("raw"));
    [file, folder, around].iter().flatten().any(|name| name.contains("fashion"))
}

/// The clothes have names, all ten of them.
fn published(labels: &[u32]) -> LabelColumn {
    LabelColumn {
        name: "label".to_owned(),
        classes: FASHION.map(str::to_owned).to_vec(),
        values: labels.iter().copied().map(Some).collect(),
    }
}

struct SplitFiles {
    images: ByteImages,
    labels: Option<Vec<u32>>,
}

fn read_split(path: &Path) -> Result<SplitFiles, DataError> {
    let images = read(path, &[3, 4], "images")?;
    let [count, height, width] = [images.dimensions[0], images.dimensions[1], images.dimensions[2]];
    let channels = images.dimensions.get(3).copied().unwrap_or(1);
    if images.bytes.is_empty() {
        return Err(DataError::Empty { path: path.to_owned(), hint: String::new() });
    }
    let labels = labels_beside(path).map(|labels| read_labels(&labels, count)).transpose()?;
    let shape = ImageShape { height, width, channels };
    Ok(SplitFiles { images: ByteImages::new(shape, images.bytes), labels })
}

/// `train-images-idx3-ubyte.gz` has its labels in `train-labels-idx1-ubyte.gz`, with or without the `.gz`.
fn labels_beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let labels = name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1");
    let plain = labels.trim_end_matches(".gz");
    let candidates = [labels.clone(), plain.to_owned(), format!("{plain}.gz")];
    candidates
        .iter()
        .filter(|&label| label != name)
        .map(|label| images.with_file_name(label))
        .find(|path| path.is_file())
}

fn read_labels(path: &Path, count: usize) -> Result<Vec<u32>, DataError> {
    let labels = read(path, &[1], "labels")?.bytes;
    if labels.len() != count {
        let reason = format!("{} labels for {count} images", labels.len());
        return Err(DataError::malformed(path, reason));
    }
    Ok(labels.into_iter().map(u32::from).collect())
}
