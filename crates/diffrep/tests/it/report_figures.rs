//! Figures: well-formed, of the promised size, honest about what they leave out.
use diffrep::report::figure::{
    Axis, Bar, BarChart, Baseline, Cell, CellMark, Figure, HeatMap, ImageGrid, Ink, LatentGrid, LineChart,
    Panel, Point, Scatter, Series, Thumbnail, contact_sheet,
};
use diffrep::report::{ReportError, escape};
use proptest::prelude::*;
use resvg::usvg::roxmltree::Document;
use std::collections::HashSet;

fn line_chart(series: Vec<Series>) -> LineChart {
    let baselines = vec![Baseline { name: "raw pixels".into(), value: 40.0 }];
    LineChart {
        title: "Accuracy".into(),
        x: Axis::linear("t"),
        y: Axis::linear("accuracy, %"),
        series,
        baselines,
    }
}

fn banded() -> Series {
    let points = (0..11).map(|i| Point { x: i as f64 / 10.0, y: 50.0 + i as f64, sd: Some(1.5) }).collect();
    Series { name: "encoder".into(), points }
}

fn scatter(panels: usize, classes: &[&str]) -> Scatter {
    let points: Vec<[f64; 2]> = (0..60).map(|i| [(i as f64 * 0.7).sin(), (i as f64 * 1.3).cos()]).collect();
    let panel =
        |i| Panel { title: format!("t = {i}"), axes: ["PC 1".into(), "PC 2".into()], points: points.clone() };
    Scatter {
        title: "Embeddings".into(),
        panels: (0..panels).map(panel).collect(),
        labels: (0..60).map(|i| Some(i % classes.len() as u32)).collect(),
        classes: classes.iter().map(|name| name.to_string()).collect(),
    }
}

fn thumbnail() -> Thumbnail {
    let pixels: Vec<f32> = (0..8 * 8).map(|i| i as f32 / 63.0).collect();
    Thumbnail::new([8, 8, 1], &pixels).unwrap()
}

fn bar(name: &str, value: f64) -> Bar {
    Bar { name: name.into(), value, sd: Some(1.0), ink: Ink::Series(0) }
}

fn bars(values: &[f64]) -> BarChart {
    let bars = values.iter().map(|&value| bar(&format!("bar {value}"), value)).collect();
    BarChart { title: "Scores".into(), label: "accuracy, %".into(), bars, decimals: 1 }
}

/// Pictures over [0, 1]² and three points, one of which lies outside.
fn latent_grid(pictures: usize) -> LatentGrid {
    LatentGrid {
        title: "Latent space".into(),
        caption: "silhouette 0.5".into(),
        limits: [(0.0, 1.0), (0.0, 1.0)],
        pictures: vec![thumbnail(); pictures],
        points: vec![[0.1, 0.2], [0.9, 0.8], [3.0, 0.0]],
        labels: vec![Some(0), Some(1), None],
        classes: vec!["a".into(), "b".into()],
    }
}

fn heat_map(values: &[[f64; 2]; 2]) -> HeatMap {
    let names = vec!["0".to_owned(), "0.5".to_owned()];
    HeatMap {
        title: "Alignment".into(),
        x_label: "t".into(),
        y_label: "t".into(),
        columns: names.clone(),
        rows: names,
        values: values.iter().map(|row| row.to_vec()).collect(),
        limits: [0.0, 1.0],
        decimals: 2,
    }
}

fn every_kind() -> Vec<Figure> {
    let cell = |mark| Cell { thumbnail: thumbnail(), caption: "seven".into(), mark };
    let rows = vec![vec![cell(CellMark::Plain), cell(CellMark::Same), cell(CellMark::Different)]];
    let grid = ImageGrid {
        title: "Neighbours".into(),
        groups: vec![("query".into(), 1), ("t = 0".into(), 2)],
        rows,
    };
    vec![
        line_chart(vec![banded(), Series::new("random", [(0.0, 42.0), (1.0, 43.0)])]).draw().unwrap(),
        bars(&[40.0, 90.0]).draw().unwrap(),
        heat_map(&[[1.0, 0.2], [0.2, 1.0]]).draw().unwrap(),
        scatter(1, &["a", "b", "c"]).draw().unwrap(),
        scatter(5, &["a", "b", "c"]).draw().unwrap(),
        grid.draw().unwrap(),
        latent_grid(4).draw().unwrap(),
        contact_sheet("Images", 3, vec![(thumbnail(), "0001.png".into()); 7]).unwrap(),
    ]
}

