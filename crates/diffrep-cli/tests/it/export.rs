//! `diffrep export`: another program computes what diffrep computes.
//!
//! The ONNX files are run by rten, an independent runtime.
use crate::command::{Place, diffrep, fail, succeed};
use diffrep::data::{ImageSet, OpenOptions};
use rten::{Model, Value};
use std::path::Path;
use std::process::Command;

/// `diffrep COMMAND run`, with further arguments.
fn on(command: &str, run: &Path, arguments: &[&str]) -> Command {
    let mut process = diffrep(&[command, "--json", "--quiet"]);
    process.arg(run).args(arguments);
    process
}

/// `diffrep export` of the place's run into the file `name`.
fn export(place: &Place, name: &str, arguments: &[&str]) -> Command {
    let mut command = on("export", &place.path("run"), arguments);
    command.arg("--out").arg(place.path(name));
    command
}

/// The test images of the digits, or all images of a folder.
fn images(data: &str) -> ImageSet {
    let dataset = diffrep::data::open(data, &OpenOptions::default()).unwrap();
    dataset.test.unwrap_or(dataset.train)
}

/// The output `name` of an ONNX file for the images of `set`, and its shape.
fn computed<const N: usize>(file: &Path, name: &str, set: &ImageSet) -> ([usize; N], Vec<f32>) {
    let shape = set.shape();
    let mut pixels = vec![0.0; set.len() * shape.len()];
    set.read(&(0..set.len()).collect::<Vec<_>>(), &mut pixels).unwrap();
    // Channels first.
    let planes: Vec<f32> = pixels
        .chunks(shape.len())
        .flat_map(|image| {
            let channel =
                |c: usize| image.iter().skip(c).step_by(shape.channels).copied().collect::<Vec<_>>();
            (0..shape.channels).flat_map(channel).collect::<Vec<_>>()
        })
        .collect();
    let sides = [set.len(), shape.channels, shape.height, shape.width];
    let model = Model::load_file(file).unwrap();
    let input = Value::from_shape(sides, planes).unwrap();
    let output = model.node_id(name).unwrap();
    let [found] =
        model.run_n(vec![(model.node_id("images").unwrap(), input.into())], [output], None).unwrap();
    found.into_shape_vec::<f32, N>().unwrap()
}

/// The codes that `encode` writes, in order.
fn encoded(place: &Place, arguments: &[&str]) -> Vec<f32> {
    let out = place.path("codes.csv");
    let mut command = on("encode", &place.path("run"), arguments);
    command.arg("--out").arg(&out);
    succeed(command);
    columns(&out, 2)
}

/// All numbers of a CSV file from column `first` on.
fn columns(file: &Path, first: usize) -> Vec<f32> {
    let text = std::fs::read_to_string(file).unwrap();
    let numbers = |line: &str| line.split(',').skip(first).map(|n| n.parse().unwrap()).collect::<Vec<f32>>();
    text.lines().skip(1).flat_map(numbers).collect()
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let size = expected.iter().fold(0f32, |top, v| top.max(v.abs()));
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-4 * size, "{a} {b}, of at most {size}");
    }
}

/// Trains with `settings` and compares the codes at three levels, of either weights.
fn check_codes(settings: &[&str]) {
    let place = Place::new();
    succeed(place.train("run", &[&["--steps", "6"], settings].concat()));
    let set = images("digits");
    let of = |weights: &str| {
        let arguments = ["--t", "0.7,0,1", "--weights", weights];
        let written = succeed(export(&place, "encoder.onnx", &arguments));
        let (shape, codes) = computed::<3>(&place.path("encoder.onnx"), "codes", &set);
        assert_eq!(shape.map(Some), [Some(360), Some(3), written["dim"].as_u64().map(|dim| dim as usize)]);
        assert_close(&codes, &encoded(&place, &[&arguments[..], &["--split", "test"]].concat()));
        codes
    };
    assert_ne!(of("ema"), of("raw"));
}

