//! Positional reading: the only way in which this crate looks at a file.
//!
//! No memory mapping: mapped pages count as ours, and a file that shrinks would kill the process.

mod read_at;

pub use read_at::{FileSource, ReadAt, SubSource};
