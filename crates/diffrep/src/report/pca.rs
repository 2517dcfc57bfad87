//! Principal component analysis to two dimensions, for pictures of embeddings.
use super::ReportError;
use crate::measure::eigen;
use nalgebra::DMatrix;

/// Points in the plane of the largest variance.
#[derive(Clone, Debug)]
pub struct Plane {
    /// Coordinates of each row; NaN where the row isn't finite.
    pub points: Vec<[f64; 2]>,
    /// Share of the total variance along each axis, in [0, 1].
    pub explained: [f64; 2],
}

/// Projects rows of `values` (`[rows, dim]`, row after row) to their first two principal components.
///
/// Rows with a value that isn't finite take no part and get NaN. The sign of an axis is arbitrary: here the
/// largest loading is positive. With fewer than two dimensions the missing coordinates are 0.
///
/// # Errors
/// The number of values isn't a multiple of `dim`, or no row is finite.
pub fn pca(values: &[f32], dim: usize) -> Result<Plane, ReportError> {
    if dim == 0 || !values.len().is_multiple_of(dim) {
        let (what, got) = ("values for PCA (a multiple of the dimension)".into(), values.len());
        return Err(ReportError::Shape { what, got, expected: values.len() / dim.max(1) * dim });
    }
    let rows: Vec<&[f32]> = values.chunks_exact(dim).collect();
    let finite: Vec<&[f32]> = rows.iter().copied().filter(|row| is_finite(row)).collect();
    if finite.is_empty() {
        return Err(ReportError::Empty {
            figure: "embeddings".into(),
            what: "no embedding is finite".into(),
        });
    }
    let mut mean = vec![0.0; dim];
    for row in &finite {
        mean.iter_mut().zip(*row).for_each(|(m, &v)| *m += v as f64 / finite.len() as f64);
    }
    let centred = DMatrix::from_fn(finite.len(), dim, |i, j| finite[i][j] as f64 - mean[j]);
    let axes = principal_axes(&centred);
    let total = centred.norm_squared();
    let share = |axis: &Option<Vec<f64>>| match axis {
        Some(axis) if total > 0.0 => project(&centred, axis) / total,
        _ => 0.0,
    };
    let explained = [share(&axes[0]), share(&axes[1])];
    let place = |row: &&[f32]| {
        [0, 1].map(|k| match &axes[k] {
            _ if !is_finite(row) => f64::NAN,
            Some(axis) => row.iter().zip(&mean).zip(axis).map(|((&v, m), a)| (v as f64 - m) * a).sum(),
            None => 0.0,
        })
    };
    Ok(Plane { points: rows.iter().map(place).collect(), explained })
}

/// Flips axes so that they point the same way as `previous`' (planes of the same rows at neighbouring t).
pub fn align_signs(plane: &mut Plane, previous: &Plane) {
    for axis in [0, 1] {
        let products = plane.points.iter().zip(&previous.points).map(|(a, b)| a[axis] * b[axis]);
        if products.filter(|p| p.is_finite()).sum::<f64>() < 0.0 {
            plane.points.iter_mut().for_each(|point| point[axis] = -point[axis]);
        }
    }
}

fn is_finite(row: &[f32]) -> bool {
    row.iter().all(|v| v.is_finite())
}

fn project(centred: &DMatrix<f64>, axis: &[f64]) -> f64 {
    centred.row_iter().map(|row| row.iter().zip(axis).map(|(v, a)| v * a).sum::<f64>().powi(2)).sum()
}

/// The first two eigenvectors of the covariance, from the smaller of `XᵀX` and `XXᵀ`.
fn principal_axes(centred: &DMatrix<f64>) -> [Option<Vec<f64>>; 2] {
    let (rows, dim) = centred.shape();
    let wide = dim > rows;
    let gram = if wide { centred * centred.transpose() } else { centred.transpose() * centred };
    let vectors = eigen(&gram).map(|eigen| eigen.vectors);
    [0, 1].map(|k| {
        let vectors = vectors.as_ref().filter(|vectors| k < vectors.ncols())?;
        let vector = vectors.column(k);
        let axis = if wide { centred.transpose() * vector } else { vector.into_owned() };
        let norm = axis.norm();
        if norm == 0.0 {
            return None;
        }
        let largest = axis.iter().copied().fold(0.0, |a: f64, b: f64| if b.abs() > a.abs() { b } else { a });
        Some(axis.iter().map(|a| a * largest.signum() / norm).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_plane_is_recovered() {
        // Points with standard deviations 3 : 1 along orthogonal directions of a 3-d space.
        let (c, s) = (0.6_f32, 0.8_f32);
        let flat: Vec<[f32; 2]> =
            (0..40).map(|i| [3.0 * (i as f32 * 0.7).sin(), (i as f32 * 1.9).cos()]).collect();
        let turned: Vec<f32> = flat.iter().flat_map(|[x, y]| [c * x + 1.0, s * x - 2.0, *y]).collect();
        let plane = pca(&turned, 3).unwrap();
        assert!((plane.explained[0] + plane.explained[1] - 1.0).abs() < 1e-6, "{:?}", plane.explained);
        // Rotation keeps all distances.
        for (i, j) in [(0, 1), (3, 17), (5, 39)] {
            let before =
                ((flat[i][0] - flat[j][0]).powi(2) + (flat[i][1] - flat[j][1]).powi(2)).sqrt() as f64;
            let (p, q) = (plane.points[i], plane.points[j]);
            assert!(((p[0] - q[0]).hypot(p[1] - q[1]) - before).abs() < 1e-5);
        }
    }

    #[test]
    fn wide_data_give_the_same_plane_as_tall_data() {
        let rows: Vec<f32> = (0..6 * 4).map(|i| ((i * i) as f32 * 0.37).sin()).collect();
        // The same rows with zero columns appended: more dimensions than rows, no more information.
        let wide: Vec<f32> = rows.chunks(4).flat_map(|row| [row, &[0.0; 6]].concat()).collect();
        let (tall, wide) = (pca(&rows, 4).unwrap(), pca(&wide, 10).unwrap());
        for (a, b) in tall.points.iter().zip(&wide.points) {
            assert!((a[0] - b[0]).abs() < 1e-6 && (a[1] - b[1]).abs() < 1e-6, "{a:?} {b:?}");
        }
    }

    #[test]
    fn degenerate_data_stay_finite_and_bad_rows_are_set_apart() {
        let constant = pca(&[1.0; 12], 3).unwrap();
        assert!(constant.points.iter().flatten().all(|v| *v == 0.0));
        assert_eq!(constant.explained, [0.0, 0.0]);
        assert_eq!(pca(&[1.0, 2.0, 3.0], 1).unwrap().explained[1], 0.0);
        let holed = pca(&[0.0, 0.0, f32::NAN, 1.0, 2.0, 2.0], 2).unwrap();
        assert!(holed.points[1][0].is_nan() && holed.points[0][0].is_finite());
        assert!(pca(&[f32::NAN; 4], 2).is_err());
        assert!(pca(&[0.0; 5], 2).is_err());
    }

    #[test]
    fn axes_of_neighbouring_planes_point_the_same_way() {
        let one = pca(&[0.0, 0.0, 2.0, 1.0, 4.0, 1.5, 6.0, 4.0], 2).unwrap();
        let mut other = one.clone();
        other.points.iter_mut().for_each(|p| p[0] = -p[0]);
        align_signs(&mut other, &one);
        assert_eq!(other.points, one.points);
    }
}