#[test]
fn a_time_conditioned_encoder_computes_the_same_elsewhere() {
    check_codes(&["--set", "encoder.depth=16"]);
}

#[test]
fn a_static_encoder_computes_the_same_elsewhere() {
    check_codes(&["--set", "encoder.time_conditioned=false", "--set", "encoder.pool=2"]);
}

#[test]
fn the_mean_of_a_probabilistic_code_is_what_is_computed_elsewhere() {
    check_codes(&["--method", "vdrl", "--set", "encoder.latent=7"]);
}

/// A folder of coloured pictures of 9×14 pixels, of which networks of three levels make 12×16: the last feature map has
/// 3×4 cells.
fn oblong(place: &Place) -> String {
    let folder = place.path("pictures");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..12u8 {
        let pixel =
            |x: u32, y: u32| image::Rgb([20 * number, (x * 18) as u8, ((y * 23) as u8).wrapping_mul(number)]);
        image::RgbImage::from_fn(14, 9, pixel).save(folder.join(format!("{number}.png"))).unwrap();
    }
    let mut train = diffrep(&["train", "--json", "--quiet", "--steps", "4", "--data"]);
    train.arg(&folder).arg("--config").arg(place.path("tiny.toml")).arg("--out").arg(place.path("run"));
    for setting in
        ["ncsnpp.multipliers=[1,1,1]", "encoder.pool=2", "monitor.held_out=2", "sde.sigma_max=20.0"]
    {
        train.args(["--set", setting]);
    }
    succeed(train);
    folder.to_str().unwrap().to_owned()
}

#[test]
fn padding_and_uneven_cells_are_in_the_graph() {
    let place = Place::new();
    let folder = oblong(&place);
    succeed(export(&place, "encoder.onnx", &["--t", "0.5"]));
    let (shape, codes) = computed::<3>(&place.path("encoder.onnx"), "codes", &images(&folder));
    assert_eq!(shape, [12, 1, 256]);
    assert_close(&codes, &encoded(&place, &["--t", "0.5"]));
}

/// Compares the probabilities of the head `head` of the place's run with those of `predict`, and tells them and their t.
fn probabilities(place: &Place, head: &str) -> (Vec<f32>, f64) {
    let predicted = succeed(on("predict", &place.path("run"), &["--data", "digits", "--head", head]));
    assert_eq!(predicted["head"], head);
    let written = succeed(export(place, "classes.onnx", &["--classes", "--head", head]));
    assert_eq!((&written["classes"], &written["t"][0]), (&10.into(), &predicted["t"]));
    let (shape, found) = computed::<2>(&place.path("classes.onnx"), "probabilities", &images("digits"));
    assert_eq!(shape, [360, 10]);
    assert_close(&found, &columns(&place.path("run/predictions-digits.csv"), 3));
    (found, predicted["t"].as_f64().unwrap())
}

#[test]
fn classes_of_either_head_are_those_of_predict() {
    let place = Place::new();
    // Codes that aren't the features.
    succeed(place.train("start", &["--steps", "4", "--method", "vdrl", "--set", "encoder.latent=7"]));
    for t in ["0.9", "learned"] {
        let mut semi =
            diffrep(&["semi", "--data", "digits", "--json", "--quiet", "--labels", "5", "--batch", "20"]);
        semi.args(["--steps", "12", "--t", t, "--init"]).arg(place.path("start"));
        semi.arg("--out").arg(place.path("run"));
        succeed(semi);
        let (network, fed) = probabilities(&place, "network");
        assert_eq!(fed == 0.9, t == "0.9");
        for probe in ["linear", "mlp"] {
            let arguments = ["--probe", probe, "--t", "0.2", "--seeds", "1"];
            succeed(on("probe", &place.path("run"), &arguments));
            let (found, read) = probabilities(&place, "probe");
            assert_eq!(read, 0.2);
            assert_ne!(network, found);
        }
        std::fs::remove_dir_all(place.path("run")).unwrap();
    }
}

