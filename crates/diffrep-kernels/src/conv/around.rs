//! What surrounds a convolution and is done while its operands are in the cache: normalisation with given statistics
//! and activation of the input, the same of the output, a residual addition.
use crate::activation::Activation;
use crate::simd::{Simd, vectorised};

/// `activation(x · scale + shift)` for each channel of the input, before zeros are put around it.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// Factor of each input channel.
    pub scale: &'a [f32],
    /// Summand of each input channel.
    pub shift: &'a [f32],
    /// What follows.
    pub activation: Activation,
}

/// `factor · (activation(y · scale + offset) + residual)` of the output y.
#[derive(Clone, Copy, Debug)]
pub struct After<'a> {
    /// Factor of each output channel and, for each image and output channel, a summand.
    pub affine: Option<(&'a [f32], &'a [f32])>,
    /// What follows.
    pub activation: Activation,
    /// As long as the output.
    pub residual: Option<&'a [f32]>,
    /// The factor of everything.
    pub factor: f32,
}

impl After<'_> {
    pub(super) fn check(&self, images: usize, channels: usize, len: usize) {
        let fits =
            |(scale, offset): (&[f32], &[f32])| scale.len() == channels && offset.len() == images * channels;
        assert!(self.affine.is_none_or(fits), "scale and offset of {images} images with {channels} channels");
        assert!(self.residual.is_none_or(|r| r.len() == len), "a residual of {len} numbers");
    }
}

/// [`After`] for some channels of one image, whose results still are in registers or in the nearest cache.
#[derive(Clone, Copy)]
pub(super) struct Finish {
    affine: Option<(*const f32, *const f32)>,
    activation: Activation,
    residual: Option<*const f32>,
    factor: f32,
}

impl Finish {
    /// What is done to channels from `channel` on of image `image`, the first of which is number `at` of the output.
    pub(super) fn new(after: &After, image: usize, channels: usize, channel: usize, at: usize) -> Self {
        let affine = after.affine.map(|(scale, offset)| {
            (scale[channel..].as_ptr(), offset[image * channels + channel..].as_ptr())
        });
        let residual = after.residual.map(|r| r[at..].as_ptr());
        Self { affine, activation: after.activation, residual, factor: after.factor }
    }

    /// # Safety
    /// `count` channels from `channel` on exist in scale and offset, and that many numbers from `at` on in the residual.
    #[inline(always)]
    pub(super) unsafe fn vector<S: Simd>(
        &self,
        s: S,
        v: S::Vector,
        channel: usize,
        at: usize,
        count: usize,
    ) -> S::Vector {
        let mut v = v;
        // SAFETY: see above.
        unsafe {
            if let Some((scale, offset)) = self.affine {
                let scale = s.load_part(scale.add(channel), count);
                v = s.mul_add(v, scale, s.load_part(offset.add(channel), count));
            }
            v = self.activation.apply(s, v);
            if let Some(residual) = self.residual {
                v = s.add(v, s.load_part(residual.add(at), count));
            }
        }
        s.mul(v, s.splat(self.factor))
    }
}

/// Applies `finish` to `width` channels of `pixels` pixels that lie `step` apart, the first at `out`.
///
/// # Safety
/// `width` numbers from every pixel on exist, and in what `finish` reads.
#[inline(always)]
pub(super) unsafe fn finish_line<S: Simd>(
    s: S,
    finish: &Finish,
    out: *mut f32,
    step: usize,
    pixels: usize,
    width: usize,
) {
    for at in (0..pixels).map(|pixel| pixel * step) {
        for channel in (0..width).step_by(S::LANES) {
            let count = (width - channel).min(S::LANES);
            // SAFETY: see above.
            unsafe {
                let to = out.add(at + channel);
                let v = finish.vector(s, s.load_part(to, count), channel, at + channel, count);
                s.store_part(to, v, count);
            }
        }
    }
}

/// Both for one run: the input's by rows.
#[derive(Default)]
pub(super) struct Around<'a> {
    pub(super) before: Option<Rows>,
    pub(super) after: Option<After<'a>>,
}

/// [`Before`] for whole rows of pixels: parameters repeat with every pixel.
pub(super) struct Rows {
    scale: Vec<f32>,
    shift: Vec<f32>,
    activation: Activation,
}

impl Rows {
    pub(super) fn new(before: &Before, width: usize) -> Self {
        Self {
            scale: before.scale.repeat(width),
            shift: before.shift.repeat(width),
            activation: before.activation,
        }
    }

    /// The first pixels of a row.
    pub(super) fn apply(&self, x: &[f32], out: &mut [f32]) {
        let len = x.len();
        activated_row(x, &self.scale[..len], &self.shift[..len], self.activation, out);
    }
}

vectorised! {
    fn activated_row(s, x: &[f32], scale: &[f32], shift: &[f32], activation: Activation, out: &mut [f32]) {
        let len = out.len();
        assert!([x.len(), scale.len(), shift.len()] == [len; 3]);
        for at in (0..len).step_by(S::LANES) {
            let count = (len - at).min(S::LANES);
            // SAFETY: all slices hold `count` numbers from `at` on.
            unsafe {
                let a = s.load_part(scale.as_ptr().add(at), count);
                let v = s.mul_add(s.load_part(x.as_ptr().add(at), count), a, s.load_part(shift.as_ptr().add(at), count));
                s.store_part(out.as_mut_ptr().add(at), activation.apply(s, v), count);
            }
        }
    }
}
