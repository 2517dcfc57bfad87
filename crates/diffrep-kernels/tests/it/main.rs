//! Tests of the kernels against plain loops in double precision.
mod attention;
mod conv;
mod elementwise;
mod instruction_sets;
mod norm;
mod support;
