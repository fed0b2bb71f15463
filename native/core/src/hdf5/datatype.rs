//! Element types.

use crate::bytes::{Cursor, Parse};
use crate::tensor::Dtype;

/// A type: its size, and what it is.
pub(super) struct Datatype {
    pub(super) size: u32,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    /// One of ours.
    Known(Dtype),
    /// Bytes without a meaning.
    Opaque,
    /// A string in its place, ended by a NUL or filled up.
    Text,
    /// A string in the global heap.
    TextElsewhere,
    /// What it is, and why its values are not read.
    Other(String, &'static str),
}

const NUMBERS: &str = "numbers of this kind are not known";

pub(super) fn read(cursor: &mut Cursor<'_>) -> Parse<Datatype> {
    let start = cursor.clone();
    let head = cursor.u8()?;
    let (class, version) = (head & 0x0F, head >> 4);
    if !(1..=5).contains(&version) {
        return Err(start.refuse("unknown version"));
    }
    let bits = cursor.take(3)?;
    let bits = u32::from_le_bytes([bits[0], bits[1], bits[2], 0]);
    let size = cursor.u32()?;
    if size == 0 {
        return Err(start.refuse("elements without bytes"));
    }
    let other = |name: &str, why| Kind::Other(name.to_owned(), why);
    let kind = match class {
        0 => integer(cursor, bits, size)?,
        1 => float(cursor, bits, size)?,
        3 => Kind::Text,
        5 => Kind::Opaque,
        6 => complex(cursor, version, bits, size)?
            .unwrap_or_else(|| other("compound", "compounds are not numbers")),
        7 => other("reference", "references are not numbers"),
        8 => boolean(cursor, version, bits, size)?
            .unwrap_or_else(|| other("enumeration", "enumerations are not numbers")),
        9 if bits & 0x0F == 1 => Kind::TextElsewhere,
        9 => other("sequence", "sequences of variable length are not tensors"),
        10 => other("array", "arrays as elements are not known"),
        _ => other("unknown type", NUMBERS),
    };
    Ok(Datatype { size, kind })
}

/// Is the order of the bytes that of the least significant one first?
fn little(bits: u32, size: u32) -> bool {
    size == 1 || bits & 0x41 == 0
}

fn named(kind: &str, size: u32) -> String {
    format!("{kind}{}", u64::from(size) * 8)
}

fn integer(cursor: &mut Cursor<'_>, bits: u32, size: u32) -> Parse<Kind> {
    let (offset, precision) = (cursor.u16()?, cursor.u16()?);
    let name = named(if bits & 0x08 != 0 { "int" } else { "uint" }, size);
    if !little(bits, size) {
        let name = format!("{name}, big-endian");
        return Ok(Kind::Other(name, "the values are big-endian"));
    }
    let plain = offset == 0 && u32::from(precision) == size.saturating_mul(8);
    Ok(match Dtype::parse(&name) {
        Some(dtype) if plain => Kind::Known(dtype),
        _ => Kind::Other(name, NUMBERS),
    })
}

fn float(cursor: &mut Cursor<'_>, bits: u32, size: u32) -> Parse<Kind> {
    let fields = (
        (cursor.u16()?, cursor.u16()?),
        bits >> 8 & 0xFF,
        (cursor.u8()?, cursor.u8()?),
        (cursor.u8()?, cursor.u8()?),
        cursor.u32()?,
    );
    // The leading bit of the mantissa is implied.
    let implied = bits & 0x30 == 0x20;
    // Offset and precision, position of the sign, those and sizes of exponent and mantissa, bias.
    let dtype = match (size, fields) {
        (2, ((0, 16), 15, (10, 5), (0, 10), 15)) => Dtype::Float16,
        (2, ((0, 16), 15, (7, 8), (0, 7), 127)) => Dtype::BFloat16,
        (4, ((0, 32), 31, (23, 8), (0, 23), 127)) => Dtype::Float32,
        (8, ((0, 64), 63, (52, 11), (0, 52), 1023)) => Dtype::Float64,
        _ => return Ok(Kind::Other(named("float", size), NUMBERS)),
    };
    Ok(if !little(bits, size) {
        let name = format!("{}, big-endian", dtype.name());
        Kind::Other(name, "the values are big-endian")
    } else if implied {
        Kind::Known(dtype)
    } else {
        Kind::Other(named("float", size), NUMBERS)
    })
}

/// The name of a member; before version 3 filled up to eight bytes.
fn name<'a>(cursor: &mut Cursor<'a>, version: u8) -> Parse<&'a [u8]> {
    let mut rest = cursor.clone();
    let len = loop {
        if rest.u8()? == 0 {
            break rest.at() - cursor.at();
        }
    };
    let padded = if version < 3 {
        len.next_multiple_of(8)
    } else {
        len
    };
    Ok(&cursor.take(padded as u64)?[..len - 1])
}

/// h5py's complex numbers: a compound of `r` and `i`, two equal floats one behind the other.
fn complex(cursor: &mut Cursor<'_>, version: u8, bits: u32, size: u32) -> Parse<Option<Kind>> {
    if bits & 0xFFFF != 2 {
        return Ok(None);
    }
    let mut parts = Vec::new();
    for (index, wanted) in [b"r", b"i"].into_iter().enumerate() {
        if name(cursor, version)? != wanted {
            return Ok(None);
        }
        let offset = match (version, size) {
            (1 | 2, _) | (_, 0x100_0000..) => cursor.u32()?,
            (_, ..=0xFF) => cursor.u8()?.into(),
            // Larger than any complex number.
            _ => return Ok(None),
        };
        // Extents of an array, which only the first version has here.
        if version == 1 && cursor.take(28)?[0] != 0 {
            return Ok(None);
        }
        let head = cursor.u8()?;
        let bits = cursor.take(3)?;
        let bits = u32::from_le_bytes([bits[0], bits[1], bits[2], 0]);
        let half = cursor.u32()?;
        if head & 0x0F != 1 || u64::from(offset) != index as u64 * u64::from(half) {
            return Ok(None);
        }
        let Kind::Known(dtype) = float(cursor, bits, half)? else {
            return Ok(None);
        };
        parts.push(dtype);
    }
    Ok(match (&parts[..], size) {
        ([Dtype::Float16, Dtype::Float16], 4) => Some(Kind::Known(Dtype::Complex32)),
        ([Dtype::Float32, Dtype::Float32], 8) => Some(Kind::Known(Dtype::Complex64)),
        ([Dtype::Float64, Dtype::Float64], 16) => Some(Kind::Known(Dtype::Complex128)),
        _ => None,
    })
}

/// h5py's truth values: an enumeration of bytes, `FALSE` and `TRUE`.
fn boolean(cursor: &mut Cursor<'_>, version: u8, bits: u32, size: u32) -> Parse<Option<Kind>> {
    if bits & 0xFFFF != 2 || size != 1 {
        return Ok(None);
    }
    // The base: an integer of one byte.
    let base = cursor.take(12)?;
    if base[0] & 0x0F != 0 || base[4..8] != [1, 0, 0, 0] || base[8..12] != [0, 0, 8, 0] {
        return Ok(None);
    }
    let names = [name(cursor, version)?, name(cursor, version)?];
    let is = names == [&b"FALSE"[..], b"TRUE"] && cursor.take(2)? == [0, 1];
    Ok(is.then_some(Kind::Known(Dtype::Bool)))
}
