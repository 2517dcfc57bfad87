//! Tests of the kernels against plain loops in double precision.
mod conv;
mod instruction_sets;
mod support;
