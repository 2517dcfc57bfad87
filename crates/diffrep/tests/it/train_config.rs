//! Settings: what wins over what, and what is refused.
use diffrep::nn::parameters::Layout;
use diffrep::nn::{EncoderConfig, ModelConfig};
use diffrep::objective::Method;
use diffrep::random::Seed;
use diffrep::sde::{Sde, Vp};
use diffrep::train::{Config, PRESETS, Plan, Sources, fast_preset_for, preset_for};
use proptest::prelude::*;
use std::path::Path;

fn resolve(set: &[&str]) -> Result<Config, String> {
    let sources = Sources {
        preset: Some("digits".to_owned()),
        set: set.iter().map(|s| s.to_string()).collect(),
        ..Sources::default()
    };
    Config::resolve(&sources).map_err(|error| error.to_string())
}

#[test]
fn every_preset_is_complete_and_survives_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    for (name, _) in PRESETS {
        let config =
            Config::resolve(&Sources { preset: Some(name.to_owned()), ..Sources::default() }).unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, config.to_toml()).unwrap();
        assert_eq!(Config::from_file(&path).unwrap(), config, "{name}");
    }
}

#[test]
fn presets_of_built_in_data_make_plans() {
    for name in ["digits", "shapes"] {
        let config =
            Config::resolve(&Sources { preset: Some(name.to_owned()), ..Sources::default() }).unwrap();
        let plan = Plan::new(config, Path::new("nowhere/run")).unwrap();
        assert!(plan.record().held_out_rows.len() >= 256, "{name}");
    }
}

#[test]
fn the_published_settings_are_the_published_ones() {
    let paper = Sources { preset: Some("cifar10-paper".to_owned()), ..Sources::default() };
    let config = Config::resolve(&paper).unwrap();
    assert_eq!((config.train.steps, config.train.batch, config.optimiser.warm_up), (70_000, 64, 5_000));
    assert_eq!(
        (config.train.clip, config.train.ema_decay, config.optimiser.learning_rate),
        (1.0, 0.999, 2e-4)
    );
    assert_eq!((config.encoder.depth, config.encoder.width, config.ncsnpp.features), (28, 2, 16));
    assert_eq!((config.ncsnpp.dropout, config.objective.gamma), (0.1, 1e-5));
}

#[test]
fn flags_win_over_set_wins_over_the_file_wins_over_the_preset() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, "preset = \"shapes\"\n[train]\nbatch = 1001\nsteps = 1001\nclip = 7\n").unwrap();
    let mut sources = Sources {
        file: Some(file),
        set: vec!["train.steps=1002".to_owned(), "train.batch=1002".to_owned()],
        ..Sources::default()
    };
    sources.flag("train.batch", "--batch", Some(1003));
    let config = Config::resolve(&sources).unwrap();
    assert_eq!((config.train.clip, config.train.steps, config.train.batch), (7.0, 1002, 1003));
    assert_eq!(config.data.source, "shapes");
}

#[test]
fn the_preset_follows_the_data_unless_one_is_named() {
    assert_eq!(preset_for("digits"), "digits");
    assert_eq!(preset_for("/home/me/pictures"), "cifar10");
    let mut sources = Sources::default();
    sources.flag("data.source", "--data", Some("shapes"));
    assert_eq!(Config::resolve(&sources).unwrap().encoder.depth, 16);
}

#[test]
fn on_a_processor_all_but_the_small_built_in_data_get_the_fast_preset() {
    for (source, channels, preset) in [
        ("photos", 3, "fast"),
        ("photos", 1, "fast-grey"),
        ("cifar100", 3, "fast"),
        ("mnist", 1, "fast-grey"),
        ("coloured:digits", 3, "fast"),
        ("digits", 1, "digits"),
        ("shapes", 3, "shapes"),
    ] {
        assert_eq!(fast_preset_for(source, channels), preset, "{source}");
    }
}

#[test]
fn a_preset_is_named_by_an_argument_or_by_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |text: &str| {
        let path = folder.path().join("mine.toml");
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let names = |preset: Option<&str>, file| {
        Sources { preset: preset.map(str::to_owned), file, ..Sources::default() }.names_preset().unwrap()
    };
    assert!(!names(None, None));
    assert!(names(Some("cifar10"), None));
    assert!(!names(None, file("[train]\nbatch = 8\n")));
    assert!(names(None, file("preset = \"cifar10\"\n")));
    // The settings of a run are all there are.
    assert!(names(None, file(&resolve(&[]).unwrap().to_toml())));
}

