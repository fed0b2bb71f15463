//! Arrays as Zarr v3 stores them: a tensor's memory in, `zarr.json` and chunks out, and back.
//!
//! [`StoredArray`] says in which Zarr type, shape and order a tensor, a shared storage or the skeleton
//! is held; its [`Grid`] cuts the memory into chunks, each a contiguous range; [`crate::codec`] makes
//! an object of each. [`array_json`] and [`group_json`] write the metadata, in one way only, and
//! [`ArrayMetadata::parse`] takes nothing else. Specification: `docs/format/encoding.md`, and Zarr v3 core.

mod array;
mod constant;
mod fill;
mod grid;
mod metadata;
mod stored;

pub use array::{logical, read_array, write_array};
pub use constant::Constant;
pub use fill::Fill;
pub use grid::Grid;
pub use metadata::{ArrayMetadata, array_json, group_json};
pub use stored::{Kind, StoredArray};

use crate::Error;

/// The largest integer in files and manifests: what every JSON reader holds exactly.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// An array that contradicts the specification.
fn invalid(rule: impl Into<String>) -> Error {
    Error::invalid("array", rule)
}
