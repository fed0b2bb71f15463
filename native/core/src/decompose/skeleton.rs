//! A skeleton's container, stored: a `uint8` array, in chunks.

use super::scratch::Scratch;
use crate::Result;
use crate::cancel::Cancel;
use crate::object::ObjectWriter;
use crate::record::Skeleton;
use crate::tensor::{Dtype, Hash, tensor_hash};
use crate::zarr::{StoredArray, array_json};

/// The hash of a container.
pub(super) fn skeleton_hash(bytes: &[u8]) -> Hash {
    tensor_hash(Dtype::UInt8, &[bytes.len() as u64], bytes)
}

/// Stores a container; its record.
///
/// # Errors
/// When an object cannot be written; [`Error::Cancelled`](crate::Error::Cancelled).
pub(super) fn store_skeleton(
    bytes: &[u8],
    writer: &ObjectWriter,
    cancel: &Cancel,
) -> Result<Skeleton> {
    let size = bytes.len() as u64;
    let hash = skeleton_hash(bytes);
    let stored = StoredArray::skeleton(size)?;
    let grid = stored.grid();
    let mut scratch = Scratch::new()?;
    let mut chunks = Vec::new();
    for chunk in 0..grid.count() {
        cancel.check()?;
        let range = grid.range(chunk);
        scratch.raw.clear();
        scratch
            .raw
            .extend_from_slice(&bytes[range.start as usize..range.end as usize]);
        scratch.raw.resize(grid.chunk_bytes(), 0);
        chunks.push(scratch.store(writer, &stored)?);
    }
    let meta = array_json(&stored, "", &hash, &stored.zero_fill())?;
    Ok(Skeleton {
        size,
        hash,
        chunks,
        meta: writer.write(&meta)?,
    })
}
