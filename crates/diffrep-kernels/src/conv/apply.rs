//! Runs a plan: images are cut into bands of rows, one task each.
use super::around::{After, Around, Finish, finish_line};
use super::pack::Packed;
use super::pad::Padded;
use super::plan::Plan;
use super::tile::{Line, Lines, VectorLines};
use super::tiles::{self, TileLines};
use super::words::{Pairs, Single};
use crate::Precision;
use crate::parallel;
use crate::scratch::with_scratch;
use crate::simd::{Simd, vectorised, vectorised_pairs};

/// Words of a padded band that still leave room for weights in a second-level cache.
const BAND: usize = 48 * 1024;

/// Columns from which a row alone fills register tiles; with fewer, the same pixel of several images forms a line.
const WIDE: usize = 8;

/// What a task computes: images `first..first + images`, values `from..to` of the phases' `a`.
#[derive(Clone, Copy)]
struct Task {
    first: usize,
    images: usize,
    from: usize,
    to: usize,
}

pub(super) fn apply(
    plan: &Plan,
    packed: &Packed,
    bias: Option<&[f32]>,
    around: &Around,
    source: &[f32],
    target: &mut [f32],
) {
    let start = packed.padded(bias);
    let mut rest = target;
    let mut start_of_part = 0;
    let tasks = tasks(plan)
        .into_iter()
        .map(|task| {
            let rows = (task.to * plan.target_step).min(plan.target.height) - task.from * plan.target_step;
            let (part, others) =
                std::mem::take(&mut rest).split_at_mut(task.images * rows * plan.target.row());
            rest = others;
            let start = start_of_part;
            start_of_part += part.len();
            (task, start, part)
        })
        .collect();
    let by_tiles = tiles::suits(plan);
    parallel::for_each(tasks, |_, (task, start_of_part, out)| {
        let source = &source[task.first * plan.source.len()..][..task.images * plan.source.len()];
        let first_row = task.from * plan.source_step;
        let run = match plan.precision {
            Precision::F32 => run_single,
            Precision::Bf16 if by_tiles => run_tiles,
            Precision::Bf16 => run_pairs,
        };
        let after = around.after.as_ref().map(|after| (after, start_of_part));
        if plan.reads_in_place() && around.before.is_none() {
            let words = &source[first_row * plan.source.row()..];
            let source = Source { words, row: plan.source.row(), image: plan.source.len() };
            run(plan, packed, &start, after, task, source, out);
        } else {
            let rows = (task.to - 1 - task.from) * plan.source_step + plan.reach + 1;
            let row = plan.padded_width * plan.words();
            let image = rows * row;
            with_scratch(task.images * image, |copies| {
                for (i, copy) in copies.chunks_exact_mut(image).enumerate() {
                    let source = &source[i * plan.source.len()..][..plan.source.len()];
                    copy_padded(plan, around, source, first_row, copy);
                }
                run(plan, packed, &start, after, task, Source { words: copies, row, image }, out);
            });
        }
    });
}

/// The rows of an image that a task reads, with zeros around them.
fn copy_padded(plan: &Plan, around: &Around, image: &[f32], first_row: usize, copy: &mut [f32]) {
    let padded = Padded { image: plan.source, margin: plan.margin, width: plan.padded_width, first_row };
    match plan.precision {
        Precision::F32 => padded.copy(image, around.before.as_ref(), copy),
        Precision::Bf16 => padded.copy_channel_pairs(image, around.before.as_ref(), copy),
    }
}

/// Enough tasks for every thread, with bands as high as the cache allows; images with short rows go several to a task.
/// How the work is cut changes no result: every output number is computed by itself.
fn tasks(plan: &Plan) -> Vec<Task> {
    let rows = plan.rows();
    let wanted = 4 * rayon::current_num_threads();
    if plan.phases[0].columns < WIDE && plan.batch >= wanted {
        let images = (plan.batch / wanted).clamp(1, WIDE);
        return (0..plan.batch)
            .step_by(images)
            .map(|first| Task { first, images: images.min(plan.batch - first), from: 0, to: rows })
            .collect();
    }
    let row = plan.padded_width * plan.words() * plan.source_step;
    let for_threads = rows.div_ceil(wanted.div_ceil(plan.batch)).max(4);
    let height = for_threads.min((BAND / row).max(4)).min(rows);
    let bands = rows.div_ceil(height);
    let height = rows.div_ceil(bands);
    (0..plan.batch)
        .flat_map(|first| {
            (0..rows).step_by(height).map(move |from| Task {
                first,
                images: 1,
                from,
                to: (from + height).min(rows),
            })
        })
        .collect()
}

