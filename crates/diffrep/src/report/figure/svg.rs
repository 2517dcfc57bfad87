//! A small SVG canvas: shapes appended to a document, coordinates in pixels from the top left corner.
use super::palette::{Ink, Marker, Shade};
use crate::report::escape::escape;
use std::fmt::Write;

/// Fonts of a figure, in the order that a viewer tries them; PNGs are drawn with the embedded last one.
const FONTS: &str = "Ubuntu, 'Helvetica Neue', Helvetica, Arial, sans-serif";

/// Where a text's position lies on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Left end.
    Start,
    /// Middle.
    Middle,
    /// Right end.
    End,
}

/// How text is drawn.
#[derive(Clone, Copy, Debug)]
pub struct TextStyle {
    /// Font size in pixels.
    pub size: f64,
    /// Colour.
    pub ink: Ink,
    /// Where the position lies on it.
    pub anchor: Anchor,
    /// Heavier strokes, for titles.
    pub strong: bool,
}

impl TextStyle {
    /// Text of `size` pixels that starts at its position.
    pub fn new(size: f64, ink: Ink) -> Self {
        Self { size, ink, anchor: Anchor::Start, strong: false }
    }

    /// The same with another anchor.
    pub fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// The same, heavier.
    pub fn strong(self) -> Self {
        Self { strong: true, ..self }
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Stroke {
    /// Colour.
    pub ink: Ink,
    /// Width in pixels.
    pub width: f64,
    /// Dashed instead of solid.
    pub dashed: bool,
}

impl Stroke {
    /// A solid line.
    pub fn new(ink: Ink, width: f64) -> Self {
        Self { ink, width, dashed: false }
    }

    fn attributes(self) -> String {
        let dash = if self.dashed { r#" stroke-dasharray="6 4""# } else { "" };
        format!(
            r#"class="stroke-{}" stroke="{}" stroke-width="{}" fill="none"{dash}"#,
            self.ink.name(),
            self.ink.colour(),
            number(self.width),
        )
    }
}

/// An SVG document in the making.
pub struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

impl Canvas {
    /// An empty canvas of `width` × `height` pixels.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    /// A filled rectangle.
    pub fn rect(&mut self, [x, y, w, h]: [f64; 4], ink: Ink) {
        let (x, y, w, h) = (number(x), number(y), number(w), number(h));
        self.push(format_args!(r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" {}/>"#, fill(ink)));
    }

    /// A rectangle of a colour that stays the same on dark pages, with `text` in its middle.
    pub fn shade(&mut self, [x, y, w, h]: [f64; 4], shade: Shade, text: Option<(&str, f64)>) {
        let (left, top, width, height) = (number(x), number(y), number(w), number(h));
        let colour = shade.colour();
        self.push(format_args!(
            r#"<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="{colour}"/>"#
        ));
        let Some((text, size)) = text else { return };
        let (x, y, colour) = (number(x + 0.5 * w), number(y + 0.5 * h + 0.35 * size), shade.text());
        let (size, text) = (number(size), escape(text));
        self.push(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{size}" text-anchor="middle" fill="{colour}">{text}</text>"#
        ));
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, [x, y, w, h]: [f64; 4], stroke: Stroke) {
        let (x, y, w, h) = (number(x), number(y), number(w), number(h));
        let stroke = stroke.attributes();
        self.push(format_args!(r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" {stroke}/>"#));
    }

    /// A line through `points`.
    pub fn polyline(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        let (points, stroke) = (coordinates(points), stroke.attributes());
        let joins = r#"stroke-linejoin="round" stroke-linecap="round""#;
        self.push(format_args!(r#"<polyline points="{points}" {stroke} {joins}/>"#));
    }

    /// A filled polygon; `opacity` in [0, 1].
    pub fn polygon(&mut self, points: &[(f64, f64)], ink: Ink, opacity: f64) {
        let points = coordinates(points);
        self.push(format_args!(r#"<polygon points="{points}" {} fill-opacity="{opacity}"/>"#, fill(ink)));
    }

    /// A marker with a thin rim in the page's colour, so that overlapping ones stay apart. `r` is its radius.
    pub fn marker(&mut self, place: (f64, f64), r: f64, marker: Marker, ink: Ink) {
        self.markers([(place, marker, ink)], r);
    }

    /// Many markers of one radius, later ones above earlier ones.
    pub fn markers(&mut self, marks: impl IntoIterator<Item = ((f64, f64), Marker, Ink)>, r: f64) {
        let rim = Ink::Page.colour();
        self.push(format_args!(r#"<g class="stroke-page" stroke="{rim}" stroke-width="0.6">"#));
        for ((x, y), marker, ink) in marks {
            let corners: &[(f64, f64)] = match marker {
                Marker::Circle => {
                    let (x, y, r) = (number(x), number(y), number(r));
                    self.push(format_args!(r#"<circle cx="{x}" cy="{y}" r="{r}" {}/>"#, fill(ink)));
                    continue;
                }
                Marker::Square => &[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
                Marker::Triangle => &[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)],
                Marker::Diamond => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
            };
            let corners: Vec<_> = corners.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect();
            self.push(format_args!(r#"<polygon points="{}" {}/>"#, coordinates(&corners), fill(ink)));
        }
        self.push(format_args!("</g>"));
    }

    /// Text whose baseline is at `y`.
    pub fn text(&mut self, (x, y): (f64, f64), text: &str, style: TextStyle) {
        let anchor = match style.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let weight = if style.strong { r#" font-weight="600""# } else { "" };
        let (x, y, size) = (number(x), number(y), number(style.size));
        self.push(format_args!(
            r#"<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}"{weight} {}>{}</text>"#,
            fill(style.ink),
            escape(text),
        ));
    }

    /// A picture given as a data URI, stretched to the rectangle with hard pixel edges.
    pub fn image(&mut self, [x, y, w, h]: [f64; 4], data_uri: &str) {
        let (x, y, w, h) = (number(x), number(y), number(w), number(h));
        self.push(format_args!(
            r#"<image x="{x}" y="{y}" width="{w}" height="{h}" preserveAspectRatio="none" style="image-rendering:pixelated" href="{}"/>"#,
            escape(data_uri)
        ));
    }

    /// The document; `title` is what screen readers say.
    pub fn finish(self, title: &str) -> String {
        let (w, h) = (number(self.width), number(self.height));
        let title = escape(title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
             aria-label=\"{title}\" font-family=\"{FONTS}\">\n<title>{title}</title>\n\
             <rect width=\"{w}\" height=\"{h}\" {}/>\n{}</svg>\n",
            fill(Ink::Page),
            self.body,
        )
    }

    fn push(&mut self, element: std::fmt::Arguments) {
        writeln!(self.body, "{element}").expect("writing to a string can't fail");
    }
}

fn fill(ink: Ink) -> String {
    format!(r#"class="fill-{}" fill="{}""#, ink.name(), ink.colour())
}

fn coordinates(points: &[(f64, f64)]) -> String {
    points.iter().map(|&(x, y)| format!("{},{}", number(x), number(y))).collect::<Vec<_>>().join(" ")
}

/// A tenth of a pixel is finer than anyone sees; short numbers keep reports small.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.trim_end_matches(".0");
    if text == "-0" { "0".into() } else { text.into() }
}
