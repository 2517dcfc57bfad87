//! Comparisons from a plan.
use crate::command::{Place, diffrep, fail, succeed};
use std::process::Command;

const PLAN: &str = r#"
data = "digits"
methods = ["drl", "simclr"]
seeds = [0]
images = [64]
t = "0"
probes = ["knn"]
probe_seeds = 1
set = ["ncsnpp.features=4", "ncsnpp.multipliers=[1]", "ncsnpp.blocks=1", "train.batch=16"]
"#;

pub fn compare(place: &Place, plan: &str) -> Command {
    std::fs::write(place.path("plan.toml"), plan).unwrap();
    let mut command = diffrep(&["compare", "--json", "--quiet"]);
    command.arg(place.path("plan.toml")).arg("--out").arg(place.path("out"));
    command
}

#[test]
fn a_plan_becomes_a_table_and_a_second_call_finds_it_there() {
    let place = Place::new();
    let first = succeed(compare(&place, PLAN));
    let cells = first["cells"].as_array().unwrap();
    assert_eq!(cells.iter().map(|cell| cell["arm"].as_str().unwrap()).collect::<Vec<_>>(), ["drl", "simclr"]);
    let table = std::fs::read_to_string(place.path("out").join("table.md")).unwrap();
    assert!(table.contains("| simclr |") && table.contains("| raw pixels |"), "{table}");
    assert_eq!(succeed(compare(&place, PLAN)), first);
}

#[test]
fn images_left_out_are_told() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 30);
    std::fs::write(pictures.join("dark/9.png"), "no picture").unwrap();
    let plan = PLAN
        .replace("digits", pictures.to_str().unwrap())
        .replace("set = [", "set = [\"data.on_bad=skip\", ");
    std::fs::write(place.path("plan.toml"), plan).unwrap();
    let mut command = diffrep(&["compare", "--json"]);
    let found = command.arg(place.path("plan.toml")).arg("--out").arg(place.path("out")).output().unwrap();
    let told = String::from_utf8_lossy(&found.stderr).into_owned();
    assert!(found.status.success() && told.matches("left out").count() == 1, "{told}");
    assert!(told.contains("dark/9.png"), "{told}");
}

#[test]
fn what_could_not_be_measured_is_refused_before_anything_is_trained() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 6);
    let flat = place.path("flat");
    std::fs::create_dir(&flat).unwrap();
    std::fs::copy(pictures.join("dark/0.png"), flat.join("0.png")).unwrap();
    std::fs::copy(pictures.join("light/0.png"), flat.join("1.png")).unwrap();
    let on = |folder: &std::path::Path| PLAN.replace("digits", folder.to_str().unwrap());
    let learns = |plan: &str| plan.replace("simclr", "supervised");
    for (plan, told) in [
        (on(&flat), "no row has a label"),
        (learns(&on(&pictures)), "supervised learns all labels, and"),
        (
            learns(&format!("validate = true\n{PLAN}")),
            "supervised is supervised, which learns the labels of the rows to be measured on",
        ),
        (format!("few_labels = [1000]\n{PLAN}"), "--few-labels 1000: class `0` has"),
        (
            format!("{PLAN}[[variant]]\nname = \"last\"\nmethod = \"ae\"\nset = [\"train.clip=-1\"]\n"),
            "last, seed 0: `train.clip` is -1",
        ),
        (
            format!("{PLAN}[[variant]]\nname = \"last\"\nmethod = \"drl\"\nset = [\"ncsnpp.features=3\"]\n"),
            "last, seed 0: ",
        ),
    ] {
        let error = fail(compare(&place, &plan));
        assert!(error.contains(told), "{error}");
        assert!(!place.path("out").exists(), "{plan}");
    }
    // An empty folder among class folders would be a class.
    let inside = on(&pictures);
    std::fs::write(place.path("plan.toml"), &inside).unwrap();
    let mut command = diffrep(&["compare"]);
    command.arg(place.path("plan.toml")).arg("--out").arg(pictures.join("out"));
    assert!(fail(command).contains("lies inside the data folder"));
    assert!(!pictures.join("out").exists());
}

#[test]
fn slips_in_a_plan_are_one_line_each() {
    let place = Place::new();
    for (from, to, told) in [
        ("drl", "dlr", "unknown value `dlr`; did you mean `drl`?"),
        ("images = [64]", "", "images or minutes: expected at least one positive number"),
        ("\"digits\"", "\"nowhere\"", "nowhere"),
        ("knn", "svm", "svm"),
        ("knn", "attention", "probes: `attention`, expected linear, mlp or knn"),
        ("probe_seeds = 1", "probe_seeds = 9000000000000000000", "expected 1 to 100"),
        ("set = [", "set = [\"seed=4\", ", "set: `seed` would change nothing"),
        ("set = [", "set = [\"data.source=other\", ", "set: `data.source` would change nothing"),
    ] {
        let error = fail(compare(&place, &PLAN.replace(from, to)));
        assert!(error.contains(told), "{error}");
    }
    let mut absent = diffrep(&["compare"]);
    absent.arg(place.path("absent.toml"));
    assert!(fail(absent).contains("absent.toml"));
}
