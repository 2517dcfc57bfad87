//! The kernels behind the layer functions against the same functions out of Burn's operations.
use crate::support::{assert_close, assert_close_sums, normal, values};
use burn::module::Param;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig};
use burn::tensor::{Gradients, Tensor};
use diffrep_backend::generic;
use diffrep_backend::layers::{self, Activation, Geometry, GroupNorm, Mode, Padding, Precision};
use diffrep_kernels::random::Key;
use proptest::prelude::*;

const FORWARD: f32 = 1e-5;
const GRADIENT: f32 = 1e-4;

/// Compares results and the gradients of a weighted sum of them with respect to three inputs.
fn compare<const A: usize, const B: usize, const C: usize, const Y: usize>(
    what: &str,
    shapes: ([usize; A], [usize; B], [usize; C]),
    fast: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<Y>,
    slow: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<Y>,
) {
    let (a, b, c) = (normal(0, shapes.0), normal(1, shapes.1), normal(2, shapes.2));
    let (y, expected) = (fast(a.clone(), b.clone(), c.clone()), slow(a.clone(), b.clone(), c.clone()));
    let weights = normal(3, y.dims()).detach();
    assert_close(y.clone(), expected.clone(), FORWARD, what);
    let results = y.dims().iter().product();
    let (g, g_expected) = ((y * weights.clone()).sum().backward(), (expected * weights).sum().backward());
    gradients_agree(&a, &g, &g_expected, results, &format!("gradient of the first input of {what}"));
    gradients_agree(&b, &g, &g_expected, results, &format!("gradient of the second input of {what}"));
    gradients_agree(&c, &g, &g_expected, results, &format!("gradient of the third input of {what}"));
}

/// Compares two passes' gradients of an input whose elements each take part in their share of so many results.
fn gradients_agree<const D: usize>(
    input: &Tensor<D>,
    actual: &Gradients,
    expected: &Gradients,
    results: usize,
    what: &str,
) {
    let terms = results.div_ceil(input.shape().num_elements());
    assert_close_sums(input.grad(actual).unwrap(), input.grad(expected).unwrap(), GRADIENT, terms, what);
}

fn conv_layer(weight: Tensor<4>, bias: Tensor<1>, stride: usize) -> Conv2d {
    let [outputs, inputs, kernel, _] = weight.dims();
    let config = Conv2dConfig::new([inputs, outputs], [kernel; 2]).with_stride([stride; 2]);
    let mut layer = config.init(&weight.device());
    layer.weight = Param::from_tensor(weight);
    layer.bias = Some(Param::from_tensor(bias));
    layer
}

fn check_conv(
    n: usize,
    h: usize,
    w: usize,
    inputs: usize,
    outputs: usize,
    kernel: usize,
    geometry: Geometry,
) {
    compare(
        &format!("conv2d {n}x{h}x{w}x{inputs} to {outputs}, kernel {kernel}, {geometry:?}"),
        ([n, h, w, inputs], [outputs, inputs, kernel, kernel], [outputs]),
        |x, weight, bias| layers::conv2d_with(x, weight, bias, geometry),
        |x, weight, bias| generic::conv2d(x, weight, bias, geometry),
    );
}

const ACTIVATIONS: [Activation; 3] = [Activation::Identity, Activation::Relu, Activation::Silu];

