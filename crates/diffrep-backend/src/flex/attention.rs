//! Attention over the pixels of an image.
use super::Gradient;
use super::storage::{Contiguous, dims, output};
use crate::settings::Precision;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use diffrep_kernels::attention::{Shape, backward, forward};
use std::sync::Arc;

fn shape(q: &FlexTensor, scale: f64, precision: Precision) -> Shape {
    let [images, positions, channels] = dims(q);
    Shape { images, positions, channels, scale: scale as f32, precision }
}

/// The result and the log-sum-exp of each row.
pub(crate) fn attention(
    q: &FlexTensor,
    k: &FlexTensor,
    v: &FlexTensor,
    scale: f64,
    precision: Precision,
) -> (FlexTensor, Vec<f32>) {
    let shape = shape(q, scale, precision);
    let [q_values, k, v] = [q, k, v].map(Contiguous::new);
    let mut log_sums = Vec::new();
    let y = output(q.shape(), |y| log_sums = forward(&shape, q_values.data(), k.data(), v.data(), y));
    (y, log_sums)
}

/// For the gradients of q, k and v.
#[derive(Clone, Debug)]
pub(crate) struct AttentionGradient {
    pub(crate) q: FlexTensor,
    pub(crate) k: FlexTensor,
    pub(crate) v: FlexTensor,
    pub(crate) log_sums: Arc<Vec<f32>>,
    pub(crate) scale: f64,
    pub(crate) precision: Precision,
}

impl Gradient<3> for AttentionGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let (sizes, tensor_shape) = (shape(&self.q, self.scale, self.precision), self.q.shape());
        let [q, k, v, gy] = [&self.q, &self.k, &self.v, &gy].map(Contiguous::new);
        let (mut dk, mut dv) = (None, None);
        let dq = output(tensor_shape.clone(), |dq| {
            dk = Some(output(tensor_shape.clone(), |dk| {
                dv = Some(output(tensor_shape, |dv| {
                    backward(&sizes, q.data(), k.data(), v.data(), &self.log_sums, gy.data(), dq, dk, dv);
                }));
            }));
        });
        [Some(dq), dk, dv]
    }
}
