//! What all tests use.
use burn::tensor::{Device, Tensor, TensorData};
use diffrep_kernels::random::Key;

/// A device whose tensors can be differentiated.
pub fn device() -> Device {
    Device::flex().autodiff()
}

/// Standard normal numbers, different for every `row`.
pub fn numbers(row: u32, len: usize) -> Vec<f32> {
    let mut values = vec![0.0; len];
    Key::new(5, 0, 0).fill_normal(row, &mut values);
    values
}

/// A tensor of these numbers whose gradient is wanted.
pub fn normal<const D: usize>(row: u32, shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(numbers(row, shape.iter().product()), shape);
    Tensor::from_data(data, &device()).require_grad()
}

/// The numbers of a tensor.
pub fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("the tests compute in f32")
}

/// Fails unless the largest difference is at most `tolerance` times the largest expected magnitude.
pub fn assert_close<const D: usize>(actual: Tensor<D>, expected: Tensor<D>, tolerance: f32, what: &str) {
    assert_close_at(actual, expected, tolerance, 1e-3, what);
}

/// [`assert_close`] for sums of `terms` numbers of size one, which round as their size does however small they come out.
pub fn assert_close_sums<const D: usize>(
    actual: Tensor<D>,
    expected: Tensor<D>,
    tolerance: f32,
    terms: usize,
    what: &str,
) {
    assert_close_at(actual, expected, tolerance, 0.1 * (terms as f32).sqrt(), what);
}

/// Fails unless the largest difference is at most `tolerance` times the largest expected magnitude, or `floor` if larger.
fn assert_close_at<const D: usize>(
    actual: Tensor<D>,
    expected: Tensor<D>,
    tolerance: f32,
    floor: f32,
    what: &str,
) {
    assert_eq!(actual.dims(), expected.dims(), "{what}");
    let (actual, expected) = (values(actual), values(expected));
    let scale = expected.iter().fold(floor, |m, v| m.max(v.abs()));
    for (i, (a, e)) in actual.iter().zip(&expected).enumerate() {
        assert!((a - e).abs() <= tolerance * scale, "{what}[{i}]: {a} instead of {e} (scale {scale})");
    }
}
