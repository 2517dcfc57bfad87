//! Flex tensors as slices, and results in recycled memory.
use burn::backend::TensorMetadata;
use burn::backend::flex::{FlexTensor, Layout};
use burn::tensor::{DType, Shape};
use burn_std::{AccessError, AccessPolicy, AllocationController, AllocationProperty, Bytes};
use diffrep_kernels::Buffer;
use std::mem::MaybeUninit;

/// A contiguous f32 tensor.
pub(crate) struct Contiguous(FlexTensor);

impl Contiguous {
    /// `tensor`, copied only if it is strided. The layer functions send no other type of number here.
    pub(crate) fn new(tensor: &FlexTensor) -> Self {
        debug_assert_eq!(tensor.dtype(), DType::F32);
        Self(if tensor.is_contiguous() { tensor.clone() } else { tensor.to_contiguous() })
    }

    pub(crate) fn data(&self) -> &[f32] {
        self.0.as_slice().expect("the layer functions pass only f32, and it was made contiguous")
    }
}

/// Sizes of a tensor of rank `D`.
pub(crate) fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    tensor.shape().dims()
}

/// A new tensor that `fill` writes completely.
pub(crate) fn output(shape: impl Into<Shape>, fill: impl FnOnce(&mut [f32])) -> FlexTensor {
    let shape = shape.into();
    let mut buffer = Buffer::new(shape.num_elements());
    fill(&mut buffer);
    let len = size_of_val(&buffer[..]);
    // SAFETY: all `len` bytes of the buffer are initialised f32.
    let bytes = unsafe { Bytes::from_controller(Box::new(Recycled(buffer)), len) };
    FlexTensor::new(bytes, Layout::contiguous(shape), DType::F32)
}

/// A tensor of rank one.
pub(crate) fn vector(values: Vec<f32>) -> FlexTensor {
    let shape = Shape::from([values.len()]);
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape), DType::F32)
}

/// Burn's view of a buffer: the memory returns to the kernels' pool when the tensor is dropped.
struct Recycled(Buffer);

impl AllocationController for Recycled {
    fn alloc_align(&self) -> usize {
        Buffer::ALIGNMENT
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self, _: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let len = size_of_val(&self.0[..]);
        // SAFETY: the buffer's bytes, for as long as it is borrowed; the caller writes only initialised ones.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), len) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        let len = size_of_val(&self.0[..]);
        // SAFETY: the buffer's bytes, for as long as it is borrowed.
        Ok(unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), len) })
    }
}
