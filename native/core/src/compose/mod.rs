//! From the parts back to the file, or to a single tensor.
//!
//! In: a manifest and stores to find its objects in. Out: the bytes of the checkpoint, in order, or the
//! values of a tensor. Every object's SHA-256 and every array's hash is checked before its last byte
//! is given out. Refused: manifests whose lists contradict the grid, whose skeleton breaks a rule, and
//! damaged or missing objects, each by name.

mod array;
mod check;
mod file;
mod hollow;
mod stream;
mod tensor;

pub use check::{chunk_keys, verify};
pub use hollow::hollow;
pub use stream::Stream;
pub use tensor::read_tensor;
