//! What training from few labels came to, for the report.
use super::ReportError;
use super::exhibit::Exhibit;
use super::figure::{Axis, HeatMap, LineChart, Series};
use super::model::ReportData;

/// Most classes whose confusion can be read off a matrix.
const MOST_CLASSES: usize = 20;

/// What few labels came to: how right the guesses were, the confusion of classes where the truth is known, and the images
/// left in doubt.
pub fn exhibits(data: &ReportData) -> Result<Vec<Exhibit>, ReportError> {
    let mut found = Vec::new();
    if let Some(points) = data.metrics.curve("unlabelled_accuracy") {
        let chart = LineChart {
            title: "Guesses of each epoch".into(),
            x: Axis::linear("training step"),
            y: Axis::linear("accuracy on unlabelled images, %"),
            series: vec![Series::new("guesses", points.iter().map(|(step, value)| (*step, 100.0 * value)))],
            baselines: Vec::new(),
        };
        let look_for = "Guesses that get better teach the network; where the line falls, it learns its own mistakes. The true \
            labels behind this line were never trained with.";
        found.push(Exhibit::new("guesses", chart.draw()?, look_for));
    }
    if let Some(semi) = &data.semi
        && semi.confusion.iter().flatten().any(|count| *count > 0)
        && semi.classes.len() <= MOST_CLASSES
    {
        let share = |row: &Vec<usize>| {
            let all = row.iter().sum::<usize>().max(1) as f64;
            row.iter().map(|count| 100.0 * *count as f64 / all).collect()
        };
        let map = HeatMap {
            title: format!(
                "Unlabelled images, {} with {} labels: share of each class, %",
                semi.method, semi.labelled
            ),
            x_label: "taken for".into(),
            y_label: "true class".into(),
            columns: semi.classes.clone(),
            rows: semi.classes.clone(),
            values: semi.confusion.iter().map(share).collect(),
            limits: [0.0, 100.0],
            decimals: 0,
        };
        let look_for = "The diagonal holds what is right; a dark square beside it is a pair of classes that a few more labels \
            would tell apart.";
        found.push(Exhibit::new("confusion", map.draw()?, look_for));
    }
    if let Some(grid) = &data.doubtful {
        let look_for = "Label these next: they are the images whose class is least certain.";
        found.push(Exhibit::new("doubtful", grid.draw()?, look_for));
    }
    Ok(found)
}
