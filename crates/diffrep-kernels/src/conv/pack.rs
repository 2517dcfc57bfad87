//! Weights in the order in which register tiles read them.
use super::plan::{Phase, Plan};
use crate::Precision;
use crate::buffer::Buffer;
use crate::parallel;
use crate::simd::{bf16, vectorised};

/// Target channels `start..start + width` that one tile computes; `lanes` is `width` rounded up to whole vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub(super) start: usize,
    pub(super) width: usize,
    pub(super) lanes: usize,
}

/// Channels of all blocks.
pub(super) fn width_of(blocks: &[Block]) -> usize {
    blocks.iter().map(|block| block.width).sum()
}

/// Lanes of all blocks.
pub(super) fn lanes_of(blocks: &[Block]) -> usize {
    blocks.iter().map(|block| block.lanes).sum()
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

/// For each phase and block: `[kernel row][kernel column][word of source channels][lane]`, zeros in lanes without a
/// channel.
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

    /// The bias, or zeros, for all lanes.
    pub(super) fn padded(&self, bias: Option<&[f32]>) -> Vec<f32> {
        let mut padded = vec![0.0; lanes_of(&self.blocks)];
        if let Some(bias) = bias {
            padded[..bias.len()].copy_from_slice(bias);
        }
        padded
    }
}

/// Neighbouring source and target channels lie `by_source` and `by_target` apart in `weight`.
pub(super) fn pack(plan: &Plan, weight: &[f32], by_source: usize, by_target: usize) -> Packed {
    let blocks = blocks(plan.target.channels);
    let (channels, words) = (plan.source.channels, plan.words());
    let (mut starts, mut len) = (Vec::new(), 0);
    for phase in &plan.phases {
        for block in &blocks {
            starts.push(len);
            len += phase.vertical.len() * phase.horizontal.len() * words * block.lanes;
        }
    }
    let mut data = Buffer::new(len);
    let mut rest = &mut data[..];
    let mut parts = Vec::new();
    for phase in &plan.phases {
        for block in &blocks {
            let taps = phase.vertical.len() * phase.horizontal.len();
            let (part, others) = rest.split_at_mut(taps * words * block.lanes);
            rest = others;
            parts.push((phase, *block, part));
        }
    }
    // Whichever axis is contiguous in memory goes inside.
    let by_lane = by_source < by_target;
    parallel::for_each(parts, |_, (phase, block, out)| {
        let order = Order { taps: taps(phase, plan.kernel), words, block, by_target, by_lane };
        match plan.precision {
            Precision::F32 => order.write(out, |word, at| weight[word * by_source + at]),
            Precision::Bf16 => order.write(out, |word, at| {
                let channel = |c: usize| if c < channels { weight[c * by_source + at] } else { 0.0 };
                bf16::word(channel(2 * word), channel(2 * word + 1))
            }),
        }
    });
    Packed { data, blocks, starts }
}

/// Places of the phase's kernel elements in the kernel.
fn taps(phase: &Phase, kernel: usize) -> Vec<usize> {
    let rows = phase.vertical.iter();
    rows.flat_map(|&(_, row)| phase.horizontal.iter().map(move |&column| row * kernel + column)).collect()
}

/// The order of the weights of a phase and block.
struct Order {
    taps: Vec<usize>,
    words: usize,
    block: Block,
    by_target: usize,
    by_lane: bool,
}

impl Order {
    /// Writes `read(word, place of the target channel's weight for a kernel element)`.
    #[inline(always)]
    fn write(&self, out: &mut [f32], read: impl Fn(usize, usize) -> f32) {
        let Block { start, width, lanes } = self.block;
        if width < lanes {
            out.fill(0.0);
        }
        let mut copy = |word: usize, lane: usize| {
            let from = (start + lane) * self.by_target;
            for (i, tap) in self.taps.iter().enumerate() {
                out[(i * self.words + word) * lanes + lane] = read(word, from + tap);
            }
        };
        if self.by_lane {
            (0..width).for_each(|lane| (0..self.words).for_each(|word| copy(word, lane)));
        } else {
            (0..self.words).for_each(|word| (0..width).for_each(|lane| copy(word, lane)));
        }
    }
}
