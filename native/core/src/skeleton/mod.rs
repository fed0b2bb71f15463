//! The skeleton: what is left of a checkpoint when its arrays are cut out, and how the file is put
//! together again. Specification: `docs/format/skeleton.md`.

mod container;
mod plan;
mod varint;

pub use container::{Array, Container, Piece, Segment, ZipRecord, ZipTemplate};
pub use plan::{Late, Part, Plan};
