//! Convolutions in bf16 by products of whole tiles, where the processor has them (see `simd::amx`).
//!
//! Operands lie as for register tiles: the words of neighbouring pixels are the rows of the left tiles, packed weights the
//! right ones.
mod line;
mod weight;

pub(super) use line::TileLines;
pub(super) use weight::{accumulate, combine, suits_weight, transpose};

use super::plan::Plan;
use crate::Precision;
use crate::simd::{InstructionSet, amx};

/// Words of a tile from which its products are worth their loads.
const LEAST: usize = 4;

/// The longest tile that cuts `length` words into equal pieces; any does for none, as of a phase without weights.
fn piece(length: usize) -> usize {
    (2..=amx::MOST).rev().find(|size| length.is_multiple_of(*size)).unwrap_or(1)
}

fn available(precision: Precision) -> bool {
    precision == Precision::Bf16 && InstructionSet::current() == InstructionSet::Amx
}

/// Whether the plan's lines are to be computed by tiles. How the plan is cut into tasks doesn't matter, so that sums don't
/// depend on the number of threads.
pub(super) fn suits(plan: &Plan) -> bool {
    available(plan.precision)
        && plan.phases.iter().all(|phase| piece(phase.horizontal.len() * plan.words()) >= LEAST)
}
