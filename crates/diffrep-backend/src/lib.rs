//! Channels-last layer functions on Burn tensors.
//!
//! Feature maps are `[N, H, W, C]` (batch, rows, columns, channels) throughout, parameters live in Burn's own
//! structs (convolution weights `[out, in, kh, kw]`, linear weights `[in, out]`).
pub mod device;
mod flex;
pub mod generic;
pub mod layers;
pub mod ops;
mod settings;
