//! Folders of image files.
//!
//! Images lie anywhere below the folder, or below its `train` and `test` (or `val`) folders. They are found and
//! checked once; pixels are decoded on demand, so a folder may be larger than the memory.
mod classes;
mod complete;
mod decode;
mod scan;
mod stream;

use super::{DataError, Dataset, ImageSet, ImageShape, OpenOptions};
use scan::Found;
use std::path::Path;
use stream::FolderImages;

/// Size that images get where they differ or are large, and none was asked for.
const DEFAULT_SIDE: usize = 32;
/// Images of one size with no longer side keep it.
const LARGEST_KEPT_SIDE: usize = 64;
/// Names of the folder of test images; the first found is taken.
const TEST_FOLDERS: [&str; 4] = ["test", "val", "valid", "validation"];

/// Opens a folder; ids are paths relative to it.
pub(crate) fn open(name: &str, root: &Path, options: &OpenOptions) -> Result<Dataset, DataError> {
    let mut skipped = Vec::new();
    let (train_folder, test_folder) = if root.join("train").is_dir() {
        ("train", TEST_FOLDERS.into_iter().find(|name| root.join(name).is_dir()))
    } else {
        ("", None)
    };
    if train_folder == "train" {
        skipped.extend(loose_images(root, options));
        if test_folder.is_none() {
            skipped.extend(beside_train(root, options));
        }
    }
    let train = scan::scan(root, train_folder, options, &mut skipped)?;
    let test = test_folder.map(|folder| scan::scan(root, folder, options, &mut skipped)).transpose()?;
    let columns = classes::columns(root, (train_folder, &train), test_folder.zip(test.as_deref()), options)?;
    let shape = common_shape(train.iter().chain(test.iter().flatten()), options);
    let set = |images: Vec<Found>, column| {
        let source = FolderImages::new(root, images, shape, options.pixel_limit);
        ImageSet::new(std::sync::Arc::new(source), Option::into_iter(column).collect())
    };
    let (train_column, test_column) = columns;
    let test = test.map(|images| set(images, test_column));
    Ok(Dataset { skipped, ..Dataset::new(name, set(train, train_column), test) })
}

/// That images lie beside a folder `train`, in none of the splits.
fn loose_images(root: &Path, options: &OpenOptions) -> Option<String> {
    let count = scan::count_images(root, options);
    let images = if count == 1 { "image" } else { "images" };
    (count > 0).then(|| {
        format!(
            "{count} {images} beside train/, outside of it (a class of that name must be called otherwise)"
        )
    })
}

/// Folders of images beside a folder `train` that has no test folder beside it, with what becomes of them: as likely as a
/// split, it is a class among others.
fn beside_train(root: &Path, options: &OpenOptions) -> Vec<String> {
    let mut others = scan::subfolders(root, options).unwrap_or_default();
    others.retain(|name| name != "train" && scan::holds_images(root, name, options));
    let told = |name: String| {
        format!("{name}/, which lies beside train/ (a class of that name must be called otherwise)")
    };
    others.into_iter().map(told).collect()
}

/// Opens one image file as a set of one unlabelled row.
pub(crate) fn open_one(name: &str, path: &Path, options: &OpenOptions) -> Result<Dataset, DataError> {
    let found = scan::check_one(path, options.pixel_limit)?;
    let shape = common_shape([&found].into_iter(), options);
    let root = path.parent().unwrap_or(Path::new(""));
    let source = FolderImages::new(root, vec![found], shape, options.pixel_limit);
    let train = ImageSet::new(std::sync::Arc::new(source), Vec::new());
    Ok(Dataset::new(name, train, None))
}

fn common_shape<'a>(images: impl Iterator<Item = &'a Found> + Clone, options: &OpenOptions) -> ImageShape {
    let mut sizes = images.clone().map(|image| (image.header.height as usize, image.header.width as usize));
    let first = sizes.next().unwrap_or((DEFAULT_SIDE, DEFAULT_SIDE));
    let kept = first.0.max(first.1) <= LARGEST_KEPT_SIDE && sizes.all(|size| size == first);
    let (height, width) = options.size.unwrap_or(if kept { first } else { (DEFAULT_SIDE, DEFAULT_SIDE) });
    let coloured = images.clone().any(|image| image.header.coloured);
    ImageShape { height, width, channels: options.channels.unwrap_or(if coloured { 3 } else { 1 }) }
}
