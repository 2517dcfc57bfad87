//! Grids of small pictures with captions.
use super::Figure;
use super::frame::{SMALL, TITLE};
use super::legend::{Entry, Legend};
use super::palette::{Ink, Marker};
use super::svg::{Anchor, Canvas, Stroke, TextStyle};
use super::text;
use super::thumbnail::Thumbnail;
use crate::report::ReportError;

/// A frame around a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellMark {
    /// None.
    Plain,
    /// Agrees with the row's first picture (solid frame).
    Same,
    /// Disagrees with it (dashed frame).
    Different,
}

/// One picture.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The picture.
    pub thumbnail: Thumbnail,
    /// Text below it.
    pub caption: String,
    /// Frame around it.
    pub mark: CellMark,
}

/// A grid of pictures; columns come in named groups.
#[derive(Clone, Debug)]
pub struct ImageGrid {
    /// Title.
    pub title: String,
    /// Name and number of columns of each group.
    pub groups: Vec<(String, usize)>,
    /// Rows; a row may be shorter than the groups ask for.
    pub rows: Vec<Vec<Cell>>,
}

const SIDE: f64 = 58.0;
const STEP: f64 = 68.0;
const ROW: f64 = 86.0;
const GROUP_GAP: f64 = 22.0;
const CAPTION: f64 = 11.0;
const MARGIN: f64 = 16.0;
const SAME: Ink = Ink::Series(0);
const DIFFERENT: Ink = Ink::Series(1);

impl ImageGrid {
    /// Draws the grid.
    ///
    /// # Errors
    /// There are no pictures, or a row has more than the groups have columns.
    pub fn draw(&self) -> Result<Figure, ReportError> {
        let columns: usize = self.groups.iter().map(|(_, count)| count).sum();
        if self.rows.iter().all(Vec::is_empty) {
            return Err(ReportError::Empty { figure: self.title.clone(), what: "no pictures".into() });
        }
        if let Some(row) = self.rows.iter().find(|row| row.len() > columns) {
            let what = format!("pictures in a row of \"{}\"", self.title);
            return Err(ReportError::Shape { what, got: row.len(), expected: columns });
        }
        let lefts = self.lefts();
        let width = lefts.last().map_or(0.0, |left| left + SIDE) + MARGIN;
        let width = width.max(text::width(&self.title, TITLE).min(760.0) + 2.0 * MARGIN);
        let named = self.groups.iter().any(|(name, _)| !name.is_empty());
        let top = if named { 72.0 } else { 46.0 };
        let legend = Legend::new(self.entries(), width - 2.0 * MARGIN);
        let below = top + ROW * self.rows.len() as f64;
        let size = [width, below + legend.height() + 8.0];

        let mut canvas = Canvas::new(size[0], size[1]);
        let title = text::fit(&self.title, TITLE, width - 2.0 * MARGIN);
        canvas.text((MARGIN, 25.0), &title, TextStyle::new(TITLE, Ink::Text).strong());
        let mut first = 0;
        for (name, count) in self.groups.iter().filter(|(_, count)| *count > 0) {
            let room = lefts[first + count - 1] + SIDE - lefts[first];
            let name = text::fit(name, SMALL, room + GROUP_GAP - 6.0);
            canvas.text((lefts[first], top - 12.0), &name, TextStyle::new(SMALL, Ink::Muted));
            first += count;
        }
        for (i, row) in self.rows.iter().enumerate() {
            for (cell, &left) in row.iter().zip(&lefts) {
                draw_cell(&mut canvas, cell, left, top + ROW * i as f64);
            }
        }
        legend.draw(&mut canvas, (MARGIN, below));
        Ok(Figure::finish(canvas, &self.title, size, Vec::new()))
    }

    fn lefts(&self) -> Vec<f64> {
        let mut lefts = Vec::new();
        let mut left = MARGIN;
        for (_, count) in &self.groups {
            lefts.extend((0..*count).map(|i| left + STEP * i as f64));
            left += STEP * *count as f64 + GROUP_GAP;
        }
        lefts
    }

    fn entries(&self) -> Vec<Entry> {
        if self.rows.iter().flatten().all(|cell| cell.mark == CellMark::Plain) {
            return Vec::new();
        }
        let entry = |ink, name: &str| Entry { marker: Marker::Square, ink, name: name.into() };
        vec![entry(SAME, "solid frame: same label"), entry(DIFFERENT, "dashed frame: another label")]
    }
}

/// Pictures in reading order, `columns` a row, with their captions.
///
/// # Errors
/// There are no pictures.
pub fn contact_sheet(
    title: &str,
    columns: usize,
    pictures: Vec<(Thumbnail, String)>,
) -> Result<Figure, ReportError> {
    let cell = |(thumbnail, caption)| Cell { thumbnail, caption, mark: CellMark::Plain };
    let cells: Vec<Cell> = pictures.into_iter().map(cell).collect();
    let columns = columns.clamp(1, cells.len().max(1));
    let rows = cells.chunks(columns).map(<[Cell]>::to_vec).collect();
    ImageGrid { title: title.into(), groups: vec![(String::new(), columns)], rows }.draw()
}

fn draw_cell(canvas: &mut Canvas, cell: &Cell, left: f64, top: f64) {
    let (width, height) = cell.thumbnail.size();
    let scale = SIDE / width.max(height) as f64;
    let (w, h) = (width as f64 * scale, height as f64 * scale);
    let corner = (left + (SIDE - w) / 2.0, top + (SIDE - h) / 2.0);
    canvas.image([corner.0, corner.1, w, h], &cell.thumbnail.data_uri());
    let stroke = match cell.mark {
        CellMark::Plain => Stroke::new(Ink::Grid, 1.0),
        CellMark::Same => Stroke::new(SAME, 3.0),
        CellMark::Different => Stroke { dashed: true, ..Stroke::new(DIFFERENT, 3.0) },
    };
    canvas.frame([corner.0 - 2.0, corner.1 - 2.0, w + 4.0, h + 4.0], stroke);
    let style = TextStyle::new(CAPTION, Ink::Text).anchor(Anchor::Middle);
    canvas.text(
        (left + SIDE / 2.0, top + SIDE + 16.0),
        &text::fit(&cell.caption, CAPTION, STEP - 4.0),
        style,
    );
}
