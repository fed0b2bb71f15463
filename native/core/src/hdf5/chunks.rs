//! Datasets in chunks: what was done to them, and where they are.

use super::btree::{self, Over};
use super::file::File;
use super::object::{Message, Object, kind};
use crate::bytes::Parse;
use crate::layout::{Chunk, Filter};

/// The filters of a dataset, in the order in which the writer applied them; or why one is not known.
pub(super) fn filters(object: &Object) -> Parse<Result<Vec<Filter>, &'static str>> {
    let Some(message) = object.one(kind::FILTERS)? else {
        return Ok(Ok(Vec::new()));
    };
    if message.shared {
        return Ok(Err("its filters are in a shared message"));
    }
    pipeline(message)
}

fn pipeline(message: &Message) -> Parse<Result<Vec<Filter>, &'static str>> {
    let mut cursor = message.cursor("hdf5 filter pipeline");
    let version = cursor.u8()?;
    let count = cursor.u8()?;
    match version {
        1 => cursor.take(6)?,
        2 => &[],
        _ => return Err(cursor.refuse("unknown version")),
    };
    // A chunk states by 32 bits which of them it left out.
    if count > 32 {
        return Err(cursor.refuse("more than 32 filters"));
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = cursor.u16()?;
        let name = if version == 1 || id >= 256 {
            u64::from(cursor.u16()?)
        } else {
            0
        };
        let _flags = cursor.u16()?;
        let values = cursor.u16()?;
        cursor.take(if version == 1 {
            name.next_multiple_of(8)
        } else {
            name
        })?;
        let first = if values > 0 { cursor.u32()? } else { 0 };
        let padding = version == 1 && values % 2 == 1;
        let rest = u64::from(values.saturating_sub(1)) + u64::from(padding);
        cursor.take(4 * rest)?;
        filters.push(match id {
            1 => Filter::Zlib,
            2 if first > 0 => Filter::Shuffle(first),
            2 => return Err(cursor.refuse("shuffled elements without bytes")),
            3 => Filter::Fletcher32,
            4 => return Ok(Err("compressed by SZIP")),
            5 => return Ok(Err("packed by the filter N-Bit")),
            6 => return Ok(Err("packed by the filter Scale-Offset")),
            32000 => return Ok(Err("compressed by LZF")),
            _ => return Ok(Err("changed by a filter that is not known")),
        });
    }
    Ok(Ok(filters))
}

/// Extents that the index is checked against.
pub(super) struct Grid<'a> {
    pub(super) shape: &'a [u64],
    pub(super) chunk: &'a [u64],
    /// Bytes of a chunk.
    pub(super) bytes: u64,
    pub(super) filtered: bool,
}

/// The chunks of an index of version 1, in the order of their origins.
pub(super) fn index(file: &mut File<'_>, root: u64, grid: &Grid<'_>) -> Parse<Vec<Chunk>> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let rank = grid.shape.len();
    btree::visit(file, root, Over::Chunks(rank), |file, mut key, address| {
        let start = key.clone();
        let len = u64::from(key.u32()?);
        let skipped = key.u32()?;
        let mut origin = Vec::with_capacity(rank);
        for (&dim, &step) in grid.shape.iter().zip(grid.chunk) {
            let at = key.u64()?;
            if at >= dim || at % step != 0 {
                return Err(start.refuse("chunk outside the grid"));
            }
            origin.push(at);
        }
        if key.u64()? != 0 {
            return Err(start.refuse("chunk inside an element"));
        }
        if len == 0 || (!grid.filtered && len != grid.bytes) {
            return Err(start.refuse("length of a chunk is wrong"));
        }
        if chunks.last().is_some_and(|last| last.origin >= origin) {
            return Err(start.refuse("chunk twice or out of order"));
        }
        file.count(1)?;
        let offset = file.claim("chunk", address, len)?;
        chunks.push(Chunk {
            origin,
            offset,
            len,
            skipped,
        });
        Ok(())
    })?;
    Ok(chunks)
}
