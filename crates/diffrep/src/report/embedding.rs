//! Embeddings of some images, ready for pictures: planes at several t, and nearest neighbours.
use super::ReportError;
use super::figure::{Cell, CellMark, ImageGrid, Panel, Scatter, Thumbnail};
use super::pca::{Plane, align_signs, pca};
use crate::measure::nearest_whitened;

/// Embeddings of some images at several levels of detail.
#[derive(Clone, Debug)]
pub struct Embedded<'a> {
    /// Levels of detail in ascending order, T of them.
    pub t: &'a [f64],
    /// Width C of an embedding.
    pub dim: usize,
    /// Embeddings [N, T, C].
    pub values: &'a [f32],
    /// Class of each image, an index into `classes`.
    pub labels: &'a [Option<u32>],
    /// Class names.
    pub classes: &'a [String],
}

impl Embedded<'_> {
    /// The embeddings at `t[level]`, [N, C].
    fn at(&self, level: usize) -> Result<Vec<f32>, ReportError> {
        let expected = self.labels.len() * self.t.len() * self.dim;
        if self.values.len() != expected {
            return Err(ReportError::Shape {
                what: "values of embeddings".into(),
                got: self.values.len(),
                expected,
            });
        }
        let rows = self.values.chunks_exact(self.t.len() * self.dim);
        Ok(rows.flat_map(|row| &row[level * self.dim..][..self.dim]).copied().collect())
    }

    /// Scatter plots of the first two principal components, a panel for each t; neighbouring panels have their
    /// axes the same way round.
    ///
    /// # Errors
    /// Sizes that disagree, or no finite embedding at some t.
    pub fn scatter(&self, title: impl Into<String>) -> Result<Scatter, ReportError> {
        let mut planes: Vec<Plane> = Vec::with_capacity(self.t.len());
        for level in 0..self.t.len() {
            let mut plane = pca(&self.at(level)?, self.dim)?;
            if let Some(previous) = planes.last() {
                align_signs(&mut plane, previous);
            }
            planes.push(plane);
        }
        let axis = |plane: &Plane, k: usize| {
            format!("PC {} ({:.0}% of variance)", k + 1, 100.0 * plane.explained[k])
        };
        let panels = planes.into_iter().zip(self.t).map(|(plane, t)| Panel {
            title: format!("t = {t}"),
            axes: [axis(&plane, 0), axis(&plane, 1)],
            points: plane.points,
        });
        Ok(Scatter {
            title: title.into(),
            panels: panels.collect(),
            labels: self.labels.to_vec(),
            classes: self.classes.to_vec(),
        })
    }

    /// The `count` nearest images of each of `queries` by cosine similarity of whitened codes at the first, middle and
    /// last t, side by side; `picture` gives the picture of an image.
    ///
    /// # Errors
    /// Sizes that disagree, a picture that can't be had.
    pub fn neighbours(
        &self,
        title: impl Into<String>,
        queries: &[usize],
        count: usize,
        picture: impl Fn(usize) -> Result<Thumbnail, ReportError>,
    ) -> Result<ImageGrid, ReportError> {
        let mut levels = vec![0, self.t.len() / 2, self.t.len().saturating_sub(1)];
        levels.dedup();
        let count = count.min(self.labels.len().saturating_sub(1));
        let mut groups = vec![("query".to_owned(), 1)];
        let cell = |row: usize, mark| {
            Ok::<_, ReportError>(Cell { thumbnail: picture(row)?, caption: self.caption(row), mark })
        };
        let first = |&query: &usize| Ok(vec![cell(query, CellMark::Plain)?]);
        let mut rows = queries.iter().map(first).collect::<Result<Vec<_>, ReportError>>()?;
        for (place, &level) in levels.iter().enumerate() {
            let detail = match place {
                0 if levels.len() > 1 => " (finest)",
                p if p > 0 && p + 1 == levels.len() => " (coarsest)",
                _ => "",
            };
            groups.push((format!("nearest at t = {}{detail}", self.t[level]), count));
            let codes = self.at(level)?;
            let asked: Vec<f32> =
                queries.iter().flat_map(|&query| &codes[query * self.dim..][..self.dim]).copied().collect();
            // An image is its own neighbour.
            let found = nearest_whitened(&codes, &asked, self.dim, count + 1);
            for ((&query, found), cells) in queries.iter().zip(found).zip(&mut rows) {
                for row in found.iter().map(|found| found.row).filter(|&row| row != query).take(count) {
                    cells.push(cell(row, self.agreement(query, row))?);
                }
            }
        }
        Ok(ImageGrid { title: title.into(), groups, rows })
    }

    fn caption(&self, row: usize) -> String {
        self.labels[row].and_then(|label| self.classes.get(label as usize)).cloned().unwrap_or_default()
    }

    fn agreement(&self, query: usize, row: usize) -> CellMark {
        match (self.labels[query], self.labels[row]) {
            (Some(a), Some(b)) if a == b => CellMark::Same,
            (Some(_), Some(_)) => CellMark::Different,
            _ => CellMark::Plain,
        }
    }
}
