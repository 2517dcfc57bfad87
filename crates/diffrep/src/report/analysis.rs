//! The figures of an analysis: which level of detail holds what.
use super::ReportError;
use super::exhibit::Exhibit;
use super::figure::{Axis, Baseline, HeatMap, LineChart, Point, Series};
use crate::analyse::{Analysis, Factor};
use crate::measure::{INFORMATION_COMPONENTS, INFORMATION_JITTER, KSG_NEIGHBOURS};
use crate::represent::LevelGain;

const T: &str = "t, level of detail (0 = finest, 1 = coarsest)";

/// The figures of `analysis` for which there are numbers.
///
/// # Errors
/// A figure's parts disagree in size.
pub fn analysis(analysis: &Analysis) -> Result<Vec<Exhibit>, ReportError> {
    let mut found = factors(analysis)?;
    let attention = analysis.factors.iter().filter_map(|factor| {
        let weights = factor.attention.as_ref()?;
        let points = analysis.t.iter().zip(weights).map(|(&t, &weight)| (t, 100.0 * f64::from(weight)));
        Some(Series::new(factor.name.clone(), points))
    });
    let attention: Vec<Series> = attention.collect();
    if !attention.is_empty() {
        let chart = LineChart {
            title: "Where attention looks for each factor".into(),
            x: Axis::linear(T),
            y: Axis::linear("attention of the summary token, % (mean over heads and test images)"),
            series: attention,
            baselines: vec![Baseline { name: "all t alike".into(), value: 100.0 / analysis.t.len() as f64 }],
        };
        found.push(Exhibit::new(
            "attention",
            chart.draw()?,
            "A factor's line is high at the t that its head reads most.",
        ));
    }
    let maps = [
        (
            "cka",
            "Linear CKA of the codes at every two t".to_owned(),
            &analysis.cka,
            "1 means the same codes up to a rotation; pale corners mean that fine and coarse codes differ."
                .to_owned(),
        ),
        (
            "information",
            "Normalised mutual information of the codes at every two t".to_owned(),
            &analysis.information,
            format!(
                "Codes are whitened to {INFORMATION_COMPONENTS} principal components with jitter of {INFORMATION_JITTER}, \
                 since deterministic codes have infinite information; KSG estimator with {KSG_NEIGHBOURS} neighbours, \
                 {} images, divided by what each knows of itself.",
                analysis.images
            ),
        ),
    ];
    for (stem, title, values, look_for) in maps {
        if values.iter().flatten().any(Option::is_some) {
            found.push(Exhibit::new(stem, heat_map(analysis, title, values).draw()?, look_for));
        }
    }
    found.extend(dimensions(analysis)?);
    found.extend(gains(analysis)?);
    Ok(found)
}

/// Accuracy against t, and how it differs from each factor's mean over t.
fn factors(analysis: &Analysis) -> Result<Vec<Exhibit>, ReportError> {
    let Some(first) = analysis.factors.first() else { return Ok(Vec::new()) };
    let series = |centre: &dyn Fn(&Factor) -> f64| {
        let line = |factor: &Factor| {
            let centre = centre(factor);
            let values = analysis.t.iter().zip(factor.accuracy.iter().zip(&factor.sd));
            let points = values.map(|(&x, (&accuracy, &sd))| Point {
                x,
                y: 100.0 * (accuracy - centre),
                sd: Some(100.0 * sd),
            });
            Series { name: factor.name.clone(), points: points.collect() }
        };
        analysis.factors.iter().map(line).collect::<Vec<_>>()
    };
    let chart = |title: &str, label: &str, series: Vec<Series>| LineChart {
        title: format!("{title}, {} probe", first.probe),
        x: Axis::linear(T),
        y: Axis::linear(format!("{label} (mean ± 1 standard deviation over seeds)")),
        series,
        baselines: Vec::new(),
    };
    let plain = chart("Accuracy of every factor against t", "test accuracy, %", series(&|_| 0.0));
    let mean = |factor: &Factor| factor.accuracy.iter().sum::<f64>() / factor.accuracy.len().max(1) as f64;
    let centred =
        chart("Every factor against its mean over t", "test accuracy, points above the mean", series(&mean));
    Ok(vec![
        Exhibit::new(
            "factors",
            plain.draw()?,
            "A factor lives where its line is highest; chance and baselines are in the table of `diffrep analyse`.",
        ),
        Exhibit::new(
            "factors-centred",
            centred.draw()?,
            "Lines that rise are coarse factors, lines that fall fine ones; differences within the bands are chance.",
        ),
    ])
}

fn heat_map(analysis: &Analysis, title: String, values: &[Vec<Option<f64>>]) -> HeatMap {
    let names: Vec<String> = analysis.t.iter().map(f64::to_string).collect();
    let value = |value: &Option<f64>| value.unwrap_or(f64::NAN);
    let values: Vec<Vec<f64>> = values.iter().map(|row| row.iter().map(value).collect()).collect();
    let lowest = values.iter().flatten().copied().filter(|v| v.is_finite()).fold(1.0, f64::min);
    HeatMap {
        title,
        x_label: "t".into(),
        y_label: "t".into(),
        columns: names.clone(),
        rows: names,
        values,
        // Where all are alike, the scale shows in what they differ.
        limits: [(10.0 * lowest).floor().clamp(0.0, 9.0) / 10.0, 1.0],
        decimals: 2,
    }
}

fn dimensions(analysis: &Analysis) -> Result<Option<Exhibit>, ReportError> {
    let rank =
        Series::new("effective rank", analysis.levels.iter().map(|level| (level.t, level.effective_rank)));
    let dimension = analysis
        .levels
        .iter()
        .filter_map(|level| Some((level.t, level.intrinsic_dimension?)))
        .collect::<Vec<_>>();
    let mut series = vec![rank];
    if !dimension.is_empty() {
        series.push(Series::new("intrinsic dimension", dimension));
    }
    if analysis.levels.is_empty() {
        return Ok(None);
    }
    let chart = LineChart {
        title: "Dimension of the codes against t".into(),
        x: Axis::linear(T),
        y: Axis::linear("directions"),
        series,
        baselines: Vec::new(),
    };
    let look_for = "Effective rank counts the directions in which codes differ at all, intrinsic dimension those among \
        neighbours; both should fall towards coarse t, where codes say less.";
    Ok(Some(Exhibit::new("dimensions", chart.draw()?, look_for)))
}

/// The denoising loss at each t with own and with exchanged codes: where along t the code is used.
fn gains(analysis: &Analysis) -> Result<Option<Exhibit>, ReportError> {
    if analysis.gains.is_empty() {
        return Ok(None);
    }
    let line = |name: &str, loss: fn(&LevelGain) -> f64| {
        Series::new(name, analysis.gains.iter().map(|level| (level.t, loss(level))))
    };
    let chart = LineChart {
        title: "What the code is worth at each noise level".into(),
        x: Axis::linear("t, noise level (0 = least, 1 = most)"),
        y: Axis::log("denoising loss"),
        series: vec![
            line("told the image's own code", |level| level.own),
            line("told another image's code", |level| level.other),
        ],
        baselines: Vec::new(),
    };
    let look_for = "The distance between the lines is the z-gain at that t: where they meet, the score network makes no \
        use of the code, and training there teaches the encoder nothing.";
    Ok(Some(Exhibit::new("gain", chart.draw()?, look_for)))
}
