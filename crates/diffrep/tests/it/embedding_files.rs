//! Files of embeddings hold what was given, in order, whoever reads them; a failed one leaves nothing behind.
use diffrep::data::{ImageSet, OpenOptions, open};
use diffrep::represent::{EmbeddingFile, Outline, RepresentError};
use diffrep_kernels::random::Key;
use npyz::npz::NpzArchive;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;
use std::path::Path;

/// Names with whatever a name may hold, in the order of the data.
const NAMES: [&str; 4] = ["cat/a, b.png", "cat/ü.png", "dog/\"c\".png", "dog/long name of a dog.png"];

/// Four images in two folders, as data.
fn images(folder: &Path) -> ImageSet {
    for name in NAMES {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::GrayImage::new(4, 4).save(path).unwrap();
    }
    open(folder.to_str().unwrap(), &OpenOptions::default()).unwrap().train
}

/// Writes `codes` in blocks of `block` rows.
fn write(path: &Path, outline: &Outline, codes: &[f32], block: usize) -> Result<(), RepresentError> {
    let mut file = EmbeddingFile::create(path, outline)?;
    for codes in codes.chunks(block * outline.t.len() * outline.dim) {
        file.write(codes)?;
    }
    file.finish()
}

fn codes(outline: &Outline, seed: u64) -> Vec<f32> {
    let mut codes = vec![0.0; outline.set.len() * outline.t.len() * outline.dim];
    Key::new(seed, 0, 0).fill_normal(0, &mut codes);
    codes
}

fn npz<T: npyz::Deserialize>(path: &Path, name: &str) -> (Vec<u64>, Vec<T>) {
    let mut archive = NpzArchive::open(path).unwrap();
    let array = archive.by_name(name).unwrap().unwrap();
    (array.shape().to_vec(), array.into_vec().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn every_format_gives_back_the_codes(levels in 1usize..4, dim in 1usize..6, block in 1usize..6, seed: u64) {
        let folder = tempfile::tempdir().unwrap();
        let set = images(&folder.path().join("data"));
        let t: Vec<f64> = (0..levels).map(|i| i as f64 / 4.0).collect();
        let outline = Outline { set, t: t.clone(), dim };
        let codes = codes(&outline, seed);
        let file = |name: &str| {
            let path = folder.path().join(name);
            write(&path, &outline, &codes, block).unwrap();
            path
        };
        let shape = vec![NAMES.len() as u64, levels as u64, dim as u64];

        let npy = npyz::NpyFile::new(std::fs::File::open(file("e.npy")).unwrap()).unwrap();
        prop_assert_eq!(npy.shape(), &shape[..]);
        prop_assert_eq!(npy.into_vec::<f32>().unwrap(), codes.clone());

        let path = file("e.npz");
        prop_assert_eq!(npz::<f32>(&path, "codes"), (shape, codes.clone()));
        prop_assert_eq!(npz::<f64>(&path, "t").1, t);
        prop_assert_eq!(npz::<i64>(&path, "labels").1, [0, 0, 1, 1]);
        prop_assert_eq!(npz::<String>(&path, "ids").1, NAMES);
        prop_assert_eq!(npz::<String>(&path, "classes").1, ["cat", "dog"]);

        let bytes = std::fs::read(file("e.safetensors")).unwrap();
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let view = tensors.tensor("codes").unwrap();
        prop_assert_eq!(view.shape(), &[NAMES.len(), levels, dim]);
        let little: Vec<u8> = codes.iter().flat_map(|v| v.to_le_bytes()).collect();
        prop_assert_eq!(view.data(), &little[..]);
        let ends: Vec<usize> = tensors.tensor("id_ends").unwrap().data().chunks(8)
            .map(|b| i64::from_le_bytes(b.try_into().unwrap()) as usize).collect();
        let names = tensors.tensor("id_bytes").unwrap().data().to_vec();
        prop_assert_eq!(&names[ends[0]..ends[1]], NAMES[1].as_bytes());

        let mut csv = csv::Reader::from_path(file("e.csv")).unwrap();
        for (row, record) in csv.records().enumerate() {
            let record = record.unwrap();
            prop_assert_eq!(&record[0], NAMES[row]);
            prop_assert_eq!(&record[1], if row < 2 { "cat" } else { "dog" });
            let numbers: Vec<f32> = record.iter().skip(2).map(|v| v.parse().unwrap()).collect();
            prop_assert_eq!(&numbers[..], &codes[row * levels * dim..][..levels * dim]);
        }

        let reader = SerializedFileReader::new(std::fs::File::open(file("e.parquet")).unwrap()).unwrap();
        for (row, record) in reader.get_row_iter(None).unwrap().enumerate() {
            let fields: Vec<Field> = record.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect();
            prop_assert_eq!(&fields[0], &Field::Str(NAMES[row].to_owned()));
            prop_assert_eq!(&fields[1], &Field::Str(if row < 2 { "cat" } else { "dog" }.to_owned()));
            for level in 0..levels {
                let Field::ListInternal(list) = &fields[2 + level] else { panic!("{:?}", fields[2 + level]) };
                let expected: Vec<Field> =
                    codes[(row * levels + level) * dim..][..dim].iter().map(|&v| Field::Float(v)).collect();
                prop_assert_eq!(list.elements(), &expected[..]);
            }
        }
    }
}

#[test]
fn row_groups_of_parquet_join_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let set = open("shapes", &OpenOptions::default()).unwrap().train;
    let outline = Outline { set: set.subset(&(0..5000).collect::<Vec<_>>()), t: vec![0.0, 0.5], dim: 500 };
    let codes: Vec<f32> = (0..5000).flat_map(|row| vec![row as f32; 1000]).collect();
    let path = folder.path().join("e.parquet");
    write(&path, &outline, &codes, 64).unwrap();
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    assert_eq!(reader.num_row_groups(), 2);
    for (row, record) in reader.get_row_iter(None).unwrap().enumerate().step_by(617) {
        let fields: Vec<Field> = record.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect();
        assert_eq!(fields[0], Field::Str(outline.set.id(row)));
        let Field::ListInternal(list) = &fields[3] else { panic!("{:?}", fields[3]) };
        assert_eq!(list.elements(), vec![Field::Float(row as f32); 500]);
    }
}

