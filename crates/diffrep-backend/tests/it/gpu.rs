//! Every GPU backend that was built in against the processor's kernels: the same layers from the same numbers.
//!
//! `cargo test --release -p diffrep-backend --features wgpu gpu::`; a machine without such hardware skips with a message.
use crate::support::numbers;
use burn::tensor::{Tensor, TensorData};
use diffrep_backend::device::{self, Device};
use diffrep_backend::layers::{self, Activation, Geometry, Mode, Precision};
use diffrep_kernels::random::Key;

/// Sums in another order, and `exp` and `tanh` of another library.
const FORWARD: f32 = 1e-4;
const GRADIENT: f32 = 1e-3;

/// The devices to compare with the processor.
fn gpus() -> Vec<Device> {
    let built = device::names().into_iter().filter(|&name| name != device::CPU);
    built.filter_map(|name| device::open(name).map_err(|error| eprintln!("skipped: {error}")).ok()).collect()
}

/// Inputs of the shapes on a device, and what a function of them and the gradients of its weighted sum are.
fn results<const A: usize, const B: usize, const C: usize, const Y: usize>(
    device: &Device,
    shapes: ([usize; A], [usize; B], [usize; C]),
    function: &impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<Y>,
) -> [Vec<f32>; 4] {
    let device = device.clone().autodiff();
    let (a, b, c) = (input(0, shapes.0, &device), input(1, shapes.1, &device), input(2, shapes.2, &device));
    let y = function(a.clone(), b.clone(), c.clone());
    let gradients = (y.clone() * input(3, y.dims(), &device).detach()).sum().backward();
    let of = |gradient: Option<TensorData>| gradient.map_or(vec![], |data| data.try_into_vec().unwrap());
    [
        y.into_data().try_into_vec().unwrap(),
        of(a.grad(&gradients).map(Tensor::into_data)),
        of(b.grad(&gradients).map(Tensor::into_data)),
        of(c.grad(&gradients).map(Tensor::into_data)),
    ]
}

fn input<const D: usize>(row: u32, shape: [usize; D], device: &Device) -> Tensor<D> {
    let data = TensorData::new(numbers(row, shape.iter().product()), shape);
    Tensor::from_data(data, device).require_grad()
}

/// Fails unless every GPU gives the processor's results and gradients.
fn agree<const A: usize, const B: usize, const C: usize, const Y: usize>(
    what: &str,
    shapes: ([usize; A], [usize; B], [usize; C]),
    function: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<Y>,
) {
    let expected = results(&Device::flex(), shapes, &function);
    for gpu in gpus() {
        let actual = results(&gpu, shapes, &function);
        for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
            let (tolerance, part) =
                if i == 0 { (FORWARD, "result".to_owned()) } else { (GRADIENT, format!("gradient {i}")) };
            assert_eq!(actual.len(), expected.len(), "{what}, {part}");
            let scale = expected.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
            let off = actual.iter().zip(expected).fold(0f32, |m, (a, e)| m.max((a - e).abs()));
            assert!(off <= tolerance * scale, "{what} on {gpu:?}, {part}: off by {off} at scale {scale}");
        }
    }
}

const ACTIVATIONS: [Activation; 3] = [Activation::Identity, Activation::Relu, Activation::Silu];

#[test]
fn convolutions_of_every_geometry_agree() {
    for (kernel, stride, before, after) in
        [(1, 1, 0, 0), (3, 1, 1, 1), (3, 2, 1, 1), (3, 2, 0, 1), (1, 2, 0, 0), (4, 2, 1, 1)]
    {
        for (inputs, outputs) in [(3, 32), (32, 32), (64, 16), (16, 1)] {
            let geometry = Geometry { stride, before, after, precision: Precision::F32 };
            let shapes = ([8, 16, 12, inputs], [outputs, inputs, kernel, kernel], [outputs]);
            agree(
                &format!("conv2d {inputs} to {outputs}, kernel {kernel}, {geometry:?}"),
                shapes,
                |x, w, b| layers::conv2d_with(x, w, b, geometry),
            );
        }
    }
}

#[test]
fn a_convolution_with_a_residual_agrees() {
    let geometry = Geometry { stride: 1, before: 1, after: 1, precision: Precision::F32 };
    agree("conv2d_add", ([4, 8, 8, 16], [32, 16, 3, 3], [4, 8, 8, 32]), |x, w, residual| {
        let bias = Tensor::zeros([32], &x.device());
        layers::conv2d_add_with(x, w, bias, residual, 0.7, geometry)
    });
}

#[test]
fn norms_agree() {
    for activation in ACTIVATIONS {
        let shapes = ([6, 8, 8, 32], [32], [32]);
        agree(&format!("batch norm {activation:?}"), shapes, |x, gamma, beta| {
            layers::batch_norm_train(x, gamma, beta, 1e-5, activation).0
        });
        agree(&format!("affine {activation:?}"), shapes, |x, gamma, beta| {
            layers::affine(x, gamma, beta, activation)
        });
        agree(&format!("group norm {activation:?}"), shapes, |x, gamma, beta| {
            layers::group_norm(x, gamma, beta, 8, 1e-6, activation)
        });
        agree(
            &format!("group norm an image {activation:?}"),
            ([6, 8, 8, 32], [6, 32], [6, 32]),
            |x, gamma, beta| layers::group_norm_per_image(x, gamma, beta, 8, 1e-6, activation),
        );
    }
}

#[test]
fn linear_layers_and_attention_agree() {
    agree("linear", ([64, 96], [96, 40], [40]), |x, w, b| layers::linear_with(x, w, b, Precision::F32));
    let shape = [4, 64, 32];
    agree("attention", (shape, shape, shape), |q, k, v| layers::attention(q, k, v, 0.2, Precision::F32));
}

#[test]
fn elementwise_layers_and_resampling_agree() {
    for activation in ACTIVATIONS {
        agree(&format!("{activation:?}"), ([4, 8, 8, 16], [1], [1]), |x, _, _| {
            layers::apply_activation(x, activation)
        });
    }
    let shape = [4, 8, 8, 16];
    agree("bias an image", (shape, [4, 16], [1]), |x, b, _| layers::add_bias_per_image(x, b));
    agree("scaled sum", (shape, shape, [1]), |a, b, _| layers::add_scaled(a, b, 0.5));
    agree("up-sampling", (shape, [1], [1]), |x, _, _| layers::upsample_nearest(x));
    agree("down-sampling", (shape, [1], [1]), |x, _, _| layers::downsample_mean(x));
    agree("global mean", (shape, [1], [1]), |x, _, _| layers::global_mean(x));
    agree("dropout", (shape, [1], [1]), |x, _, _| layers::dropout(x, 0.3, Key::new(7, 1, 0), Mode::Train));
}