#[test]
fn classes_of_a_supervised_network_are_those_of_predict() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "6", "--method", "supervised"]));
    assert_eq!(probabilities(&place, "network").1, 0.0);
}

#[test]
fn a_class_head_that_nothing_has_trained_tells_no_classes() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "2", "--set", "encoder.classes=10"]));
    for command in [
        export(&place, "classes.onnx", &["--classes"]),
        on("predict", &place.path("run"), &["--data", "digits"]),
    ] {
        assert!(fail(command).contains("no saved head; run `diffrep probe`"));
    }
    let message = fail(on("predict", &place.path("run"), &["--data", "digits", "--head", "network"]));
    assert!(message.contains("its network tells no classes"), "{message}");
}

/// The codes at t = 0.3 of a run, given as a file.
fn codes_of(place: &Place, run: &str, data: &str, more: &[&str]) -> Vec<u8> {
    let out = place.path(&format!("{run}.npy"));
    let mut encode = on("encode", &place.path(run), &["--data", data, "--t", "0.3"]);
    encode.args(more).arg("--out").arg(&out);
    succeed(encode);
    std::fs::read(out).unwrap()
}

/// `diffrep import` of the exported tensors.
fn import_again(place: &Place, arguments: &[&str]) -> Command {
    let mut import = diffrep(&["import", "--json", "--quiet"]);
    import.arg(place.path("encoder.safetensors")).arg("--out").arg(place.path("again")).args(arguments);
    import
}

#[test]
fn exported_tensors_come_back_by_import() {
    // The last has a shape that the published code doesn't know.
    let head = ["--set", "encoder.latent=6", "--set", "encoder.time_conditioned=false"];
    for settings in [&[][..], &["--method", "vdrl"], &head] {
        let place = Place::new();
        succeed(place.train("run", &[&["--steps", "6"], settings].concat()));
        succeed(export(&place, "encoder.safetensors", &["--weights", "raw"]));
        succeed(import_again(&place, &[]));
        let codes = codes_of(&place, "run", "digits", &["--weights", "raw"]);
        assert!(codes == codes_of(&place, "again", "digits", &[]), "{settings:?}");
    }
}

#[test]
fn padding_noise_levels_and_cells_come_back_too() {
    let place = Place::new();
    let folder = oblong(&place);
    let written = succeed(export(&place, "encoder.safetensors", &[]));
    assert_eq!((&written["images"], &written["padded"]), (&[3, 9, 14].into(), &[3, 12, 16].into()));
    let message = fail(import_again(&place, &["--mean", "0,0,0", "--std", "1,1,1"]));
    assert!(message.contains("`export` wrote what --mean, --std, --size and --static say"), "{message}");
    succeed(import_again(&place, &[]));
    assert!(codes_of(&place, "run", &folder, &[]) == codes_of(&place, "again", &folder, &[]));
}

#[test]
fn what_cannot_be_exported_is_refused_and_nothing_is_written() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "2"]));
    for (name, arguments, told) in [
        ("encoder.pt", &[][..], "unknown format; the name must end in .onnx or .safetensors"),
        ("encoder.onnx", &["--t", "2"], "--t is `2`"),
        ("encoder.onnx", &["--classes"], "no saved head; run `diffrep probe`"),
        ("encoder.onnx", &["--classes", "--head", "network"], "its network tells no classes"),
        ("encoder.safetensors", &["--t", "0"], "--t needs a file that ends in .onnx"),
        ("encoder.safetensors", &["--classes"], "--classes needs a file that ends in .onnx"),
    ] {
        let message = fail(export(&place, name, arguments));
        assert!(message.contains(told), "{message}");
        assert!(!place.path(name).exists());
    }
    // Neighbours have no head that could be saved instead.
    succeed(on(
        "probe",
        &place.path("run"),
        &["--t", "0,1", "--probe", "knn", "--head", "gru", "--seeds", "1"],
    ));
    let message = fail(export(&place, "encoder.onnx", &["--classes"]));
    assert!(message.contains("the gru head can't be exported, only linear and mlp"), "{message}");
}
