//! HDF5 files: where the values of their datasets are.
//!
//! In: a range of a source that holds a file as h5py writes it by default: superblock, groups as symbol
//! tables or lists of links, object headers of both versions, datasets that are compact, contiguous or in
//! chunks under a B-tree of version 1. Out: the datasets by their paths, with types, shapes and positions,
//! and the attributes of the root group. No values are read.
//!
//! Every block of the file has one meaning: blocks that overlap, so also trees and groups that lead back
//! to themselves, are refused. So is what is damaged, and what needs structures of newer versions: dense
//! groups (fractal heaps), chunk indexes of layout version 4. Links to other paths and files are named,
//! not followed. A dataset whose type, filter or storage is unknown is reported with a reason.
//! Specification: HDF5 File Format Specification, version 3.0, and `H5O*.c`, `H5B.c` where it is silent.

mod attribute;
mod btree;
mod checksum;
mod chunks;
mod dataset;
mod dataspace;
mod datatype;
mod file;
mod group;
mod heap;
mod object;
mod superblock;
mod walk;

pub use dataset::{Dataset, Found};
pub use superblock::find;
pub use walk::{Contents, Named, read};

use crate::bytes::Refusal;

fn refuse<T>(rule: impl std::fmt::Display) -> Result<T, Refusal> {
    Err(Refusal::new(format!("hdf5: {rule}")))
}
