//! Positional reading: the only way in which this crate looks at a file.
//!
//! No memory mapping: mapped pages count as ours, and a file that shrinks would kill the process.
//! Around it, what every parser of untrusted bytes needs: a [`Cursor`] over a slice and a [`Reader`] over
//! a source, which cannot run past the end; [`Limits`] on what a file may make us hold; and [`Refusal`],
//! the way to say no.

mod counted;
mod cursor;
mod limits;
mod read_at;
mod reader;
mod refusal;
mod varint;

pub use counted::Counted;
pub use cursor::Cursor;
pub use limits::{Limits, MAX_INTEGER};
pub use read_at::{FileSource, ReadAt, SubSource};
pub use reader::Reader;
pub use refusal::{Parse, Refusal, read_vec, unless_refused};
pub use varint::varint;
