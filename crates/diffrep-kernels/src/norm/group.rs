//! Group norm: statistics of each image and group of neighbouring channels (Wu and He, 2018).
use super::{Moments, data_gradient, fold, rows};
use crate::activation::Activation;
use crate::parallel;

/// Sizes and constants of a group norm over `[images, pixels, channels]`.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Images.
    pub images: usize,
    /// Channels of a pixel; a multiple of `groups`.
    pub channels: usize,
    /// Groups of neighbouring channels.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

impl Shape {
    fn per_group(&self) -> usize {
        self.channels / self.groups
    }

    /// Length of one image of `all` numbers.
    fn image(&self, all: usize) -> usize {
        let (images, channels, groups) = (self.images, self.channels, self.groups);
        assert!(
            groups > 0 && channels > 0 && channels.is_multiple_of(groups),
            "{groups} groups of {channels}"
        );
        assert!(images > 0 && all > 0 && all.is_multiple_of(images * channels), "{all} numbers for {self:?}");
        all / images
    }

    /// True if `parameter` has one number a channel, or one for each channel of each image.
    fn fits(&self, parameter: &[f32]) -> bool {
        [self.channels, self.images * self.channels].contains(&parameter.len())
    }

    /// The parameters that hold for an image.
    fn of_image<'a>(&self, parameter: &'a [f32], image: usize) -> &'a [f32] {
        match parameter.len() == self.channels {
            true => parameter,
            false => &parameter[image * self.channels..][..self.channels],
        }
    }

    /// `(scale, shift)` for the channels of an image whose groups have these means and inverse roots.
    fn fold(&self, gamma: &[f32], beta: &[f32], mean: &[f32], inverse: &[f32]) -> (Vec<f32>, Vec<f32>) {
        (0..self.channels)
            .map(|c| {
                let group = c / self.per_group();
                fold(gamma[c], beta[c], mean[group], f64::from(inverse[group]))
            })
            .unzip()
    }
}

/// What the backward pass needs: `[images, groups]` each.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Means.
    pub mean: Vec<f32>,
    /// `1/√(variance + ε)`.
    pub inverse_root: Vec<f32>,
}

/// `y = activation(γ (x − mean)/√(variance + ε) + β)`; γ and β are `[channels]`, or `[images, channels]`.
///
/// # Panics
/// If a length doesn't match the shape, or `x` is empty.
pub fn forward(
    shape: &Shape,
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    activation: Activation,
    y: &mut [f32],
) -> Statistics {
    let image = shape.image(x.len());
    assert!(y.len() == x.len() && shape.fits(gamma) && shape.fits(beta));
    let groups = shape.groups;
    let mut mean = vec![0.0; shape.images * groups];
    let mut inverse_root = mean.clone();
    let statistics = mean.chunks_exact_mut(groups).zip(inverse_root.chunks_exact_mut(groups));
    let tasks = y.chunks_exact_mut(image).zip(statistics).collect();
    parallel::for_each(tasks, |i, (y, (mean, inverse))| {
        let x = &x[i * image..][..image];
        image_statistics(shape, x, mean, inverse);
        let (gamma, beta) = (shape.of_image(gamma, i), shape.of_image(beta, i));
        let (scale, shift) = shape.fold(gamma, beta, mean, inverse);
        rows::affine(x, &scale, &shift, activation, y);
    });
    Statistics { mean, inverse_root }
}

fn image_statistics(shape: &Shape, x: &[f32], mean: &mut [f32], inverse: &mut [f32]) {
    let (mut sum, mut squares) = (vec![0.0; shape.channels], vec![0.0; shape.channels]);
    rows::shifted_sums(x, &mut sum, &mut squares);
    let width = shape.per_group();
    for (group, (mean, inverse)) in mean.iter_mut().zip(inverse).enumerate() {
        let moments = (group * width..(group + 1) * width)
            .map(|c| Moments::from_sums(x.len() / shape.channels, x[c], sum[c], squares[c]))
            .fold(Moments::default(), Moments::merge);
        *mean = moments.mean as f32;
        *inverse = (1.0 / (moments.variance() + shape.epsilon).sqrt()) as f32;
    }
}

/// Gradients of data (into `dx`), γ and β, these in the shape of γ.
///
/// # Panics
/// If a length doesn't match the shape, or `x` is empty.
#[expect(clippy::too_many_arguments, reason = "the arguments of the forward pass, and gradients")]
pub fn backward(
    shape: &Shape,
    x: &[f32],
    gy: &[f32],
    gamma: &[f32],
    beta: &[f32],
    statistics: &Statistics,
    activation: Activation,
    dx: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let image = shape.image(x.len());
    let (channels, groups, width) = (shape.channels, shape.groups, shape.per_group());
    assert!(gy.len() == x.len() && dx.len() == x.len() && shape.fits(gamma) && gamma.len() == beta.len());
    let count = (image / groups) as f64;
    // Of each image: Σ g and Σ g (x − mean), for every channel.
    let mut sums = vec![(vec![0.0f32; channels], vec![0.0f32; channels]); shape.images];
    let tasks = dx.chunks_exact_mut(image).zip(&mut sums).collect();
    parallel::for_each(tasks, |i, (dx, (sum, product))| {
        let (x, gy) = (&x[i * image..][..image], &gy[i * image..][..image]);
        let mean = &statistics.mean[i * groups..][..groups];
        let inverse = &statistics.inverse_root[i * groups..][..groups];
        let (gamma, beta) = (shape.of_image(gamma, i), shape.of_image(beta, i));
        let (scale, shift) = shape.fold(gamma, beta, mean, inverse);
        let centre: Vec<f32> = (0..channels).map(|c| mean[c / width]).collect();
        // An image stays in the second-level cache, so three simple passes beat evaluating the activation twice.
        rows::activation_gradient(x, gy, &scale, &shift, activation, dx);
        rows::gradient_sums(x, dx, &scale, &shift, &centre, Activation::Identity, sum, product);
        let (mut x_factor, mut constant) = (vec![0.0; channels], vec![0.0; channels]);
        for group in 0..groups {
            let range = group * width..(group + 1) * width;
            let total =
                |sums: &[f32]| range.clone().map(|c| f64::from(gamma[c]) * f64::from(sums[c])).sum::<f64>();
            let (factor, rest) =
                data_gradient(total(sum), total(product), count, mean[group], f64::from(inverse[group]));
            x_factor[range.clone()].fill(factor);
            constant[range].fill(rest);
        }
        rows::data_gradient(x, None, &scale, &shift, &x_factor, &constant, Activation::Identity, dx);
    });
    let images_a_parameter = if gamma.len() == channels { shape.images } else { 1 };
    let (mut dgamma, mut dbeta) = (vec![0.0; gamma.len()], vec![0.0; gamma.len()]);
    for (place, (dgamma, dbeta)) in dgamma.iter_mut().zip(&mut dbeta).enumerate() {
        let (first, c) = (place / channels, place % channels);
        let images = first..first + images_a_parameter;
        let inverse = |i: usize| f64::from(statistics.inverse_root[i * groups + c / width]);
        *dgamma = images.clone().map(|i| f64::from(sums[i].1[c]) * inverse(i)).sum::<f64>() as f32;
        *dbeta = images.map(|i| f64::from(sums[i].0[c])).sum::<f64>() as f32;
    }
    (dgamma, dbeta)
}
