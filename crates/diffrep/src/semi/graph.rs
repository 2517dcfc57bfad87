//! The graph of neighbours: sparse, symmetric, normalised.
use super::SemiError;
use crate::measure::nearest;
use rayon::prelude::*;

/// Candidates beyond k that the search in f32 gives, of which sums in f64 choose: where many cosines are nearly equal, f32
/// puts them in another order, and whole labels end up elsewhere.
const SPARE: usize = 16;
/// Cosines that differ by less are equal.
const TIE: f64 = 1e-9;

/// `D^−½ W D^−½` of the affinities W, the cosines between each point and its nearest neighbours where positive, made
/// symmetric by the maximum; D holds the sums of W's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Where each point's edges begin, and the end of the last one's.
    starts: Vec<usize>,
    /// The other point of each edge, ascending for each point.
    others: Vec<u32>,
    /// Weight of each edge, positive.
    weights: Vec<f32>,
}

impl Graph {
    /// The graph of `features` `[N, dim]` with the `k` nearest neighbours of each point, ties going to the lower row.
    /// Points with the same features are neighbours; a point is none of its own.
    ///
    /// Exact, in blocks: memory is that of the features and the edges (at most 2k a point). The result doesn't depend on
    /// the number of threads.
    ///
    /// # Errors
    /// Features that are no whole rows or not finite, more than 2³² points, a `k` of 0.
    pub fn new(features: &[f32], dim: usize, k: usize) -> Result<Self, SemiError> {
        let rows = features.len() / dim.max(1);
        if dim == 0 || features.len() != rows * dim || u32::try_from(rows).is_err() {
            return Err(SemiError::Rows { found: rows, dim, expected: rows });
        }
        if k == 0 {
            return Err(SemiError::Setting { name: "k", value: "0".to_owned(), expected: "at least 1" });
        }
        if let Some(place) = features.iter().position(|value| !value.is_finite()) {
            return Err(SemiError::NotFinite { row: place / dim });
        }
        // There are no more neighbours than other points.
        let k = k.min(rows);
        let lengths: Vec<f64> = features.par_chunks(dim).map(|row| dot(row, row).sqrt()).collect();
        // One more, since a point finds itself, wherever among its duplicates.
        let found = nearest(features, features, dim, k + 1 + SPARE);
        let row = |row: usize| &features[row * dim..][..dim];
        let edges: Vec<Vec<(u32, f32)>> = found
            .into_par_iter()
            .enumerate()
            .map(|(point, candidates)| {
                let others = candidates.into_iter().map(|c| c.row).filter(|&other| other != point);
                let cosine = |other: usize| {
                    let product = lengths[point] * lengths[other];
                    if product > 0.0 { dot(row(point), row(other)) / product } else { 0.0 }
                };
                let mut exact: Vec<(usize, f64)> = others.map(|other| (other, cosine(other))).collect();
                let order = |cosine: f64| (cosine / TIE).round();
                exact.sort_by(|a, b| order(b.1).total_cmp(&order(a.1)).then(a.0.cmp(&b.0)));
                exact.truncate(k);
                exact.retain(|edge| edge.1 > 0.0);
                exact.into_iter().map(|(other, cosine)| (other as u32, cosine as f32)).collect()
            })
            .collect();
        Ok(Self::symmetric(edges).normalised())
    }

    /// max(W, Wᵀ) of the edges of each point.
    fn symmetric(edges: Vec<Vec<(u32, f32)>>) -> Self {
        let mut both: Vec<Vec<(u32, f32)>> = edges.clone();
        for (row, edges) in edges.iter().enumerate() {
            for &(other, weight) in edges {
                both[other as usize].push((row as u32, weight));
            }
        }
        both.par_iter_mut().for_each(|edges| {
            // Of an edge found from both ends the larger weight stays; they may differ by rounding.
            edges.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            edges.dedup_by_key(|edge| edge.0);
        });
        let mut starts = vec![0];
        starts.extend(both.iter().scan(0, |sum, edges| {
            *sum += edges.len();
            Some(*sum)
        }));
        let all = both.iter().flatten();
        Self {
            starts,
            others: all.clone().map(|edge| edge.0).collect(),
            weights: all.map(|edge| edge.1).collect(),
        }
    }

