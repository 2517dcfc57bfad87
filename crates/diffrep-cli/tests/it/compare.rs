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

fn compare(place: &Place, plan: &str) -> Command {
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
fn slips_in_a_plan_are_one_line_each() {
    let place = Place::new();
    for (from, to, told) in [
        ("drl", "dlr", "unknown value `dlr`; did you mean `drl`?"),
        ("images = [64]", "", "images or minutes: expected at least one positive number"),
        ("\"digits\"", "\"nowhere\"", "nowhere"),
        ("knn", "svm", "svm"),
    ] {
        let error = fail(compare(&place, &PLAN.replace(from, to)));
        assert!(error.contains(told), "{error}");
    }
    let mut absent = diffrep(&["compare"]);
    absent.arg(place.path("absent.toml"));
    assert!(fail(absent).contains("absent.toml"));
}
