//! The skeleton: what is left of a checkpoint when its arrays are cut out, and how the file is put
//! together again. Specification: `docs/format/skeleton.md`.

mod container;
mod hollow;
mod plan;
mod varint;

/// The largest container that is written or read, in bytes: 256 MiB.
pub const MAX_CONTAINER: u64 = 256 << 20;

pub use container::{Array, Container, Piece, Segment, ZipRecord, ZipTemplate};
pub use hollow::Hollow;
pub use plan::{Late, Part, Plan};
