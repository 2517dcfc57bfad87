//! Seeing what codes hold: generated images, and what is refused.
use crate::command::{Place, diffrep, fail, succeed};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

fn on(command: &str, place: &Place, arguments: &[&str]) -> Command {
    let mut process = diffrep(&[command, "--json", "--quiet"]);
    process.arg(place.path("run")).args(arguments);
    process
}

/// A place with a run of a few steps.
fn trained(arguments: &[&str]) -> Place {
    let place = Place::new();
    succeed(place.train("run", &[&["--steps", "4"], arguments].concat()));
    place
}

/// One with a latent space that can be drawn.
fn planar() -> Place {
    trained(&["--set", "encoder.latent=2", "--set", "encoder.time_conditioned=false"])
}

/// The PNG files of a folder that begin with `prefix`, in order.
fn pictures(folder: &Path, prefix: &str) -> Vec<Vec<u8>> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(prefix) && name.ends_with(".png"))
        .collect();
    names.sort();
    let png = |name: String| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        assert!(bytes.starts_with(b"\x89PNG"));
        bytes
    };
    names.into_iter().map(png).collect()
}

#[test]
fn every_sampler_makes_the_images_asked_for() {
    let place = trained(&[]);
    for (arguments, evaluations) in [
        (&["--sampler", "heun", "--steps", "4"][..], 7),
        (&["--sampler", "euler-maruyama", "--steps", "5"], 5),
        (&["--sampler", "reverse-diffusion", "--steps", "5", "--no-denoise"], 4),
        (
            &["--sampler", "ancestral", "--steps", "5", "--corrector", "langevin", "--corrector-steps", "2"],
            13,
        ),
        (&["--sampler", "probability-flow", "--steps", "5", "--corrector", "annealed-langevin"], 9),
        (&["--steps", "3", "--t-start", "0.5", "--prior", "uniform"], 5),
    ] {
        let folder = place.path("out");
        let mut command = on("sample", &place, &["-n", "3", "--fit-images", "50", "--components", "2"]);
        let result = succeed({
            command.args(arguments).arg("--out").arg(&folder);
            command
        });
        assert_eq!(result["evaluations"], evaluations, "{arguments:?}");
        assert_eq!(pictures(&folder, "0").len(), 3);
        assert_eq!(pictures(&folder, "sheet").len(), 1);
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn the_same_command_makes_the_same_images_whatever_the_batch() {
    let place = trained(&[]);
    let images = |out: &str, arguments: &[&str]| {
        let mut command = on("sample", &place, &["-n", "4", "--fit-images", "40", "--steps", "5"]);
        command.args(arguments).arg("--out").arg(place.path(out));
        succeed(command);
        pictures(&place.path(out), "0")
    };
    let first = images("a", &[]);
    assert!(first == images("b", &["--batch", "3"]));
    assert!(first != images("c", &["--seed", "1"]));
}

#[test]
fn codes_that_encode_wrote_are_sampled_from() {
    let place = trained(&[]);
    let codes = place.path("codes.npz");
    let mut encode = on("encode", &place, &["--t", "0,0.5,1", "--split", "test", "--out"]);
    encode.arg(&codes);
    succeed(encode);
    let sample = |place: &Place, codes: &Path, out: &str| {
        let mut command = on("sample", place, &["-n", "3", "--steps", "3", "--z"]);
        command.arg(codes).arg("--out").arg(place.path(out));
        command
    };
    let result = succeed(sample(&place, &codes, "out"));
    assert_eq!((result["images"].as_u64(), pictures(&place.path("out"), "0").len()), (Some(3), 3));

    let other = planar();
    let message = fail(sample(&other, &codes, "out"));
    assert!(message.contains("codes.npz: a code has 64 numbers, but those of this run have 2"), "{message}");
    for (name, content, named) in [
        ("absent.npz", None, "No such file"),
        ("codes.txt", Some(&b"1 2 3"[..]), "expected a .npz or .npy file of codes"),
        ("broken.npy", Some(b"nothing"), "broken.npy"),
    ] {
        let path = place.path(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let message = fail(sample(&place, &path, "out"));
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn gaussian_codes_have_a_prior_and_others_have_none() {
    let place = trained(&["--method", "vdrl"]);
    let result = succeed(on("sample", &place, &["-n", "2", "--steps", "3", "--z", "prior"]));
    assert_eq!(result["images"], 2);
    assert_eq!(pictures(&place.path("run/samples"), "0").len(), 2);
    let place = trained(&[]);
    let message = fail(on("sample", &place, &["--z", "prior"]));
    assert!(message.contains("`drl` trains no Gaussian codes"), "{message}");
}

#[test]
fn an_image_is_seen_through_its_codes_at_several_t() {
    let place = trained(&[]);
    let arguments = ["--rows", "3,5", "--samples", "3", "--t", "0,1", "--steps", "3"];
    let result = succeed(on("reconstruct", &place, &arguments));
    let codes = result["codes"].as_array().unwrap();
    let levels: Vec<&Value> = codes.iter().map(|code| &code["t"]).collect();
    assert_eq!(levels, [&Value::Null, &Value::from(0.0), &Value::from(1.0)]);
    assert!(codes.iter().all(|code| code["rmse"].as_f64().unwrap() > 0.0), "{result}");
    let folder = place.path("run/reconstructions");
    assert_eq!(pictures(&folder, "image-").len(), 2);
    assert_eq!(pictures(&folder, "sample-").len(), 6);
    assert_eq!(pictures(&folder, "t1-sample-").len(), 6);
}

#[test]
fn a_sheet_shows_as_many_pictures_as_it_has_room_for() {
    let place = trained(&["--method", "ae"]);
    let all = succeed(on("reconstruct", &place, &["--images", "1000", "--split", "train"]));
    assert_eq!(all["images"], 1000);
    assert_eq!(pictures(&place.path("run/reconstructions"), "sample-").len(), 1000);
    let sheet = image::open(place.path("run/reconstructions/sheet.png")).unwrap();
    // Half a thousand rows, 172 pixels high each.
    assert!((500 * 172..502 * 172).contains(&sheet.height()), "{}", sheet.height());
}

#[test]
fn an_autoencoders_reconstructions_are_its_decoders() {
    let place = trained(&["--method", "ae"]);
    let result = succeed(on("reconstruct", &place, &["--images", "3"]));
    assert_eq!(result["codes"][0]["codes"], "decoded");
    let folder = place.path("run/reconstructions");
    assert_eq!((pictures(&folder, "image-").len(), pictures(&folder, "sample-").len()), (3, 3));
    let message = fail(on("sample", &place, &[]));
    assert!(message.contains("no score network") && message.contains("its method is ae"), "{message}");
}

#[test]
fn the_ways_ends_are_its_images() {
    let place = trained(&[]);
    let arguments = ["--rows", "0,7", "--rows", "2,3", "-n", "5", "--sampler", "ode", "--tolerance", "1e-5"];
    let result = succeed(on("interpolate", &place, &arguments));
    for pair in result["pairs"].as_array().unwrap() {
        for error in pair["end_rmse"].as_array().unwrap() {
            assert!(error.as_f64().unwrap() < 0.02, "{result}");
        }
    }
    assert_eq!(pictures(&place.path("run/interpolations"), "way1-").len(), 5);
}

#[test]
fn a_plane_of_codes_is_drawn_with_its_figures() {
    let place = planar();
    let result = succeed(on("latent", &place, &["--grid", "3", "--steps", "3"]));
    assert!((-1.0..=1.0).contains(&result["silhouette"].as_f64().unwrap()), "{result}");
    assert!((0.0..=1.0).contains(&result["knn"]["accuracy"].as_f64().unwrap()), "{result}");
    assert_eq!(result["codes"], 360);
    let svg = std::fs::read_to_string(place.path("run/latent/latent.svg")).unwrap();
    assert_eq!(svg.matches("<image").count(), 9);
    assert_eq!(pictures(&place.path("run/latent"), "latent").len(), 1);
}

#[test]
fn a_grid_needs_a_plane_of_static_codes() {
    let message = fail(on("latent", &trained(&[]), &[]));
    assert!(message.contains("needs codes of 2 numbers, but those of this run have 64"), "{message}");
    let message = fail(on("latent", &trained(&["--set", "encoder.latent=2"]), &[]));
    assert!(message.contains("needs a static encoder"), "{message}");
}

#[test]
fn likelihoods_are_the_same_every_time() {
    let place = trained(&[]);
    let by = |batch: &str| {
        let arguments = ["--images", "3", "--batch", batch, "--tolerance", "0.01"];
        succeed(on("likelihood", &place, &arguments))
    };
    let run = || by("2");
    let result = run();
    let bits = result["bits_per_dimension"].as_f64().unwrap();
    assert!(bits.is_finite() && result["evaluations"].as_u64().unwrap() > 6, "{result}");
    let images = result["images"].as_array().unwrap();
    let mean = images.iter().map(|image| image["bits"].as_f64().unwrap()).sum::<f64>() / 3.0;
    assert!(images.len() == 3 && (mean - bits).abs() < 1e-9, "{result}");
    assert_eq!(result, run());
    // An image's noise is its own; but the steps of a batch are chosen together, within the tolerance.
    let alone = by("1");
    for (a, b) in alone["images"].as_array().unwrap().iter().zip(images) {
        let [a, b] = [a, b].map(|image| image["bits"].as_f64().unwrap());
        assert!((a - b).abs() < 0.01, "{alone} {result}");
    }
}

#[test]
fn pictures_are_not_written_among_the_images() {
    let place = trained(&[]);
    let pictures = place.pictures("pictures", 2);
    let inside = pictures.join("new");
    for (command, option) in
        [("sample", "--out"), ("reconstruct", "--out"), ("interpolate", "--out"), ("report", "--figures")]
    {
        let mut process = on(command, &place, &[]);
        process.arg("--data").arg(&pictures).arg(option).arg(&inside);
        let message = fail(process);
        assert!(message.contains("lies inside the data folder"), "{command}: {message}");
        assert!(!inside.exists());
    }
}

#[test]
fn a_run_without_a_score_network_is_refused_by_every_command() {
    let place = trained(&["--method", "simclr"]);
    for command in ["sample", "reconstruct", "interpolate", "latent", "likelihood"] {
        let message = fail(on(command, &place, &[]));
        assert!(
            message.contains("no score network, so there is nothing to sample with (its method is simclr;"),
            "{message}"
        );
    }
}

#[test]
fn bad_arguments_are_named() {
    let place = trained(&[]);
    for (command, arguments, named) in [
        ("sample", &["--t-start", "0"][..], "--t-start is 0, expected a number above 0.00001"),
        ("sample", &["--steps", "1"], "--steps is 1, expected 2 to 100000"),
        ("sample", &["--sampler", "ode", "--tolerance", "2"], "--tolerance is 2"),
        ("sample", &["--tolerance", "0.1"], "--tolerance is for --sampler ode"),
        ("sample", &["--sampler", "ode", "--steps", "5"], "--steps is not for --sampler ode"),
        ("sample", &["--corrector", "langevin"], "--corrector needs a predictor"),
        ("sample", &["--sampler", "ancestral", "--corrector", "langevin", "--snr", "0"], "--snr is 0"),
        ("sample", &["--components", "0", "--fit-images", "20"], "--components is 0, expected 1 to 20"),
        ("reconstruct", &["--rows", "100000"], "--rows names row 100000, but digits has 360 images there"),
        ("reconstruct", &["--t", "1.5"], "--t is `1.5`"),
        ("interpolate", &["--rows", "0,100000"], "--rows names row 100000"),
        ("interpolate", &["--sampler", "ancestral"], "expected heun or ode"),
        ("interpolate", &["--t-start", "1.5"], "--t-start is 1.5"),
        ("likelihood", &["--probes", "0"], "--probes is 0, expected at least 1"),
        ("likelihood", &["--tolerance", "0"], "--tolerance is 0"),
        ("sample", &["--out", "/dev/null/x"], "can't create /dev/null/x"),
    ] {
        let message = fail(on(command, &place, arguments));
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn where_times_are_drawn_is_an_argument_of_train() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "1", "--time-sampling", "sigma-uniform"]));
    let config = std::fs::read_to_string(place.path("run/config.toml")).unwrap();
    assert!(config.contains("time = \"sigma-uniform\""), "{config}");
    let message = fail(place.train("other", &["--time-sampling", "beta:0,1"]));
    assert!(message.contains("--time-sampling") && message.contains("beta:0,1"), "{message}");
}
