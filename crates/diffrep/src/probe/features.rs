//! Feature matrices as probes see them.

/// A borrowed matrix of features: `rows` rows of `dim` numbers, possibly one column of a `[rows, T, dim]` array.
#[derive(Clone, Copy, Debug)]
pub struct Features<'a> {
    values: &'a [f32],
    dim: usize,
    stride: usize,
    offset: usize,
    levels: usize,
}

impl<'a> Features<'a> {
    /// `values` as `[rows, dim]`.
    ///
    /// # Panics
    /// If `dim` is 0 or doesn't divide the length.
    pub fn new(values: &'a [f32], dim: usize) -> Self {
        Self::column(values, 1, 0, dim)
    }

    /// Column `column` of `values` read as `[rows, columns, dim]`: the codes at one t out of several.
    ///
    /// # Panics
    /// If `column` is not below `columns`, `dim` is 0, or the length is no multiple of `columns · dim`.
    pub fn column(values: &'a [f32], columns: usize, column: usize, dim: usize) -> Self {
        assert!(
            dim > 0 && column < columns && values.len().is_multiple_of(columns * dim),
            "[rows, {columns}, {dim}]"
        );
        Self { values, dim, stride: columns * dim, offset: column * dim, levels: 1 }
    }

    /// `values` as `[rows, levels, dim]` with all levels of a row together: a trajectory.
    ///
    /// # Panics
    /// If `levels` or `dim` is 0 or the length is no multiple of `levels · dim`.
    pub fn trajectory(values: &'a [f32], levels: usize, dim: usize) -> Self {
        Self { levels, ..Self::column(values, 1, 0, levels * dim) }
    }

    /// The `dim` numbers from `offset` on in each row of `stride` numbers.
    ///
    /// # Panics
    /// If `dim` is 0, the part doesn't fit into a row, or the length is no multiple of `stride`.
    pub fn part(values: &'a [f32], stride: usize, offset: usize, dim: usize) -> Self {
        assert!(dim > 0 && offset + dim <= stride && values.len().is_multiple_of(stride), "[rows, {stride}]");
        Self { values, dim, stride, offset, levels: 1 }
    }

    /// Levels of detail in a row: more than 1 for a trajectory only.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.stride
    }

    /// Numbers in a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The features of `row`.
    pub fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.stride + self.offset..][..self.dim]
    }

    /// The features of `rows`, one after another.
    pub fn gather(&self, rows: &[usize], out: &mut Vec<f32>) {
        out.clear();
        rows.iter().for_each(|&row| out.extend_from_slice(self.row(row)));
    }

    /// The first row that holds a number which is not finite.
    pub(super) fn first_not_finite(&self) -> Option<usize> {
        (0..self.rows()).find(|&row| self.row(row).iter().any(|v| !v.is_finite()))
    }
}

/// The features of one t.
#[derive(Clone, Copy, Debug)]
pub struct Column<'a> {
    /// Level of detail in [0, 1]; `None` for features without one (raw pixels).
    pub t: Option<f64>,
    /// Features of the labelled training rows.
    pub train: Features<'a>,
    /// Features of the test rows, as wide.
    pub test: Features<'a>,
}

/// Where features come from, with one column for each t.
#[derive(Clone, Debug)]
pub struct Source<'a> {
    /// Name in tables: `encoder`, `random encoder`, `raw pixels`.
    pub name: String,
    /// At least one column; all with the same rows.
    pub columns: Vec<Column<'a>>,
}