    fn normalised(mut self) -> Self {
        let degree =
            |row: usize| self.weights[self.starts[row]..self.starts[row + 1]].iter().map(|w| f64::from(*w));
        let scale: Vec<f64> = (0..self.len()).map(|row| 1.0 / degree(row).sum::<f64>().sqrt()).collect();
        for row in 0..self.len() {
            for edge in self.starts[row]..self.starts[row + 1] {
                let scaled = f64::from(self.weights[edge]) * scale[row] * scale[self.others[edge] as usize];
                self.weights[edge] = scaled as f32;
            }
        }
        self
    }

    /// Points.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// True without points.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Edges, counted from both ends.
    pub fn edges(&self) -> usize {
        self.others.len()
    }

    /// Points at the other ends of a point's edges, and the edges' normalised weights.
    pub fn neighbours(&self, row: usize) -> impl Iterator<Item = (usize, f32)> {
        let edges = self.starts[row]..self.starts[row + 1];
        edges.map(|edge| (self.others[edge] as usize, self.weights[edge]))
    }

    /// True for a point without edges.
    pub fn is_isolated(&self, row: usize) -> bool {
        self.starts[row] == self.starts[row + 1]
    }

    /// Points that no path joins to one of `from`.
    pub fn unreached(&self, from: &[usize]) -> Vec<bool> {
        let mut unreached = vec![true; self.len()];
        let mut front = from.to_vec();
        from.iter().for_each(|&row| unreached[row] = false);
        while let Some(row) = front.pop() {
            for (other, _) in self.neighbours(row) {
                if std::mem::take(&mut unreached[other]) {
                    front.push(other);
                }
            }
        }
        unreached
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(graph: &Graph, row: usize) -> Vec<(usize, f32)> {
        graph.neighbours(row).collect()
    }

    #[test]
    fn a_small_graph_by_hand() {
        // Angles 0°, 0°, 60°, 180°: with one neighbour each, 0–1 (cosine 1) and 2–0 (½; the lower row of equals). The last
        // is anti-parallel to the first and at 120° from the third: no positive affinity.
        let root = 0.75f32.sqrt();
        let graph = Graph::new(&[1.0, 0.0, 2.0, 0.0, 0.5, root, -1.0, 0.0], 2, 1).unwrap();
        // Degrees 1.5, 1, 0.5, 0.
        let [one, half] = [1.0 / 1.5f32.sqrt(), 0.5 / 0.75f32.sqrt()];
        let close = |found: Vec<(usize, f32)>, expected: &[(usize, f32)]| {
            assert_eq!(found.len(), expected.len());
            for (a, b) in found.iter().zip(expected) {
                assert!(a.0 == b.0 && (a.1 - b.1).abs() < 1e-6, "{found:?}, expected {expected:?}");
            }
        };
        close(edges(&graph, 0), &[(1, one), (2, half)]);
        close(edges(&graph, 1), &[(0, one)]);
        close(edges(&graph, 2), &[(0, half)]);
        assert!(graph.is_isolated(3) && !graph.is_isolated(0));
        assert_eq!(graph.unreached(&[2]), [false, false, false, true]);
    }

    #[test]
    fn duplicates_are_neighbours_and_nobody_is_its_own() {
        let graph = Graph::new(&[1.0, 1.0].repeat(5), 2, 2).unwrap();
        for row in 0..5 {
            assert!(
                edges(&graph, row).len() >= 2 && edges(&graph, row).iter().all(|(other, _)| *other != row)
            );
        }
    }

    #[test]
    fn what_is_no_graph_is_refused() {
        let message = |features: &[f32], dim, k| Graph::new(features, dim, k).unwrap_err().to_string();
        assert_eq!(message(&[1.0, f32::NAN, 1.0], 1, 1), "the features of image 1 are not finite");
        assert_eq!(message(&[1.0; 4], 2, 0), "k is 0, expected at least 1");
        assert!(message(&[1.0; 5], 2, 1).contains("2 feature rows"));
    }
}