const ALL: [&str; 5] = ["e.npy", "e.npz", "e.safetensors", "e.parquet", "e.csv"];

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_leaves_the_earlier_file() {
    let folder = tempfile::tempdir().unwrap();
    let outline = Outline { set: images(&folder.path().join("data")), t: vec![0.0], dim: 20_000 };
    let codes = codes(&outline, 1);
    for name in ALL {
        let path = folder.path().join(name);
        std::fs::write(&path, "old").unwrap();
        let part = folder.path().join(format!("{name}.part"));
        std::os::unix::fs::symlink("/dev/full", &part).unwrap();
        let error = write(&path, &outline, &codes, 1).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("No space left"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert!(part.symlink_metadata().is_err(), "{name} left its part");
    }
}

#[test]
fn an_incomplete_file_never_appears() {
    let folder = tempfile::tempdir().unwrap();
    let outline = Outline { set: images(&folder.path().join("data")), t: vec![0.0], dim: 2 };
    for name in ALL {
        let path = folder.path().join(name);
        let error = write(&path, &outline, &codes(&outline, 1)[2..], 1).unwrap_err().to_string();
        assert!(error.contains("3 of 4 rows were given"), "{error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the data remain");
}

#[test]
fn an_unknown_ending_names_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let outline = Outline { set: images(&folder.path().join("data")), t: vec![0.0], dim: 2 };
    let error = EmbeddingFile::create(&folder.path().join("e.txt"), &outline).err().unwrap().to_string();
    assert!(error.contains("e.txt: unknown format") && error.contains(".parquet"), "{error}");
}
