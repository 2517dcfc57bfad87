//! One folder a class.
use super::scan::{self, Found};
use crate::data::{DataError, LabelColumn, Labels, OpenOptions};
use std::{collections::BTreeSet, path::Path};

/// Label columns of the training and the test images, if folders are classes.
///
/// With [`Labels::Auto`] or a file, whose labels lie over those of the folders, they are if every image lies in exactly
/// one folder below its split's and there are at least two such folders (or a class map is given); anything else is
/// unlabelled. Empty folders count as classes, so that
/// ids stay the same when a class has lost its images.
pub(super) fn columns(
    root: &Path,
    train: (&str, &[Found]),
    test: Option<(&str, &[Found])>,
    options: &OpenOptions,
) -> Result<(Option<LabelColumn>, Option<LabelColumn>), DataError> {
    let splits = || std::iter::once(train).chain(test);
    // A given class map is the file's, if there is one.
    let given = options.classes.as_ref().filter(|_| !matches!(options.labels, Labels::File(_)));
    match &options.labels {
        Labels::Auto | Labels::File(_) => {
            let flat_classes =
                splits().all(|(folder, images)| images.iter().all(|image| depth(folder, image) == 1));
            let classes: BTreeSet<&str> = splits().flat_map(class_of_each).flatten().collect();
            if !flat_classes || (classes.len() < 2 && given.is_none()) {
                return Ok((None, None));
            }
        }
        Labels::Folders => {
            let lone = splits().find_map(|split| split.1.iter().find(|image| depth(split.0, image) == 0));
            if let Some(image) = lone {
                let reason = "lies in no folder, expected one folder a class";
                return Err(DataError::malformed(root.join(&image.name), reason));
            }
        }
        Labels::Ignore => return Ok((None, None)),
    }
    let classes = match given {
        Some(classes) => classes.clone(),
        None => {
            let mut names = BTreeSet::new();
            for (folder, _) in splits() {
                names.extend(scan::subfolders(&root.join(folder), options)?);
            }
            names.into_iter().collect()
        }
    };
    let column = |split| column(root, split, &classes);
    Ok((Some(column(train)?), test.map(column).transpose()?))
}

fn column(root: &Path, split: (&str, &[Found]), classes: &[String]) -> Result<LabelColumn, DataError> {
    let id = |class: Option<&str>| {
        let class = class.unwrap_or_default();
        let id = classes.iter().position(|name| name == class);
        let unknown = || DataError::UnknownClass {
            path: root.join(split.0),
            class: class.to_owned(),
            known: classes.join(", "),
        };
        id.map(|id| Some(id as u32)).ok_or_else(unknown)
    };
    let values = class_of_each(split).map(id).collect::<Result<_, _>>()?;
    Ok(LabelColumn { name: "label".to_owned(), classes: classes.to_vec(), values })
}

/// The first folder of each image below its split's folder.
fn class_of_each<'a>((folder, images): (&'a str, &'a [Found])) -> impl Iterator<Item = Option<&'a str>> {
    images.iter().map(move |image| inner_name(folder, image).split_once('/').map(|(class, _)| class))
}

/// Folders between the split's folder and the image.
fn depth(folder: &str, image: &Found) -> usize {
    inner_name(folder, image).matches('/').count()
}

fn inner_name<'a>(folder: &str, image: &'a Found) -> &'a str {
    image.name.strip_prefix(folder).unwrap_or(&image.name).trim_start_matches('/')
}
