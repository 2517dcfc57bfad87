//! The box at the top: the headline with its baselines and its protocol.
use super::parts::{missing, percent};
use crate::probe::{Score, best_validated};
use crate::report::escape::escape;
use crate::report::model::ReportData;
use crate::report::score::{self, deviation};
use crate::report::subject::Subject;
use crate::semi::Summary;

/// The baseline that needs no network.
const PIXELS: &str = "raw pixels";

/// The box.
pub fn summary(data: &ReportData) -> String {
    let few = data.semi.as_ref().map(few_labels_box);
    // A probe learns from all labels: beside what few came to it is another question.
    let probed = score::of_encoder(&data.scores).map(|headline| headline_box(headline, &data.scores));
    let content = match (few, probed, data.subject) {
        (None, None, Subject::FewLabels) => {
            "<p>Training from few labels is not over: the command that began it goes on with it.</p>\n"
                .to_owned()
        }
        (None, None, _) => missing("No score yet. It is made by", &data.measure("probe")),
        (few, probed, _) => few.unwrap_or_default() + &probed.unwrap_or_default(),
    };
    format!("<div class=\"summary\">\n{content}</div>\n")
}

fn headline_box(headline: &Score, scores: &[Score]) -> String {
    let mut rivals: Vec<_> = score::headlines(scores)
        .into_iter()
        .filter(|s| s.probe == headline.probe && s.source != headline.source)
        .collect();
    if rivals.iter().all(|rival| rival.source != PIXELS) {
        // Heads over all t don't read pixels: their best single probe stands there.
        let pixels = score::headlines(scores).into_iter().filter(|s| s.source == PIXELS);
        rivals.extend(best_validated(pixels));
    }
    let t = headline.t.map_or(String::new(), |t| format!(" at t = {t}"));
    let mut entries = String::new();
    for rival in &rivals {
        let t = rival.t.map_or(String::new(), |t| format!(", t = {t}"));
        let name = escape(&format!("{}{t}, {} probe", rival.source, rival.probe.title()));
        let points = 100.0 * (headline.accuracy - rival.accuracy);
        let side = if points < 0.0 { "behind" } else { "ahead" };
        let verdict = format!("the encoder is {:.1} points {side}", points.abs());
        entries += &format!(
            "<div><dt>{name}</dt><dd>{} <span>{verdict}</span></dd></div>\n",
            percent(rival.accuracy, deviation(rival))
        );
    }
    if !headline.balanced {
        entries += &format!(
            "<div><dt>macro-F1 (classes differ in size)</dt><dd>{}</dd></div>\n",
            percent(headline.macro_f1, None)
        );
    }
    format!(
        "<p class=\"number\">{}</p>\n<p>test accuracy of the {} probe on the frozen encoder{t}</p>\n<dl>\n{entries}</dl>\n\
         <p class=\"protocol\">{}</p>\n",
        percent(headline.accuracy, deviation(headline)),
        escape(headline.probe.title()),
        escape(&headline.protocol()),
    )
}

/// What few labels came to.
fn few_labels_box(semi: &Summary) -> String {
    let (number, what) = match (semi.unlabelled_accuracy, semi.test_accuracy) {
        (Some(accuracy), _) => (accuracy, "of the unlabelled images got their true class"),
        (None, Some(accuracy)) => (accuracy, "of the test images got their true class"),
        (None, None) => {
            return format!(
                "<p>{} images have a class each; no truth is known to judge them by.</p>\n",
                semi.images
            );
        }
    };
    let test = match (semi.unlabelled_accuracy, semi.test_accuracy) {
        (Some(_), Some(accuracy)) => format!(
            "<dl>\n<div><dt>test images, which the network never saw</dt><dd>{}</dd></div>\n</dl>\n",
            percent(accuracy, None)
        ),
        _ => String::new(),
    };
    format!(
        "<p class=\"number\">{}</p>\n<p>{what}</p>\n{test}<p class=\"protocol\">{}</p>\n",
        percent(number, None),
        escape(&format!(
            "Protocol: {} of {} images of {} are labelled ({}); {}; {}.",
            semi.labelled,
            semi.images,
            semi.protocol.data,
            semi.protocol.labels,
            semi.method,
            semi.protocol.features
        )),
    )
}
