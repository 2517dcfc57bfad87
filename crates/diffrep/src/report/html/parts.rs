//! Pieces of the page. Text arguments are escaped here, except where the name says `html`.
use crate::report::escape::escape;
use crate::report::exhibit::Exhibit;

/// A section with its heading; `html` is its content.
pub fn section(id: &str, title: &str, html: &str) -> String {
    format!("<section id=\"{id}\">\n<h2>{}</h2>\n{html}</section>\n", escape(title))
}

/// Says that something is missing and which command makes it.
pub fn missing(sentence: &str, command: &str) -> String {
    format!("<p class=\"missing\">{} <code>{}</code>.</p>\n", escape(sentence), escape(command))
}

/// A figure with what to look for and what was left out. Wide ones scroll sideways on narrow screens.
pub fn figure(exhibit: &Exhibit) -> String {
    let notes: String = exhibit.figure.notes.iter().map(|note| format!(" {}", escape(note))).collect();
    format!(
        "<figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">{}</div>\n\
         <figcaption>{}{notes}</figcaption>\n</figure>\n",
        escape(&exhibit.figure.title),
        exhibit.figure.svg,
        escape(&exhibit.look_for),
    )
}

/// A table; cells are `html`, row `best` is emphasised.
pub fn table(
    class: &str,
    caption: &str,
    header: &[&str],
    html: &[Vec<String>],
    best: Option<usize>,
) -> String {
    let head: String = header.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let row = |(i, cells): (usize, &Vec<String>)| {
        let class = if best == Some(i) { " class=\"best\"" } else { "" };
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr{class}>{cells}</tr>\n")
    };
    let rows: String = html.iter().enumerate().map(row).collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{0}\"><table class=\"{class}\">\n\
         <caption>{0}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n",
        escape(caption)
    )
}

/// `value` in [0, 1] as a percentage with its deviation.
pub fn percent(value: f64, sd: Option<f64>) -> String {
    match sd {
        _ if !value.is_finite() => "not finite".into(),
        Some(sd) => format!("{:.1}% ± {:.1}", 100.0 * value, 100.0 * sd),
        None => format!("{:.1}%", 100.0 * value),
    }
}
