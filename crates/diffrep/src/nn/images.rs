//! Images as tensors.
use crate::data::ImageShape;
use burn::tensor::{Device, Tensor, TensorData};

/// The images `values` `[N, H, W, C]` of `shape` as a tensor on `device`.
///
/// # Panics
/// If `values` isn't a whole number of images.
pub(crate) fn images(values: Vec<f32>, shape: ImageShape, device: &Device) -> Tensor<4> {
    let rows = values.len() / shape.len();
    Tensor::from_data(TensorData::new(values, [rows, shape.height, shape.width, shape.channels]), device)
}
