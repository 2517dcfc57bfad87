//! Weights in the order in which register tiles read them.
use super::plan::{Phase, Plan};
use crate::buffer::Buffer;
use crate::parallel;
use crate::simd::vectorised;

/// Target channels `start..start + width` that one tile computes; `lanes` is `width` rounded up to whole vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) start: usize,
    pub(super) width: usize,
    pub(super) lanes: usize,
}

vectorised! {
    /// Cuts `channels` into blocks as wide as a register tile, the last one as wide as needed.
    pub(super) fn blocks(_s, channels: usize) -> Vec<Block> {
        (0..channels)
            .step_by(S::LANES * S::TILE_VECTORS)
            .map(|start| {
                let width = (channels - start).min(S::LANES * S::TILE_VECTORS);
                Block { start, width, lanes: width.next_multiple_of(S::LANES) }
            })
            .collect()
    }
}

/// For each phase and block: `[kernel row][kernel column][source channel][lane]`, zeros in lanes without a channel.
pub(super) struct Packed {
    data: Buffer,
    pub(super) blocks: Vec<Block>,
    /// Start of each phase and block in `data`; phases outer.
    starts: Vec<usize>,
}

impl Packed {
    pub(super) fn get(&self, phase: usize, block: usize) -> &[f32] {
        &self.data[self.starts[phase * self.blocks.len() + block]..]
    }
}

/// Neighbouring source and target channels lie `by_source` and `by_target` apart in `weight`.
pub(super) fn pack(plan: &Plan, weight: &[f32], by_source: usize, by_target: usize) -> Packed {
    let blocks = blocks(plan.target.channels);
    let (mut starts, mut len) = (Vec::new(), 0);
    for phase in &plan.phases {
        for block in &blocks {
            starts.push(len);
            len += phase.vertical.len() * phase.horizontal.len() * plan.source.channels * block.lanes;
        }
    }
    let mut data = Buffer::new(len);
    let mut rest = &mut data[..];
    let mut parts = Vec::new();
    for phase in &plan.phases {
        for block in &blocks {
            let taps = phase.vertical.len() * phase.horizontal.len();
            let (part, others) = rest.split_at_mut(taps * plan.source.channels * block.lanes);
            rest = others;
            parts.push((phase, *block, part));
        }
    }
    parallel::for_each(parts, |_, (phase, block, out)| {
        pack_block(phase, plan.kernel, plan.source.channels, &block, weight, by_source, by_target, out);
    });
    Packed { data, blocks, starts }
}

#[expect(clippy::too_many_arguments, reason = "plain sizes")]
fn pack_block(
    phase: &Phase,
    kernel: usize,
    channels: usize,
    block: &Block,
    weight: &[f32],
    by_source: usize,
    by_target: usize,
    out: &mut [f32],
) {
    let taps: Vec<usize> = phase
        .vertical
        .iter()
        .flat_map(|&(_, row)| phase.horizontal.iter().map(move |&column| row * kernel + column))
        .collect();
    if block.width < block.lanes {
        out.fill(0.0);
    }
    let mut copy = |source: usize, lane: usize| {
        let from = source * by_source + (block.start + lane) * by_target;
        for (i, tap) in taps.iter().enumerate() {
            out[(i * channels + source) * block.lanes + lane] = weight[from + tap];
        }
    };
    // Whichever axis is contiguous in memory goes inside.
    if by_source < by_target {
        (0..block.width).for_each(|lane| (0..channels).for_each(|source| copy(source, lane)));
    } else {
        (0..channels).for_each(|source| (0..block.width).for_each(|lane| copy(source, lane)));
    }
}
