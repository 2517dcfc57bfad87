/// How the products of convolutions, matrices and attention are computed. Operands, results and sums are f32 in memory
/// and registers in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Products of f32.
    #[default]
    F32,
    /// Each operand is rounded to bf16 (8 bits of significand, nearest, ties to even) before it is multiplied; products
    /// are exact and summed in f32. Means the same on every processor, but for the order and rounding of the sums; it is
    /// faster than [`Self::F32`] only with [`InstructionSet::Amx`](crate::InstructionSet::Amx) and, on AMD's processors,
    /// [`InstructionSet::Avx512Bf16`](crate::InstructionSet::Avx512Bf16).
    Bf16,
}

impl Precision {
    /// All precisions.
    pub const ALL: [Self; 2] = [Self::F32, Self::Bf16];

    /// `f32` or `bf16`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}
