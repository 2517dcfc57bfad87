//! Files that are either there, whole and on the disk, or not there.
mod part_file;
mod sync;

pub use part_file::PartFile;
pub(crate) use sync::{sync_folder, sync_parent, write_synced};