#[test]
fn grey_images_of_28_pixels_keep_the_attention_of_the_fast_preset() {
    let of = |preset: &str| {
        let sources = Sources { preset: Some(preset.to_owned()), ..Sources::default() };
        let ncsnpp = Config::resolve(&sources).unwrap().ncsnpp;
        let model = |side: usize| ModelConfig {
            height: side,
            width: side,
            channels: 1,
            encoder: EncoderConfig::default(),
            ncsnpp: ncsnpp.clone(),
            score_network: true,
            decoder: false,
            projection: None,
        };
        [8, 28, 32].map(|side| {
            let layout = Layout::of(&model(side).init(Seed(0), &Default::default()).unwrap());
            layout.entries().iter().filter(|entry| entry.name.ends_with("attention.query.weight")).count()
        })
    };
    let [tiny, small, usual] = of("fast-grey");
    assert!(tiny < small, "{tiny} {small}");
    assert_eq!([small, usual], [usual, of("fast")[2]]);
}

#[test]
fn minutes_are_a_setting_only_where_steps_are_counted() {
    let of = |preset: &str, set: &[&str]| {
        let set = set.iter().map(|s| s.to_string()).collect();
        let sources =
            Sources { preset: Some(preset.to_owned()), set, minutes: Some(7.0), ..Sources::default() };
        Config::resolve(&sources).unwrap().train
    };
    assert_eq!(of("fast", &[]).minutes, Some(7.0));
    assert_eq!(of("fast", &["train.steps=10"]).minutes, Some(15.0));
    assert_eq!(of("cifar10", &[]).minutes, None);
    assert_eq!(of("cifar10", &["train.steps=0"]).minutes, Some(7.0));
}

#[test]
fn another_forward_process_takes_its_own_constants() {
    let config = resolve(&["sde.kind=vp"]).unwrap();
    assert_eq!(config.sde, Sde::Vp(Vp::default()));
    assert!(resolve(&["sde.kind=vp", "sde.sigma_max=3"]).unwrap_err().contains("sigma_max"));
}

#[test]
fn the_method_decides_whether_the_code_is_gaussian() {
    let config = resolve(&["objective.method=vdrl"]).unwrap();
    assert_eq!(config.objective.method, Method::VDRL);
    assert!(config.encoder.probabilistic);
    assert!(!resolve(&[]).unwrap().encoder.probabilistic);
    let insisting = resolve(&["encoder.probabilistic=true"]).unwrap();
    let error = Plan::new(insisting, Path::new("nowhere/run")).unwrap_err().to_string();
    assert!(error.contains("drl needs encoder.probabilistic = false"), "{error}");
}

#[test]
fn slips_are_answered_with_where_and_what_was_meant() {
    for (set, told) in [
        ("train.bacth=3", "`train.bacth`: no such setting; did you mean `batch`?"),
        ("trian.batch=3", "`trian`: no such setting; did you mean `train`?"),
        ("optimiser.decay=cosin", "`optimiser.decay`: unknown value `cosin`; did you mean `cosine`?"),
        ("objective.method=drrl", "unknown value `drrl`; did you mean `drl`?"),
        ("train.batch=many", "`train.batch`: invalid type: string \"many\""),
        ("train.batch", "expected key=value"),
        ("=3", "expected key=value"),
        ("train=3", "`train`: invalid type"),
    ] {
        let error = resolve(&[set]).unwrap_err();
        assert!(error.contains(told), "{set}: {error}");
        assert!(error.contains(set), "{set}: {error}");
    }
}

#[test]
fn a_broken_file_is_named_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, "[train]\nsteps = 3\nbatch = = 4\n").unwrap();
    let error = Config::resolve(&Sources { file: Some(file), ..Sources::default() }).unwrap_err().to_string();
    assert!(error.contains("mine.toml: line 3") && !error.contains('\n'), "{error}");
    let absent = Sources { file: Some("absent.toml".into()), ..Sources::default() };
    assert!(Config::resolve(&absent).unwrap_err().to_string().contains("can't read absent.toml"));
}

proptest! {
    #[test]
    fn no_assignment_panics(text in ".{0,40}") {
        let _ = resolve(&[&text]);
    }
}