/// Texts of a figure with their x and y.
fn texts(figure: &Figure) -> Vec<(f64, f64, String)> {
    let document = Document::parse(&figure.svg).unwrap();
    let number = |node: &resvg::usvg::roxmltree::Node, name| node.attribute(name).unwrap().parse().unwrap();
    let text = document.descendants().filter(|node| node.has_tag_name("text"));
    text.map(|node| (number(&node, "x"), number(&node, "y"), node.text().unwrap_or("").to_owned())).collect()
}

#[test]
fn a_heat_map_writes_its_values_and_leaves_out_what_is_not_finite() {
    let figure = heat_map(&[[1.0, f64::NAN], [-0.2, 1.0]]).draw().unwrap();
    let written: Vec<String> = texts(&figure).into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(written.iter().filter(|text| *text == "1.00").count(), 3, "twice in the map, once in the key");
    assert!(written.contains(&"−0.20".to_owned()), "{written:?}");
    assert_eq!(figure.notes, ["1 value is not finite and left blank."]);
    // 1 is darkest, −0.2 is beyond the palest.
    for colour in ["#103e74", "#f0f6fc"] {
        assert!(figure.svg.contains(colour), "{colour}");
    }
    assert!(heat_map(&[[f64::NAN; 2]; 2]).draw().is_err());
    let wrong = HeatMap { rows: vec!["0".to_owned()], ..heat_map(&[[1.0; 2]; 2]) };
    assert_eq!(wrong.draw().unwrap_err().to_string(), "rows of \"Alignment\": got 2, expected 1");
}

#[test]
fn every_kind_of_figure_is_a_png_of_its_size_with_something_on_it() {
    for figure in every_kind() {
        assert!(!figure.svg.contains("points=\"\""), "{}: a shape without points", figure.title);
        let png = image::load_from_memory(&figure.to_png(2.0).unwrap()).unwrap().into_rgb8();
        let expected = ((figure.width * 2.0).round() as u32, (figure.height * 2.0).round() as u32);
        assert_eq!(png.dimensions(), expected, "{}", figure.title);
        let colours: HashSet<_> = png.pixels().collect();
        assert!(colours.len() > 20, "{}: {} colours", figure.title, colours.len());
        assert_eq!(png.get_pixel(0, 0).0, [255, 255, 255], "{}: light page", figure.title);
    }
}

#[test]
fn text_in_a_png_is_drawn_with_the_embedded_font() {
    let named = |name: &str| line_chart(vec![Series::new(name, [(0.0, 1.0), (1.0, 2.0)])]).draw().unwrap();
    let (one, other) = (named("iiiiiii").to_png(1.0).unwrap(), named("mmmmmmm").to_png(1.0).unwrap());
    assert_ne!(image::load_from_memory(&one).unwrap(), image::load_from_memory(&other).unwrap());
}

#[test]
fn values_that_are_not_finite_are_left_out_with_a_note() {
    let holed =
        Series::new("loss", [(0.0, 3.0), (1.0, f64::NAN), (2.0, 2.0), (3.0, f64::INFINITY), (4.0, 1.0)]);
    let figure = line_chart(vec![holed]).draw().unwrap();
    assert!(
        figure.notes.iter().any(|note| note.starts_with("2 values are left out of \"loss\"")),
        "{:?}",
        figure.notes
    );
    assert!(
        !figure.svg.contains("NaN") && !figure.svg.contains("inf"),
        "nothing undrawable reaches the file"
    );

    let mut chart = line_chart(vec![Series::new("norm", [(0.0, 1.0), (1.0, 0.0), (2.0, 10.0)])]);
    chart.y = Axis::log("norm");
    assert!(chart.draw().unwrap().notes[0].starts_with("1 value is left out of \"norm\""));

    let mut points = scatter(1, &["a"]);
    points.panels[0].points[3] = [f64::NAN, 0.0];
    let figure = points.draw().unwrap();
    assert_eq!(figure.notes, ["1 point is left out of panel \"t = 0\": not finite."]);
    assert_eq!(figure.svg.matches("<circle").count(), 59 + 1, "points and legend");

    assert_eq!(bars(&[1.0, f64::NAN]).draw().unwrap().notes.len(), 1);
}

