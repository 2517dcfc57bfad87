//! Changes of an image's size.
use super::Gradient;
use super::storage::{Contiguous, dims, output};
use burn::backend::flex::FlexTensor;
use diffrep_kernels::{columns, resample};

/// Each pixel becomes a block of 2×2, times `factor`.
pub(crate) fn double(x: &FlexTensor, factor: f32) -> FlexTensor {
    let [n, h, w, c] = dims(x);
    let x = Contiguous::new(x);
    output([n, 2 * h, 2 * w, c], |y| resample::double(x.data(), n, h, w, factor, y))
}

/// Each block of 2×2 pixels becomes their sum times `factor`.
pub(crate) fn halve(x: &FlexTensor, factor: f32) -> FlexTensor {
    let [n, h, w, c] = dims(x);
    let x = Contiguous::new(x);
    output([n, h / 2, w / 2, c], |y| resample::halve(x.data(), n, h, w, factor, y))
}

/// For the gradient of x of [`double`] with factor 1.
#[derive(Clone, Debug)]
pub(crate) struct DoubleGradient;

impl Gradient<1> for DoubleGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(halve(&gy, 1.0))]
    }
}

/// For the gradient of x of [`halve`] with factor ¼.
#[derive(Clone, Debug)]
pub(crate) struct HalveGradient;

impl Gradient<1> for HalveGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(double(&gy, 0.25))]
    }
}

/// Mean over rows and columns.
pub(crate) fn global_mean(x: &FlexTensor) -> FlexTensor {
    let [n, h, w, c] = dims(x);
    let x = Contiguous::new(x);
    output([n, c], |y| columns::sum_pixels(x.data(), n, 1.0 / (h * w) as f32, y))
}

/// For the gradient of x, whose shape it keeps.
#[derive(Clone, Debug)]
pub(crate) struct GlobalMeanGradient {
    pub(crate) shape: [usize; 4],
}

impl Gradient<1> for GlobalMeanGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let [n, h, w, _] = self.shape;
        let gy = Contiguous::new(&gy);
        [Some(output(self.shape, |dx| columns::spread_pixels(gy.data(), n, 1.0 / (h * w) as f32, dx)))]
    }
}
