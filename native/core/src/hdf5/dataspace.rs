//! Shapes.

use crate::bytes::{Cursor, MAX_INTEGER, Parse};

/// The specification's own bound.
pub(super) const MAX_RANK: u8 = 32;

/// A shape; `None` for a dataspace without elements, which is not an array of extent 0.
pub(super) fn read(mut cursor: Cursor<'_>) -> Parse<Option<Vec<u64>>> {
    let version = cursor.u8()?;
    let rank = cursor.u8()?;
    let flags = cursor.u8()?;
    let kind = cursor.u8()?;
    match version {
        1 => {
            if flags & !0x01 != 0 {
                return Err(cursor.refuse("permuted axes"));
            }
            cursor.take(4)?;
        }
        2 => {}
        _ => return Err(cursor.refuse("unknown version")),
    }
    if rank > MAX_RANK {
        return Err(cursor.refuse(format!("{rank} axes")));
    }
    match (version, kind, rank) {
        (1, ..) | (2, 0, 0) | (2, 1, _) => {}
        (2, 2, _) => return Ok(None),
        _ => return Err(cursor.refuse("unknown type")),
    }
    let mut shape = Vec::new();
    for _ in 0..rank {
        let dim = cursor.u64()?;
        if dim > MAX_INTEGER {
            return Err(cursor.refuse("shape too large"));
        }
        shape.push(dim);
    }
    Ok(Some(shape))
}
