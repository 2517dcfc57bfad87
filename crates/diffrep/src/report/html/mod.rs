//! The report as one HTML file that needs nothing else: styles, script, figures and pictures are inside.
mod parts;
mod scores;
mod summary;

use super::ReportError;
use super::escape::escape;
use super::exhibit::Exhibit;
use super::exhibits::{self, NEIGHBOURS, SCATTER};
use super::figure::Scatter;
use super::model::ReportData;
use super::semi;
use super::subject::Subject;
use parts::{figure, missing, section, table};

/// The page for `data`.
///
/// Parts for which there are no data are replaced by a sentence that names the command that makes them.
///
/// # Errors
/// A figure's parts disagree in size.
pub fn html(data: &ReportData) -> Result<String, ReportError> {
    let run = &data.run;
    let metrics = &data.metrics;
    let mut sections = vec![
        ("training", "Training", training(data)?),
        (
            "health",
            "Health of the representation",
            or_missing(
                exhibits::health(metrics)?,
                "No health figures were recorded yet. They appear while",
                &format!("diffrep train --resume {run}"),
            ),
        ),
        (
            "accuracy",
            "Accuracy against t",
            or_missing(
                exhibits::accuracy(&data.scores)?,
                "No scores yet. They are made by",
                &data.measure("probe"),
            ),
        ),
        ("scores", "Scores", scores::tables(data)),
        (
            "few-labels",
            "Few labels",
            or_missing(
                exhibits::few_labels(&data.scores)?,
                "No scores with few labels yet. They are made by",
                &format!("{} --few-labels 1,10", data.measure("probe")),
            ),
        ),
        ("analysis", "Which t holds what", analysis(data)?),
        ("embeddings", "Embeddings in the plane", embeddings(data)?),
        ("neighbours", "Nearest neighbours", neighbours(data)?),
        ("configuration", "Configuration", configuration(data)),
        ("reproduce", "Make it again", commands(data)),
    ];
    sections.retain(|(id, ..)| data.applies(id));
    let guesses = semi::exhibits(data)?;
    if !guesses.is_empty() {
        sections.insert(0, ("guesses", "Labels for all from few", guesses.iter().map(figure).collect()));
    }
    let links: String =
        sections.iter().map(|(id, title, _)| format!("<li><a href=\"#{id}\">{title}</a></li>")).collect();
    let body: String = sections.iter().map(|(id, title, content)| section(id, title, content)).collect();
    let title = escape(&data.title);
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{}\
         <nav aria-label=\"Sections\"><ul>{links}</ul></nav>\n{body}</main>\n<script>\n{}</script>\n</body>\n</html>\n",
        include_str!("style.css"),
        summary::summary(data),
        include_str!("script.js"),
    ))
}

fn or_missing(exhibits: Vec<Exhibit>, sentence: &str, command: &str) -> String {
    if exhibits.is_empty() { missing(sentence, command) } else { exhibits.iter().map(figure).collect() }
}

fn training(data: &ReportData) -> Result<String, ReportError> {
    let found = exhibits::training(&data.metrics)?;
    let figures = match data.subject {
        Subject::Run => {
            let command = format!("diffrep train --resume {}", data.run);
            or_missing(found, "No metrics were recorded yet. They come from", &command)
        }
        _ => found.iter().map(figure).collect(),
    };
    let warnings: String = data
        .metrics
        .warnings
        .iter()
        .map(|(step, message)| format!("<li>Step {step}: {}</li>", escape(message)))
        .collect();
    let warnings =
        if warnings.is_empty() { warnings } else { format!("<p>Warnings:</p>\n<ul>{warnings}</ul>\n") };
    Ok(figures + &warnings)
}

fn analysis(data: &ReportData) -> Result<String, ReportError> {
    let found = data.analysis.as_ref().map_or(Ok(Vec::new()), super::analysis)?;
    let command = data.measure("analyse");
    Ok(or_missing(found, "Codes at different t were not compared yet. This is done by", &command))
}

/// One plot for each t; the script shows them one at a time behind a slider.
fn embeddings(data: &ReportData) -> Result<String, ReportError> {
    let Some(scatter) = &data.scatter else {
        return Ok(missing(
            "There is no picture of embeddings. It is made by",
            &format!("diffrep report {} --data DATA", data.run),
        ));
    };
    let mut frames = String::new();
    for panel in &scatter.panels {
        let single = Scatter { panels: vec![panel.clone()], ..scatter.clone() };
        let (name, drawn) = (escape(&panel.title), single.draw()?);
        let notes: String =
            drawn.notes.iter().map(|note| format!("<p class=\"note\">{}</p>", escape(note))).collect();
        frames += &format!("<div class=\"frame\" data-name=\"{name}\">{}{notes}</div>\n", drawn.svg);
    }
    let last = scatter.panels.len().saturating_sub(1);
    Ok(format!(
        "<figure>\n<div class=\"dial\"><label for=\"t\">level of detail</label>\
         <input id=\"t\" type=\"range\" min=\"0\" max=\"{last}\" step=\"1\" value=\"0\"><output for=\"t\"></output></div>\n\
         <div class=\"frames\">\n{frames}</div>\n<figcaption>{}</figcaption>\n</figure>\n",
        escape(SCATTER)
    ))
}

fn neighbours(data: &ReportData) -> Result<String, ReportError> {
    let Some(grid) = &data.neighbours else {
        return Ok(missing(
            "There is no picture of neighbours. It is made by",
            &format!("diffrep report {} --data DATA", data.run),
        ));
    };
    let look_for = NEIGHBOURS.to_owned();
    Ok(figure(&Exhibit { stem: "neighbours".into(), figure: grid.draw()?, look_for }))
}

fn configuration(data: &ReportData) -> String {
    let rows = |entries: &[(String, String)]| -> Vec<Vec<String>> {
        entries
            .iter()
            .map(|(name, value)| vec![escape(name), format!("<code>{}</code>", escape(value))])
            .collect()
    };
    let facts: Vec<_> = data.facts.iter().map(|(name, value)| vec![escape(name), escape(value)]).collect();
    let mut content = String::new();
    if !facts.is_empty() {
        content += &table("settings", "What the run is", &["fact", "value"], &facts, None);
    }
    if data.configuration.is_empty() {
        return content
            + &missing(
                "The folder holds no config.toml. A run folder is made by",
                "diffrep train --data DATA --out RUN",
            );
    }
    let settings =
        table("settings", "Every setting, resolved", &["setting", "value"], &rows(&data.configuration), None);
    content
        + &format!(
            "<details open><summary>All {} settings</summary>\n{settings}</details>\n",
            data.configuration.len()
        )
}

fn commands(data: &ReportData) -> String {
    let lines: Vec<_> = data.commands().iter().map(|line| escape(line)).collect();
    format!(
        "<p>The same settings and seed give the same weights bit for bit on the same machine.</p>\n<pre><code>{}</code></pre>\n",
        lines.join("\n")
    )
}
