//! Embeddings of some images, ready for pictures: planes at several t, and nearest neighbours.
use super::ReportError;
use super::figure::{Cell, CellMark, ImageGrid, Panel, Scatter, Thumbnail};
use super::pca::{Plane, align_signs, pca};

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

    /// The `count` nearest images of each of `queries` by cosine similarity at the first, middle and last t, side
    /// by side; `picture` gives the picture of an image.
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
            let codes = unit_rows(&self.at(level)?, self.dim);
            for (&query, cells) in queries.iter().zip(&mut rows) {
                for row in nearest(&codes, self.dim, query, count) {
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

fn unit_rows(values: &[f32], dim: usize) -> Vec<f32> {
    let unit = |row: &[f32]| {
        let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        row.iter().map(|v| if norm > 0.0 { v / norm } else { 0.0 }).collect::<Vec<_>>()
    };
    values.chunks_exact(dim).flat_map(unit).collect()
}

/// Rows of the largest inner product with row `query`, itself left out; ties go to the lower row, NaN last.
fn nearest(codes: &[f32], dim: usize, query: usize, count: usize) -> Vec<usize> {
    let asked = &codes[query * dim..][..dim];
    let similarity = |row: &[f32]| row.iter().zip(asked).map(|(a, b)| a * b).sum::<f32>();
    let mut ranked: Vec<(usize, f32)> =
        codes.chunks_exact(dim).map(similarity).enumerate().filter(|(row, _)| *row != query).collect();
    let key = |value: f32| if value.is_nan() { f32::NEG_INFINITY } else { value };
    ranked.sort_by(|a, b| key(b.1).total_cmp(&key(a.1)).then(a.0.cmp(&b.0)));
    ranked.into_iter().take(count).map(|(row, _)| row).collect()
}