fn activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(&ACTIVATIONS[..])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn convolutions_agree(
        n in 1usize..10, h in 1usize..12, w in 1usize..20, inputs in 1usize..21, outputs in 1usize..36,
        kernel in 1usize..4, stride in 1usize..3, before in 0usize..2, after in 0usize..2,
    ) {
        prop_assume!(h.min(w) + before + after >= kernel);
        check_conv(n, h, w, inputs, outputs, kernel, Geometry { stride, before, after, precision: Precision::F32 });
    }

    #[test]
    fn convolutions_with_a_residual_agree(
        n in 1usize..6, h in 1usize..9, w in 1usize..9, inputs in 1usize..21, outputs in 1usize..36,
        stride in 1usize..3, scale in 0.3f64..1.5,
    ) {
        let geometry = Geometry { stride, before: 1, after: 1, precision: Precision::F32 };
        let (bias, shape) = (normal(5, [outputs]).detach(), [n, h.div_ceil(stride), w.div_ceil(stride), outputs]);
        compare(
            &format!("conv2d_add {n}x{h}x{w}x{inputs} to {outputs}, {geometry:?}"),
            ([n, h, w, inputs], [outputs, inputs, 3, 3], shape),
            |x, weight, residual| layers::conv2d_add_with(x, weight, bias.clone(), residual, scale, geometry),
            |x, weight, residual| generic::add_scaled(
                generic::conv2d(x, weight, bias.clone(), geometry), residual, scale),
        );
    }

    #[test]
    fn normed_convolutions_agree(
        n in 1usize..6, h in 1usize..9, w in 1usize..9, inputs in 1usize..21, outputs in 1usize..36,
        activation in activation(),
    ) {
        let geometry = Geometry { stride: 1, before: 1, after: 1, precision: Precision::F32 };
        let [x, weight] = [normal(0, [n, h, w, inputs]), normal(1, [outputs, inputs, 3, 3])];
        let before = (normal(2, [inputs]), normal(3, [inputs]));
        let after = (normal(4, [outputs]), normal(5, [n, outputs]));
        let call = |x: Tensor<4>, weight: Tensor<4>| {
            layers::normed_conv2d_with(x, weight, (before.clone(), after.clone()), geometry, activation)
        };
        let slow = generic::normed_conv2d(
            x.clone(), weight.clone(), before.clone(), after.clone(), geometry, activation);
        let what = format!("normed conv2d {n}x{h}x{w}x{inputs} to {outputs}, {activation:?}");
        // Differentiable tensors go through separate passes, plain ones through one.
        assert_close(call(x.clone(), weight.clone()), slow.clone(), FORWARD, &what);
        let plain = |x: Tensor<4>| x.inner();
        let fast = layers::normed_conv2d_with(
            plain(x), plain(weight),
            ((before.0.inner(), before.1.inner()), (after.0.inner(), after.1.inner())), geometry, activation);
        assert_close(fast, slow.inner(), FORWARD, &what);
    }

    #[test]
    fn batch_norms_agree(
        n in 1usize..9, h in 1usize..9, w in 1usize..9, c in 1usize..40, activation in activation(),
    ) {
        // With fewer rows, gradients of the data vanish and only rounding remains.
        prop_assume!(n * h * w >= 4);
        let shapes = ([n, h, w, c], [c], [c]);
        let train = |fast: bool| move |x, gamma, beta| {
            let call = if fast { layers::batch_norm_train } else { generic::batch_norm_train };
            call(x, gamma, beta, 1e-5, activation).0
        };
        compare(&format!("batch norm {shapes:?} {activation:?}"), shapes, train(true), train(false));
        compare(
            &format!("affine {shapes:?} {activation:?}"),
            shapes,
            |x, scale, shift| layers::affine(x, scale, shift, activation),
            |x, scale, shift| generic::affine(x, scale, shift, activation),
        );
    }

    #[test]
    fn linear_layers_agree(rows in 1usize..80, inputs in 1usize..40, outputs in 1usize..40) {
        compare(
            &format!("linear {rows}x{inputs} to {outputs}"),
            ([rows, inputs], [inputs, outputs], [outputs]),
            |x, weight, bias| layers::linear_with(x, weight, bias, Precision::F32),
            generic::linear,
        );
    }

    #[test]
    fn attentions_agree(n in 1usize..4, positions in 2usize..60, c in 1usize..40) {
        compare(
            &format!("attention {n}x{positions}x{c}"),
            ([n, positions, c], [n, positions, c], [n, positions, c]),
            |q, k, v| layers::attention(q, k, v, 0.2, Precision::F32),
            |q, k, v| generic::attention(q, k, v, 0.2),
        );
    }

    #[test]
    fn the_parts_of_a_residual_block_agree(
        n in 1usize..6, h in 1usize..5, w in 1usize..5, c in 1usize..40, rate in 0.0f64..0.9,
        activation in activation(),
    ) {
        let key = Key::new(9, 8, 7);
        let x = [n, 2 * h, 2 * w, c];
        compare(
            &format!("residual block {x:?}, rate {rate}, {activation:?}"),
            (x, [n, c], [n, h, w, c]),
            |x, bias, small| {
                let x = layers::apply_activation(layers::add_bias_per_image(x, bias), activation);
                let x = layers::dropout(x, rate, key, Mode::Train);
                let sum = layers::add_scaled(x, layers::upsample_nearest(small), 0.7);
                let plain = layers::add_scaled(sum.clone(), sum.clone(), 1.0);
                layers::add_bias_per_image(layers::downsample_mean(plain), layers::global_mean(sum))
            },
            |x, bias, small| {
                let x = generic::apply_activation(generic::add_bias_per_image(x, bias), activation);
                let x = generic::dropout(x, rate, key);
                let sum = generic::add_scaled(x, generic::upsample_nearest(small), 0.7);
                let plain = generic::add_scaled(sum.clone(), sum.clone(), 1.0);
                generic::add_bias_per_image(generic::downsample_mean(plain), generic::global_mean(sum))
            },
        );
    }

    #[test]
    fn group_norms_agree(
        n in 1usize..9, h in 1usize..9, w in 1usize..9, groups in 1usize..5, width in 1usize..12,
        activation in activation(),
    ) {
        prop_assume!(h * w * width >= 4);
        let c = groups * width;
        let norm = GroupNorm { groups, epsilon: 1e-6, activation };
        compare(
            &format!("group norm {n}x{h}x{w}x{c} {norm:?}"),
            ([n, h, w, c], [c], [c]),
            |x, gamma, beta| layers::group_norm(x, gamma, beta, groups, 1e-6, activation),
            |x, gamma, beta| generic::group_norm(x, gamma, beta, norm),
        );
        compare(
            &format!("group norm an image {n}x{h}x{w}x{c} {norm:?}"),
            ([n, h, w, c], [n, c], [n, c]),
            |x, gamma, beta| layers::group_norm_per_image(x, gamma, beta, groups, 1e-6, activation),
            |x, gamma, beta| generic::group_norm_per_image(x, gamma, beta, norm),
        );
    }
}