#[test]
fn a_latent_grid_puts_pictures_and_points_over_the_same_rectangle() {
    let figure = latent_grid(4).draw().unwrap();
    let document = Document::parse(&figure.svg).unwrap();
    let pictures: Vec<_> = document.descendants().filter(|node| node.has_tag_name("image")).collect();
    let place = |i: usize, name| pictures[i].attribute(name).unwrap().parse::<f64>().unwrap();
    // Row by row from the lower left.
    assert!(place(1, "x") > place(0, "x") && place(1, "y") == place(0, "y"));
    assert!(place(2, "y") < place(0, "y") && place(2, "x") == place(0, "x"));
    assert_eq!(figure.notes, ["1 code lies outside of the rectangle shown."]);
    assert_eq!(figure.svg.matches("<circle").count(), 2 + 3, "points inside and the legend");
    let message = |grid: LatentGrid| grid.draw().unwrap_err().to_string();
    assert!(message(latent_grid(5)).contains("got 5, expected 4"));
    assert!(message(latent_grid(0)).contains("got 0, expected 1"));
    let flat = LatentGrid { limits: [(1.0, 1.0), (0.0, 1.0)], ..latent_grid(4) };
    assert!(message(flat).contains("its limits are"));
}

#[test]
fn a_figure_with_nothing_to_draw_is_an_error_that_names_it() {
    let message = |result: Result<Figure, ReportError>| result.unwrap_err().to_string();
    let nan = message(line_chart(vec![banded(), Series::new("held out", [(0.0, f64::NAN)])]).draw());
    assert!(nan.contains("\"Accuracy\"") && nan.contains("\"held out\""), "{nan}");
    assert!(message(line_chart(vec![]).draw()).contains("no series"));
    assert!(message(bars(&[f64::NAN]).draw()).contains("\"Scores\""));
    assert!(message(scatter(0, &["a"]).draw()).contains("no panels"));
    assert!(message(contact_sheet("Images", 3, vec![])).contains("no pictures"));
}

#[test]
fn parts_that_do_not_match_are_errors() {
    let mut short = scatter(1, &["a"]);
    short.panels[0].points.pop();
    assert!(short.draw().unwrap_err().to_string().contains("got 59, expected 60"));
    let mut nameless = scatter(1, &["a", "b"]);
    nameless.classes.pop();
    assert!(nameless.draw().unwrap_err().to_string().contains("label 1"));
    assert!(Thumbnail::new([2, 2, 1], &[0.0; 3]).is_err());
    assert!(Thumbnail::new([2, 2, 4], &[0.0; 16]).is_err());
}

#[test]
fn a_long_curve_is_averaged_and_says_so() {
    let figure =
        line_chart(vec![Series::new("loss", (0..1000).map(|i| (i as f64, (i % 5) as f64)))]).draw().unwrap();
    assert_eq!(
        figure.notes,
        ["Each point of \"loss\" is the mean of 5 values, the band one standard deviation."]
    );
    assert!(figure.svg.contains("<polygon"), "the spread within a block is shown");
}

#[test]
fn the_length_of_a_bar_is_proportional_to_its_value() {
    let figure = bars(&[25.0, 100.0]).draw().unwrap();
    let document = Document::parse(&figure.svg).unwrap();
    let bars = document.descendants().filter(|node| node.attribute("class") == Some("fill-s0"));
    let widths: Vec<f64> = bars.map(|node| node.attribute("width").unwrap().parse().unwrap()).collect();
    assert!((widths[1] / widths[0] - 4.0).abs() < 0.01, "{widths:?}");
}

#[test]
fn names_of_lines_stand_beside_the_data_and_apart_from_each_other() {
    let lines = (0..6).map(|i| Series::new(format!("line {i}"), [(0.0, 1.0), (1.0, 2.0 + i as f64 * 1e-3)]));
    let mut chart = line_chart(lines.collect());
    chart.baselines.clear();
    let figure = chart.draw().unwrap();
    let mut rows: Vec<(f64, f64)> = texts(&figure)
        .into_iter()
        .filter(|(_, _, text)| text.starts_with("line "))
        .map(|(x, y, _)| (x, y))
        .collect();
    rows.sort_by(|a, b| a.1.total_cmp(&b.1));
    assert_eq!(rows.len(), 6);
    assert!(rows.windows(2).all(|pair| pair[1].1 - pair[0].1 >= 13.0), "{rows:?}");
    let document = Document::parse(&figure.svg).unwrap();
    let grid_end =
        document.descendants().find(|node| node.attribute("class") == Some("stroke-grid")).unwrap();
    let end: f64 = grid_end.attribute("points").unwrap().split([' ', ',']).nth(2).unwrap().parse().unwrap();
    assert!(rows.iter().all(|(x, _)| *x > end), "all to the right of the plotting area, which ends at {end}");
}

