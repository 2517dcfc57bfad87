//! What a forward pass and a data gradient have in common.
use super::Conv2d;
use crate::Precision;

/// An image: rows, columns, channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Image {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
}

impl Image {
    pub(super) const fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    pub(super) const fn row(&self) -> usize {
        self.width * self.channels
    }
}

/// Output pixels `(step·a + row, step·b + column)` that are all fed by kernel elements in the same places.
pub(super) struct Phase {
    pub(super) row: usize,
    pub(super) column: usize,
    /// Number of values of `a`.
    pub(super) rows: usize,
    /// Number of values of `b`.
    pub(super) columns: usize,
    /// (source row relative to that of `a`, row of the kernel).
    pub(super) vertical: Vec<(usize, usize)>,
    /// First source column relative to that of `b`.
    pub(super) first_column: usize,
    /// Columns of the kernel that meet the source columns from `first_column` on, one each.
    pub(super) horizontal: Vec<usize>,
}

/// Output pixel `a` of a phase reads source pixels `source_step·a + offset` of an image with `margin` zero rows above
/// and columns to the left (and as many as needed below and to the right).
pub(super) struct Plan {
    pub(super) batch: usize,
    pub(super) source: Image,
    pub(super) target: Image,
    pub(super) margin: usize,
    /// Columns of the source image with its zeros.
    pub(super) padded_width: usize,
    /// Largest row offset.
    pub(super) reach: usize,
    pub(super) source_step: usize,
    pub(super) target_step: usize,
    pub(super) kernel: usize,
    pub(super) precision: Precision,
    pub(super) phases: Vec<Phase>,
}

impl Plan {
    pub(super) fn forward(shape: &Conv2d) -> Self {
        let (source, target) = images(shape);
        let taps = || 0..shape.kernel;
        Self {
            batch: shape.batch,
            source,
            target,
            margin: shape.before,
            padded_width: (target.width - 1) * shape.stride + shape.kernel,
            reach: shape.kernel - 1,
            source_step: shape.stride,
            target_step: 1,
            kernel: shape.kernel,
            precision: shape.precision,
            phases: vec![Phase {
                row: 0,
                column: 0,
                rows: target.height,
                columns: target.width,
                vertical: taps().map(|k| (k, k)).collect(),
                first_column: 0,
                horizontal: taps().collect(),
            }],
        }
    }

    /// The data gradient. With stride s the input pixels fall into s × s phases, each a convolution of stride 1 of the
    /// output's gradient with the kernel elements `k ≡ pixel + before (mod s)`: no zeros are multiplied.
    pub(super) fn backward(shape: &Conv2d) -> Self {
        let (target, source) = images(shape);
        let step = shape.stride;
        // For each residue: (source offset, kernel index), the offsets rising by one.
        let taps: Vec<Vec<(isize, usize)>> = (0..step)
            .map(|residue| {
                let first = (residue + shape.before) as isize;
                let offset = |k: usize| {
                    let distance = first - k as isize;
                    (distance.rem_euclid(step as isize) == 0).then(|| (distance.div_euclid(step as isize), k))
                };
                (0..shape.kernel).rev().filter_map(offset).collect()
            })
            .collect();
        let offsets = || taps.iter().flatten().map(|t| t.0);
        let margin = offsets().map(|o| -o).max().unwrap_or(0).max(0);
        let reach = offsets().map(|o| o + margin).max().unwrap_or(0) as usize;
        let count = |side: usize, residue: usize| side.saturating_sub(residue).div_ceil(step);
        let mut phases = Vec::new();
        for (row, vertical) in taps.iter().enumerate() {
            for (column, horizontal) in taps.iter().enumerate() {
                phases.push(Phase {
                    row,
                    column,
                    rows: count(target.height, row),
                    columns: count(target.width, column),
                    vertical: vertical.iter().map(|&(o, k)| ((o + margin) as usize, k)).collect(),
                    first_column: horizontal.first().map_or(0, |&(o, _)| (o + margin) as usize),
                    horizontal: horizontal.iter().map(|&(_, k)| k).collect(),
                });
            }
        }
        Self {
            batch: shape.batch,
            source,
            target,
            margin: margin as usize,
            padded_width: count(target.width, 0) + reach,
            reach,
            source_step: 1,
            target_step: step,
            kernel: shape.kernel,
            precision: shape.precision,
            phases,
        }
    }

    /// Words of a source pixel.
    pub(super) fn words(&self) -> usize {
        match self.precision {
            Precision::F32 => self.source.channels,
            Precision::Bf16 => self.source.channels.div_ceil(2),
        }
    }

    /// Whether kernels can read the images where they are, without a copy surrounded by zeros.
    pub(super) fn reads_in_place(&self) -> bool {
        self.precision == Precision::F32
            && self.margin == 0
            && self.reach == 0
            && self.padded_width <= self.source.width
            && (self.rows() - 1) * self.source_step < self.source.height
    }

    /// Values of `a` of the phase that has most.
    pub(super) fn rows(&self) -> usize {
        self.phases[0].rows
    }
}

/// Input and output of the convolution.
fn images(shape: &Conv2d) -> (Image, Image) {
    (
        Image { height: shape.height, width: shape.width, channels: shape.inputs },
        Image { height: shape.out_height(), width: shape.out_width(), channels: shape.outputs },
    )
}
