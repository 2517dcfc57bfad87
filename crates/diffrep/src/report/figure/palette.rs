//! Colours: few neutral inks, and ten categorical colours that stay apart for colour-blind readers.

/// Categorical colours: the ten of M. A. Petroff, "Accessible Color Sequences for Data Visualization" (2021),
/// optimised to stay apart for the three kinds of colour blindness. Darker ones first: they make better lines; greys
/// late, since baselines are grey.
const CATEGORICAL: [&str; 10] = [
    "#3f90da", "#e76300", "#832db6", "#bd1f01", "#ffa90e", "#a96b59", "#717581", "#92dadd", "#b9ac70",
    "#94a4a2",
];

/// Number of categorical colours; from there on colours repeat with another marker.
pub const COLOURS: usize = CATEGORICAL.len();

/// What a mark is drawn with. HTML pages restyle inks by class (`fill-*`, `stroke-*`), e.g. for dark mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Titles and tick labels.
    Text,
    /// Secondary text and reference lines.
    Muted,
    /// Grid lines.
    Grid,
    /// The page.
    Page,
    /// Marks of "all others".
    Other,
    /// Series or class `i`; colours repeat after [`COLOURS`].
    Series(usize),
}

impl Ink {
    /// Hexadecimal colour on a light page.
    pub fn colour(self) -> &'static str {
        match self {
            Self::Text => "#1f2430",
            Self::Muted => "#5b6270",
            Self::Grid => "#e3e6eb",
            Self::Page => "#ffffff",
            Self::Other => "#c9cdd4",
            Self::Series(i) => CATEGORICAL[i % COLOURS],
        }
    }

    /// Name in class attributes.
    pub fn name(self) -> String {
        match self {
            Self::Text => "text".into(),
            Self::Muted => "muted".into(),
            Self::Grid => "grid".into(),
            Self::Page => "page".into(),
            Self::Other => "other".into(),
            Self::Series(i) => format!("s{}", i % COLOURS),
        }
    }
}

/// A step of a sequence of colours from pale to dark: one hue, of which lightness falls evenly, so that it reads in grey
/// and for colour-blind readers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shade(f64);

impl Shade {
    const PALE: [f64; 3] = [240.0, 246.0, 252.0];
    const DARK: [f64; 3] = [16.0, 62.0, 116.0];

    /// The colour at `place` in [0, 1].
    pub fn of(place: f64) -> Self {
        Self(place.clamp(0.0, 1.0))
    }

    /// Hexadecimal colour, the same on light and dark pages.
    pub fn colour(self) -> String {
        let part = |i: usize| (Self::PALE[i] + self.0 * (Self::DARK[i] - Self::PALE[i])).round() as u8;
        format!("#{:02x}{:02x}{:02x}", part(0), part(1), part(2))
    }

    /// The fixed colour of text upon it.
    pub fn text(self) -> &'static str {
        if self.0 > 0.5 { "#ffffff" } else { "#1f2430" }
    }
}

/// Shape of a marker, so that colour is never the only difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// ●
    Circle,
    /// ■
    Square,
    /// ▲
    Triangle,
    /// ◆
    Diamond,
}

impl Marker {
    const ALL: [Self; 4] = [Self::Circle, Self::Square, Self::Triangle, Self::Diamond];

    /// Marker of line `i`: neighbours differ.
    pub fn of_series(i: usize) -> Self {
        Self::ALL[i % 4]
    }

    /// Marker of class `i`: changes when the colours start again.
    pub fn of_class(i: usize) -> Self {
        Self::ALL[i / COLOURS % 4]
    }
}
