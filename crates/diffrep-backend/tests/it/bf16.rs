//! That a precision reaches every product, forward and backward.
use crate::support::{assert_close, device, normal, values};
use burn::tensor::{Device, Tensor};
use diffrep_backend::layers::{self, Geometry, Precision};

/// Result, then the gradients of three inputs, of a weighted sum.
fn results<const A: usize, const B: usize, const C: usize, const Y: usize>(
    inputs: (Tensor<A>, Tensor<B>, Tensor<C>),
    layer: impl Fn(Tensor<A>, Tensor<B>, Tensor<C>) -> Tensor<Y>,
    prepare: impl Fn(Tensor<Y>) -> Tensor<Y>,
) -> [Tensor<1>; 4] {
    let (a, b, c) = inputs;
    let y = layer(a.clone(), b.clone(), c.clone());
    let gradients = (y.clone() * prepare(normal(3, y.dims()).detach())).sum().backward();
    let flat = |t: Tensor<1>| t.inner();
    [
        flat(y.detach().flatten(0, Y - 1)),
        flat(Tensor::from_inner(a.grad(&gradients).unwrap()).flatten(0, A - 1)),
        flat(Tensor::from_inner(b.grad(&gradients).unwrap()).flatten(0, B - 1)),
        flat(Tensor::from_inner(c.grad(&gradients).unwrap()).flatten(0, C - 1)),
    ]
}

/// Multiples of ¼, which bf16 holds exactly.
fn quarters<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.mul_scalar(4.0).round().div_scalar(4.0).detach().require_grad()
}

fn conv(precision: Precision) -> impl Fn(Tensor<4>, Tensor<4>, Tensor<1>) -> Tensor<4> {
    let geometry = Geometry { stride: 2, before: 0, after: 1, precision };
    move |x, weight, bias| layers::conv2d_with(x, weight, bias, geometry)
}

fn linear(precision: Precision) -> impl Fn(Tensor<2>, Tensor<2>, Tensor<1>) -> Tensor<2> {
    move |x, weight, bias| layers::linear_with(x, weight, bias, precision)
}

fn attention(precision: Precision) -> impl Fn(Tensor<3>, Tensor<3>, Tensor<3>) -> Tensor<3> {
    move |q, k, v| layers::attention(q, k, v, 0.3, precision)
}

#[test]
fn operands_that_bf16_holds_give_what_f32_gives() {
    let check = |what: &str, [f32, bf16]: [[Tensor<1>; 4]; 2]| {
        f32.into_iter().zip(bf16).for_each(|(f32, bf16)| assert_close(bf16, f32, 1e-5, what));
    };
    let inputs = (normal(0, [2, 7, 6, 5]), normal(1, [9, 5, 3, 3]), normal(2, [9]));
    let inputs = (quarters(inputs.0), quarters(inputs.1), quarters(inputs.2));
    check("conv2d", Precision::ALL.map(|p| results(inputs.clone(), conv(p), quarters)));
    let inputs = (quarters(normal(0, [11, 5])), quarters(normal(1, [5, 7])), quarters(normal(2, [7])));
    check("linear", Precision::ALL.map(|p| results(inputs.clone(), linear(p), quarters)));
}

#[test]
fn operands_are_rounded_in_every_pass() {
    let check = |what: &str, rounded: &[usize], [f32, bf16]: [[Tensor<1>; 4]; 2]| {
        for &i in rounded {
            let (f32, bf16) = (values(f32[i].clone()), values(bf16[i].clone()));
            let size = f32.iter().fold(0f32, |m, v| m.max(v.abs()));
            let distance = f32.iter().zip(&bf16).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
            assert!((2e-4..3e-2).contains(&(distance / size)), "{what}, result {i}: {distance} of {size}");
        }
    };
    // The bias and its gradient are never multiplied.
    let inputs = (normal(0, [2, 7, 6, 5]), normal(1, [9, 5, 3, 3]), normal(2, [9]));
    check("conv2d", &[0, 1, 2], Precision::ALL.map(|p| results(inputs.clone(), conv(p), |w| w)));
    let inputs = (normal(0, [11, 5]), normal(1, [5, 7]), normal(2, [7]));
    check("linear", &[0, 1, 2], Precision::ALL.map(|p| results(inputs.clone(), linear(p), |w| w)));
    let inputs = (normal(0, [2, 9, 5]), normal(1, [2, 9, 5]), normal(2, [2, 9, 5]));
    check("attention", &[0, 1, 2, 3], Precision::ALL.map(|p| results(inputs.clone(), attention(p), |w| w)));
}

#[test]
fn the_processor_supports_both_precisions() {
    for device in [device(), Device::flex()] {
        assert!(Precision::ALL.iter().all(|&precision| layers::supports(&device, precision)));
    }
}
