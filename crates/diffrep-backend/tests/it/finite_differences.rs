//! Gradients of every layer function against differences of its values.
use crate::support::{device, normal, numbers, values};
use burn::tensor::{Tensor, TensorData};
use diffrep_backend::layers::{self, Activation, Geometry, Mode, Precision};
use diffrep_kernels::random::Key;

/// Checks the derivative of a weighted sum of `layer(x)` in some random directions.
fn check<const X: usize, const Y: usize>(
    what: &str,
    shape: [usize; X],
    layer: impl Fn(Tensor<X>) -> Tensor<Y>,
) {
    let x = normal(0, shape);
    let y = layer(x.clone());
    let weights = numbers(1, y.shape().num_elements());
    let gradient = {
        let weights = Tensor::<Y>::from_data(TensorData::new(weights.clone(), y.dims()), &device());
        values(x.grad(&(y * weights).sum().backward()).expect("x is an input"))
    };
    let start = numbers(0, gradient.len());
    let value = |x: Vec<f32>| -> f64 {
        let y = values(layer(Tensor::from_data(TensorData::new(x, shape), &device())));
        y.iter().zip(&weights).map(|(y, w)| f64::from(*y) * f64::from(*w)).sum()
    };
    for direction in 2..5 {
        let direction = numbers(direction, gradient.len());
        let step = 2e-3f32;
        let moved = |by: f32| start.iter().zip(&direction).map(|(x, d)| x + by * d).collect();
        let difference = (value(moved(step)) - value(moved(-step))) / (2.0 * f64::from(step));
        let derivative: f64 =
            gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let size = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        assert!(
            (difference - derivative).abs() < 5e-3 * size,
            "{what}: {difference} and {derivative} of {size}"
        );
    }
}

#[test]
fn the_gradient_of_a_convolution() {
    let (weight, bias) = (normal(8, [6, 3, 3, 3]).detach(), normal(9, [6]).detach());
    let geometry = Geometry { stride: 2, before: 0, after: 1, precision: Precision::F32 };
    check("conv2d, x", [2, 6, 6, 3], |x| layers::conv2d_with(x, weight.clone(), bias.clone(), geometry));
    let x = normal(7, [2, 6, 6, 3]).detach();
    check("conv2d, weight", [6, 3, 3, 3], |w| layers::conv2d_with(x.clone(), w, bias.clone(), geometry));
    check("conv2d, bias", [6], |b| layers::conv2d_with(x.clone(), weight.clone(), b, geometry));
}

#[test]
fn the_gradients_of_the_norms() {
    let (x, gamma, beta) =
        (normal(7, [3, 4, 4, 6]).detach(), normal(8, [6]).detach(), normal(9, [6]).detach());
    let shape = [3, 4, 4, 6];
    // ReLU has a corner: differences across it are no derivatives.
    for activation in [Activation::Identity, Activation::Silu] {
        let batch = |x, g, b| layers::batch_norm_train(x, g, b, 1e-5, activation).0;
        check("batch norm, x", shape, |x| batch(x, gamma.clone(), beta.clone()));
        check("batch norm, gamma", [6], |g| batch(x.clone(), g, beta.clone()));
        check("batch norm, beta", [6], |b| batch(x.clone(), gamma.clone(), b));
        let group = |x, g, b| layers::group_norm(x, g, b, 3, 1e-6, activation);
        check("group norm, x", shape, |x| group(x, gamma.clone(), beta.clone()));
        check("group norm, gamma", [6], |g| group(x.clone(), g, beta.clone()));
        check("group norm, beta", [6], |b| group(x.clone(), gamma.clone(), b));
        let (own_gamma, own_beta) = (normal(5, [3, 6]).detach(), normal(6, [3, 6]).detach());
        let own = |x, g, b| layers::group_norm_per_image(x, g, b, 3, 1e-6, activation);
        check("group norm an image, x", shape, |x| own(x, own_gamma.clone(), own_beta.clone()));
        check("group norm an image, gamma", [3, 6], |g| own(x.clone(), g, own_beta.clone()));
        check("group norm an image, beta", [3, 6], |b| own(x.clone(), own_gamma.clone(), b));
        let affine = |x, a, b| layers::affine(x, a, b, activation);
        check("affine, x", shape, |x| affine(x, gamma.clone(), beta.clone()));
        check("affine, scale", [6], |a| affine(x.clone(), a, beta.clone()));
        check("affine, shift", [6], |b| affine(x.clone(), gamma.clone(), b));
    }
}

#[test]
fn the_gradients_of_linear_layers_and_attention() {
    let (x, weight, bias) = (normal(7, [5, 4]).detach(), normal(8, [4, 3]).detach(), normal(9, [3]).detach());
    check("linear, x", [5, 4], |x| layers::linear_with(x, weight.clone(), bias.clone(), Precision::F32));
    check("linear, weight", [4, 3], |w| layers::linear_with(x.clone(), w, bias.clone(), Precision::F32));
    check("linear, bias", [3], |b| layers::linear_with(x.clone(), weight.clone(), b, Precision::F32));
    let shape = [2, 9, 5];
    let (a, b) = (normal(7, shape).detach(), normal(8, shape).detach());
    check("attention, q", shape, |q| layers::attention(q, a.clone(), b.clone(), 0.4, Precision::F32));
    check("attention, k", shape, |k| layers::attention(a.clone(), k, b.clone(), 0.4, Precision::F32));
    check("attention, v", shape, |v| layers::attention(a.clone(), b.clone(), v, 0.4, Precision::F32));
}

#[test]
fn the_gradients_of_element_wise_functions_and_resampling() {
    let shape = [3, 4, 6, 5];
    let (other, bias) = (normal(7, shape).detach(), normal(8, [3, 5]).detach());
    check("silu", shape, |x| layers::apply_activation(x, Activation::Silu));
    check("first summand", shape, |x| layers::add_scaled(x, other.clone(), 0.7));
    check("second summand", shape, |x| layers::add_scaled(other.clone(), x, 0.7));
    check("biased", shape, |x| layers::add_bias_per_image(x, bias.clone()));
    check("bias", [3, 5], |b| layers::add_bias_per_image(other.clone(), b));
    check("dropout", shape, |x| layers::dropout(x, 0.3, Key::new(1, 2, 3), Mode::Train));
    check("upsample", shape, layers::upsample_nearest);
    check("downsample", shape, layers::downsample_mean);
    check("global mean", shape, layers::global_mean);
}