/// The source of a task from the first row that it needs; rows lie `row` and images `image` apart.
#[derive(Clone, Copy)]
struct Source<'a> {
    words: &'a [f32],
    row: usize,
    image: usize,
}

vectorised! {
    fn run_single(s, plan: &Plan, packed: &Packed, start: &[f32], after: Option<(&After, usize)>, task: Task,
        source: Source, out: &mut [f32]) {
        run::<S, VectorLines<Single>>(s, plan, packed, start, after, task, source, out)
    }
}

vectorised_pairs! {
    fn run_pairs(s, plan: &Plan, packed: &Packed, start: &[f32], after: Option<(&After, usize)>, task: Task,
        source: Source, out: &mut [f32]) {
        run::<S, VectorLines<Pairs>>(s, plan, packed, start, after, task, source, out)
    }
}

vectorised_pairs! {
    fn run_tiles(s, plan: &Plan, packed: &Packed, start: &[f32], after: Option<(&After, usize)>, task: Task,
        source: Source, out: &mut [f32]) {
        run::<S, TileLines>(s, plan, packed, start, after, task, source, out)
    }
}

/// `after` comes with the number of the output at which `out` starts.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "one task of the plan")]
fn run<S: Simd, L: Lines>(
    s: S,
    plan: &Plan,
    packed: &Packed,
    start: &[f32],
    after: Option<(&After, usize)>,
    task: Task,
    source: Source,
    out: &mut [f32],
) {
    let target = plan.target;
    let out_rows = (task.to * plan.target_step).min(target.height) - task.from * plan.target_step;
    assert_eq!(out.len(), task.images * out_rows * target.row());
    let out_image = out_rows * target.row();
    let last_row = (task.to - 1 - task.from) * plan.source_step + plan.reach;
    let width = plan.padded_width * plan.words();
    let Source { words: source, row, image } = source;
    assert!(source.len() >= (task.images - 1) * image + last_row * row + width);
    for (index, block) in packed.blocks.iter().enumerate() {
        for (number, phase) in plan.phases.iter().enumerate() {
            let words = plan.words();
            let run = phase.horizontal.len() * words;
            let runs: Vec<usize> =
                phase.vertical.iter().map(|(offset, _)| offset * row + phase.first_column * words).collect();
            let weights = packed.get(number, index);
            let start = &start[block.start..];
            assert!(weights.len() >= runs.len() * run * block.lanes && start.len() >= block.lanes);
            let lines = L::new(if task.images == 1 { phase.columns } else { task.images }, run);
            for a in task.from..task.to.min(phase.rows) {
                let x = (a - task.from) * plan.source_step * row;
                let y = ((a - task.from) * plan.target_step + phase.row) * target.row()
                    + phase.column * target.channels
                    + block.start;
                // SAFETY: pixel b of image i reads runs from image i's row of `a`, column source_step·b; the last
                // run ends within the padded width by the plan's construction, and `source` holds `reach` rows
                // below the last. It writes `width` channels of output row step·a + phase.row, which the phase's
                // `rows` and `columns` keep inside the image. Weights and start were checked above.
                unsafe {
                    let pixels = Line {
                        source: source.as_ptr().add(x),
                        source_step: plan.source_step * words,
                        target: out.as_mut_ptr().wrapping_add(y),
                        target_step: plan.target_step * target.channels,
                        count: phase.columns,
                        runs: &runs,
                        run,
                        weights: weights.as_ptr(),
                        start: start.as_ptr(),
                        width: block.width,
                        lanes: block.lanes,
                    };
                    if task.images == 1 {
                        lines.line(s, pixels);
                    } else {
                        for b in 0..phase.columns {
                            lines.line(
                                s,
                                Line {
                                    source: pixels.source.add(b * pixels.source_step),
                                    source_step: image,
                                    target: pixels.target.add(b * pixels.target_step),
                                    target_step: out_image,
                                    count: task.images,
                                    ..pixels
                                },
                            );
                        }
                    }
                    // Not in the register tiles, which have no registers left for it, but while the row is near.
                    if let Some((after, first)) = after {
                        for i in 0..task.images {
                            let (image, at) = (task.first + i, i * out_image + y);
                            let finish = Finish::new(after, image, target.channels, block.start, first + at);
                            let row = out.as_mut_ptr().add(at);
                            finish_line(s, &finish, row, pixels.target_step, phase.columns, block.width);
                        }
                    }
                }
            }
        }
    }
}