#[test]
fn a_layer_is_convolved_with_its_own_stride_and_bias() {
    let (x, weight, bias) = (normal(0, [2, 9, 9, 5]), normal(1, [7, 5, 3, 3]), normal(2, [7]));
    let layer = conv_layer(weight.clone(), bias.clone(), 2);
    let geometry = Geometry { stride: 2, before: 0, after: 1, precision: Precision::F32 };
    let expected = generic::conv2d(x.clone(), weight.clone(), bias, geometry);
    assert_close(
        layers::conv2d(x.clone(), &layer, Padding { before: 0, after: 1 }, Precision::F32),
        expected,
        FORWARD,
        "with bias",
    );
    let layer = Conv2d { bias: None, ..layer };
    let expected = generic::conv2d(x.clone(), weight, Tensor::zeros([7], &x.device()), geometry);
    assert_close(
        layers::conv2d(x, &layer, Padding { before: 0, after: 1 }, Precision::F32),
        expected,
        FORWARD,
        "without bias",
    );
}

#[test]
fn batch_norm_keeps_running_statistics_like_pytorch() {
    let norm: BatchNorm = BatchNormConfig::new(3).init(&crate::support::device());
    let x = normal(0, [4, 3, 5, 3]).detach();
    let rows = x.clone().reshape([60, 3]);
    let _ = layers::batch_norm(x.clone(), &norm, Activation::Identity, Mode::Train);
    let mean = rows.clone().mean_dim(0).reshape([3]) * 0.1;
    // `var` is the unbiased one, as PyTorch's running variance.
    let variance = rows.var(0).reshape([3]) * 0.1 + 0.9;
    assert_close(norm.running_mean.value(), mean.clone(), 1e-5, "running mean");
    assert_close(norm.running_var.value(), variance.clone(), 1e-5, "running variance");
    let y = layers::batch_norm(x.clone(), &norm, Activation::Identity, Mode::Eval);
    let c = |t: Tensor<1>| t.reshape([1, 1, 1, 3]);
    assert_close(y, (x - c(mean)) / c((variance + 1e-5).sqrt()), 1e-5, "evaluation");
}

#[test]
fn strided_inputs_give_what_contiguous_ones_give() {
    let (x, weight, bias) = (normal(0, [2, 5, 6, 4]), normal(1, [3, 4, 3, 3]), normal(2, [3]));
    let geometry = Geometry { stride: 1, before: 1, after: 1, precision: Precision::F32 };
    let swapped =
        layers::conv2d_with(x.clone().permute([0, 2, 1, 3]), weight.clone(), bias.clone(), geometry);
    let expected = generic::conv2d(x.permute([0, 2, 1, 3]), weight, bias, geometry);
    assert_close(swapped, expected, FORWARD, "a transposed image");
}

#[test]
fn dropout_is_off_in_evaluation_and_the_same_bits_as_the_generic_one() {
    let (x, key) = (normal(0, [3, 5, 7]), Key::new(1, 2, 3));
    let same = |a: Tensor<3>, b: Tensor<3>| assert_eq!(values(a), values(b));
    same(layers::dropout(x.clone(), 0.3, key, Mode::Eval), x.clone());
    same(layers::dropout(x.clone(), 0.3, key, Mode::Train), generic::dropout(x, 0.3, key));
}

#[test]
fn one_tracked_input_is_enough_for_its_gradient() {
    let (x, weight, bias) =
        (normal(0, [2, 5, 5, 3]).detach(), normal(1, [4, 3, 3, 3]), normal(2, [4]).detach());
    let geometry = Geometry { stride: 1, before: 1, after: 1, precision: Precision::F32 };
    let gradient = |y: Tensor<4>| weight.grad(&y.sum().backward()).unwrap();
    let fast = gradient(layers::conv2d_with(x.clone(), weight.clone(), bias.clone(), geometry));
    let slow = gradient(generic::conv2d(x, weight.clone(), bias, geometry));
    assert_close(fast, slow, GRADIENT, "gradient of the weight alone");
}

#[test]
fn a_plain_device_computes_what_a_differentiable_one_does() {
    let (x, weight, bias) = (normal(0, [2, 5, 5, 3]), normal(1, [4, 3, 3, 3]), normal(2, [4]));
    let geometry = Geometry { stride: 1, before: 1, after: 1, precision: Precision::F32 };
    let layer = |x: Tensor<4>, w: Tensor<4>, b: Tensor<1>| {
        layers::apply_activation(layers::conv2d_with(x, w, b, geometry), Activation::Silu)
    };
    let plain = layer(x.clone().inner(), weight.clone().inner(), bias.clone().inner());
    assert_eq!(values(plain), values(layer(x, weight, bias)));
}