#[test]
fn names_of_forty_lines_have_room_beside_the_data() {
    let lines = (0..40).map(|i| Series::new(format!("line {i}"), [(0.0, 1.0), (1.0, 2.0 + f64::from(i))]));
    let figure = line_chart(lines.collect()).draw().unwrap();
    let texts = texts(&figure);
    let mut rows: Vec<f64> =
        texts.iter().filter(|(_, _, text)| text.starts_with("line ")).map(|(_, y, _)| *y).collect();
    rows.sort_by(f64::total_cmp);
    assert_eq!(rows.len(), 40);
    assert!(rows.windows(2).all(|pair| pair[1] - pair[0] >= 13.0), "{rows:?}");
    let row_of = |name: &str| texts.iter().find(|(_, _, text)| text == name).unwrap().1;
    assert!(rows[0] > row_of("accuracy, %") && rows[39] < row_of("t"), "{rows:?}");
}

#[test]
fn many_classes_keep_a_legend_that_can_be_read() {
    let names: Vec<String> = (0..100).map(|i| format!("class {i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let figure = scatter(1, &names).draw().unwrap();
    let legend: Vec<_> = texts(&figure).into_iter().filter(|(_, _, text)| text.contains("class")).collect();
    assert_eq!(legend.len(), 11);
    assert_eq!(legend[10].2, "90 other classes");
}

#[test]
fn beyond_ten_classes_the_marker_changes() {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];
    let figure = scatter(1, &names).draw().unwrap();
    assert!(figure.svg.contains("<polygon"), "class 11 has the first colour and another marker");
    assert!(!scatter(1, &names[..10]).draw().unwrap().svg.contains("<polygon"));
}

#[test]
fn thumbnails_are_small_and_clipped() {
    let pixels = vec![f32::NAN; 300 * 200 * 3];
    let small = Thumbnail::new([300, 200, 3], &pixels).unwrap();
    assert_eq!(small.size(), (40, 60));
    let bright = Thumbnail::new([1, 2, 1], &[7.0, -7.0]).unwrap();
    let decoded = image::load_from_memory(bright.png()).unwrap().into_luma8();
    assert_eq!(decoded.into_raw(), [255, 0]);
    assert!(bright.data_uri().starts_with("data:image/png;base64,iVBOR"));
}

#[test]
fn a_place_that_can_not_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let figure = bars(&[1.0]).draw().unwrap();
    let error = figure.save(&file, "bars").unwrap_err().to_string();
    assert!(error.contains("file/bars.svg") || error.contains(r"file\bars.svg"), "{error}");
    figure.save(folder.path(), "bars").unwrap();
    assert!(folder.path().join("bars.svg").is_file() && folder.path().join("bars.png").is_file());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn escaped_text_comes_back_from_xml(text in "[^\\p{C}]*") {
        let document = format!("<a b=\"{0}\">{0}</a>", escape(&text));
        let document = Document::parse(&document).unwrap();
        let root = document.root_element();
        prop_assert_eq!(root.text().unwrap_or(""), &text);
        prop_assert_eq!(root.attribute("b"), Some(text.as_str()));
    }

    #[test]
    fn any_name_gives_a_figure_that_can_be_drawn(name in ".*") {
        let figure = line_chart(vec![Series::new(name, [(0.0, 1.0), (1.0, 2.0)])]).draw().unwrap();
        prop_assert!(Document::parse(&figure.svg).is_ok());
    }

    #[test]
    fn tick_labels_never_overlap(low in -1e6..1e6f64, length_exponent in -3.0..7.0f64) {
        let length = 10f64.powf(length_exponent);
        let chart = line_chart(vec![Series::new("y", [(low, 1.0), (low + length, 2.0)])]);
        let figure = chart.draw().unwrap();
        let row = figure.height - 35.0;
        let mut ticks: Vec<_> = texts(&figure).into_iter().filter(|(_, y, _)| (y - row).abs() < 0.2).collect();
        ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
        prop_assert!(!ticks.is_empty());
        // Digits are 0.556 of the font size wide.
        let half = |text: &str| text.chars().count() as f64 * 0.5 * 0.556 * 13.0;
        for pair in ticks.windows(2) {
            prop_assert!(pair[1].0 - half(&pair[1].2) > pair[0].0 + half(&pair[0].2), "{:?}", pair);
            prop_assert!(pair[0].2 != pair[1].2, "two ticks are called {}", pair[0].2);
        }
    }
}
