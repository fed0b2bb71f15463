//! The superblock: where a file begins, and its root group.

use std::io;
use std::ops::Range;

use super::checksum::lookup3;
use super::file::{File, UNDEFINED};
use super::object::Object;
use super::refuse;
use crate::bytes::{Cursor, Limits, Parse, ReadAt, read_vec};

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// The longest: version 1.
const LONGEST: u64 = 100;

/// Messages of a superblock's extension that change nothing here: none, sizes of B-trees, file space.
const EXTENSION: &[u16] = &[0x00, 0x13, 0x17];

/// Where in the range the signature is: at its start, or 512, 1024, 2048, … bytes behind it, after a user
/// block.
///
/// # Errors
/// What reading says.
pub fn find(source: &dyn ReadAt, within: Range<u64>) -> io::Result<Option<u64>> {
    let len = SIGNATURE.len() as u64;
    let mut skip = 0u64;
    loop {
        let Some(at) = within.start.checked_add(skip) else {
            return Ok(None);
        };
        if at.checked_add(len).is_none_or(|end| end > within.end) {
            return Ok(None);
        }
        if read_vec(source, at, len)? == SIGNATURE {
            return Ok(Some(at));
        }
        skip = skip.saturating_mul(2).max(512);
    }
}

/// Opens the file in a range of the source; the address of its root group is the second.
pub(super) fn open<'a>(
    source: &'a dyn ReadAt,
    within: Range<u64>,
    limits: &'a Limits,
) -> Parse<(File<'a>, u64)> {
    let Some(at) = find(source, within.clone())? else {
        return refuse("no superblock");
    };
    let bytes = read_vec(source, at, LONGEST.min(within.end - at))?;
    let mut cursor = Cursor::new(&bytes, at, "hdf5 superblock");
    cursor.take(SIGNATURE.len() as u64)?;
    let fields = match cursor.u8()? {
        version @ (0 | 1) => old(&mut cursor, version)?,
        version @ (2 | 3) => new(&mut cursor, &bytes, version)?,
        version => return refuse(format!("superblock of version {version}")),
    };
    // The library moves the base in such a file, other readers do not.
    if within.start.checked_add(fields.base) != Some(at) {
        return refuse(format!(
            "base address is not where the superblock is, byte {at}"
        ));
    }
    let end = within.start.checked_add(fields.end);
    let Some(end) = end.filter(|&end| end <= within.end) else {
        return refuse("the file is truncated");
    };
    let mut file = File::new(source, limits, at, end);
    file.claim("superblock", 0, cursor.at() as u64)?;
    if fields.extension != UNDEFINED {
        let extension = Object::read(&mut file, fields.extension)?;
        if let Some(kind) = extension.kinds().find(|kind| !EXTENSION.contains(kind)) {
            return refuse(format!(
                "superblock extension with a message of type {kind}"
            ));
        }
    }
    Ok((file, fields.root))
}

struct Fields {
    base: u64,
    end: u64,
    root: u64,
    extension: u64,
}

fn sizes(cursor: &mut Cursor<'_>) -> Parse<()> {
    if (cursor.u8()?, cursor.u8()?) == (8, 8) {
        return Ok(());
    }
    Err(cursor.refuse("addresses or lengths are not of 8 bytes"))
}

fn old(cursor: &mut Cursor<'_>, version: u8) -> Parse<Fields> {
    // Versions of free space, root group and shared messages.
    for _ in 0..4 {
        if cursor.u8()? != 0 {
            return Err(cursor.refuse("unknown version"));
        }
    }
    sizes(cursor)?;
    // Reserved, ranks of the trees, flags.
    cursor.take(1 + 2 + 2 + 4)?;
    if version == 1 {
        cursor.take(4)?;
    }
    let base = cursor.u64()?;
    let _free_space = cursor.u64()?;
    let end = cursor.u64()?;
    if cursor.u64()? != UNDEFINED {
        return Err(cursor.refuse("driver information"));
    }
    let _name = cursor.u64()?;
    let root = cursor.u64()?;
    // What a symbol table's entry caches.
    cursor.take(4 + 4 + 16)?;
    Ok(Fields {
        base,
        end,
        root,
        extension: UNDEFINED,
    })
}

fn new(cursor: &mut Cursor<'_>, bytes: &[u8], version: u8) -> Parse<Fields> {
    sizes(cursor)?;
    let flags = cursor.u8()?;
    if version == 3 && flags != 0 {
        return Err(cursor.refuse("the file was not closed"));
    }
    let base = cursor.u64()?;
    let extension = cursor.u64()?;
    let end = cursor.u64()?;
    let root = cursor.u64()?;
    let sum = lookup3(&bytes[..cursor.at()]);
    if cursor.u32()? != sum {
        return Err(cursor.refuse("wrong checksum"));
    }
    Ok(Fields {
        base,
        end,
        root,
        extension,
    })
}
