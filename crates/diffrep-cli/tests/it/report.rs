//! `diffrep report`.
use crate::command::{Place, diffrep, fail, succeed};

#[test]
fn a_run_without_scores_has_a_report_that_says_how_to_get_them() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "10"]));
    let run = place.path("run");
    let mut command = diffrep(&["report", "--json"]);
    command.arg(&run);
    let result = succeed(command);
    assert_eq!(result["report"], run.join("report.html").display().to_string());
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("<h1>DRL on digits</h1>"));
    assert!(page.contains("diffrep probe"), "the missing scores name their command");
    assert!(page.contains("data-name=\"t = 0.2\""), "embeddings at the default levels");
    for stem in ["loss", "gradients", "z-gain", "embeddings", "neighbours"] {
        assert!(result["figures"].as_array().unwrap().contains(&stem.into()), "{result}");
        assert!(
            run.join(format!("figures/{stem}.svg")).is_file()
                && run.join(format!("figures/{stem}.png")).is_file()
        );
    }
}

#[test]
fn a_report_goes_where_it_is_told() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "5"]));
    let mut command = diffrep(&["report", "--json", "--quiet", "--t", "0.9,0.1", "--images", "50"]);
    command
        .arg(place.path("run"))
        .arg("--out")
        .arg(place.path("page.html"))
        .arg("--figures")
        .arg(place.path("pictures"));
    succeed(command);
    assert!(place.path("page.html").is_file() && place.path("pictures/loss.svg").is_file());
    assert!(!place.path("run").join("report.html").exists());
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    let (low, high) =
        (page.find("data-name=\"t = 0.1\"").unwrap(), page.find("data-name=\"t = 0.9\"").unwrap());
    assert!(low < high && page.matches("data-name").count() == 2, "both levels, in order");
    assert!(page.contains("50 of "));
}

#[test]
fn places_that_can_not_be_used_are_named_once() {
    let place = Place::new();
    let mut command = diffrep(&["report"]);
    command.arg(place.path("nowhere"));
    let line = fail(command);
    assert!(line.contains("nowhere") && line.matches("o such file").count() <= 1, "{line}");

    succeed(place.train("run", &["--steps", "5"]));
    let mut command = diffrep(&["report"]);
    command.arg(place.path("run")).arg("--out").arg(place.path("tiny.toml").join("page.html"));
    let line = fail(command);
    assert!(line.contains("page.html"), "{line}");

    for (arguments, named) in
        [(["--data", "nowhere"], "nowhere"), (["--t", "1.5"], "1.5"), (["--t", ""], "--t")]
    {
        let mut command = diffrep(&["report", "--quiet"]);
        command.arg(place.path("run")).args(arguments);
        let line = fail(command);
        assert!(line.contains(named), "{line}");
    }
}
