//! Activation functions.
use crate::simd::{Simd, sigmoid};

/// A function applied element by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// None.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x · sigmoid(x)`.
    Silu,
}

impl Activation {
    /// The function's value.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(self, s: S, x: S::Vector) -> S::Vector {
        match self {
            Self::Identity => x,
            // The operands' order lets a NaN through.
            Self::Relu => s.max(s.splat(0.0), x),
            Self::Silu => s.mul(x, sigmoid(s, x)),
        }
    }

    /// `gradient` times the function's derivative at `x`.
    #[inline(always)]
    pub(crate) fn backward<S: Simd>(self, s: S, x: S::Vector, gradient: S::Vector) -> S::Vector {
        match self {
            Self::Identity => gradient,
            Self::Relu => s.where_greater(x, s.splat(0.0), gradient),
            Self::Silu => {
                // σ(x) (1 + x (1 − σ(x)))
                let sigma = sigmoid(s, x);
                let rest = s.mul_add(x, s.sub(s.splat(1.0), sigma), s.splat(1.0));
                s.mul(gradient, s.mul(sigma, rest))
            }
        }
    }
}
