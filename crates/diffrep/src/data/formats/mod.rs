//! The file formats that data sets come in.
pub(crate) mod arrays;
pub(crate) mod cifar;
pub(crate) mod idx;
mod stream;

pub(crate) use stream::prefix;
