//! Items of MessagePack, one by one: values, and the heads of what holds bytes or other items.
//!
//! In: a reader at an item. Out: an [`Item`]; what it holds comes next in the reader. Refused: the one
//! byte that begins no item. Specification: `https://github.com/msgpack/msgpack/blob/master/spec.md`.

use crate::bytes::{Parse, Reader};

/// An item, or its head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item {
    Nil,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// A text of so many bytes.
    Str(u64),
    /// So many bytes.
    Bin(u64),
    /// An extension: its type, and its length in bytes.
    Ext(i8, u64),
    /// A list of so many items.
    Array(u64),
    /// So many pairs of a key and a value.
    Map(u64),
}

/// Does this byte begin a text?
pub(super) fn begins_text(byte: u8) -> bool {
    matches!(byte, 0xA0..=0xBF | 0xD9..=0xDB)
}

/// Reads the next item, or its head.
///
/// # Errors
/// See the module; at the end.
pub(super) fn next(reader: &mut Reader<'_>) -> Parse<Item> {
    let byte = reader.u8()?;
    Ok(match byte {
        0x00..=0x7F => Item::Int(byte.into()),
        0x80..=0x8F => Item::Map(u64::from(byte & 0x0F)),
        0x90..=0x9F => Item::Array(u64::from(byte & 0x0F)),
        0xA0..=0xBF => Item::Str(u64::from(byte & 0x1F)),
        0xC0 => Item::Nil,
        0xC1 => return Err(reader.refuse("no MessagePack, where a byte 0xc1 ends,")),
        0xC2 | 0xC3 => Item::Bool(byte == 0xC3),
        0xC4..=0xC6 => Item::Bin(length(reader, byte - 0xC4)?),
        0xC7..=0xC9 => {
            let len = length(reader, byte - 0xC7)?;
            Item::Ext(i8::from_be_bytes(reader.array()?), len)
        }
        0xCA => Item::Float(f32::from_be_bytes(reader.array()?).into()),
        0xCB => Item::Float(f64::from_be_bytes(reader.array()?)),
        0xCC..=0xCE => Item::Int(length(reader, byte - 0xCC)?.into()),
        0xCF => Item::Int(u64::from_be_bytes(reader.array()?).into()),
        0xD0 => Item::Int(i8::from_be_bytes(reader.array()?).into()),
        0xD1 => Item::Int(i16::from_be_bytes(reader.array()?).into()),
        0xD2 => Item::Int(i32::from_be_bytes(reader.array()?).into()),
        0xD3 => Item::Int(i64::from_be_bytes(reader.array()?).into()),
        0xD4..=0xD8 => Item::Ext(i8::from_be_bytes(reader.array()?), 1 << (byte - 0xD4)),
        0xD9..=0xDB => Item::Str(length(reader, byte - 0xD9)?),
        0xDC | 0xDD => Item::Array(length(reader, byte - 0xDC + 1)?),
        0xDE | 0xDF => Item::Map(length(reader, byte - 0xDE + 1)?),
        0xE0..=0xFF => Item::Int(i8::from_be_bytes([byte]).into()),
    })
}

/// A number of 1, 2 or 4 bytes, by the logarithm of that.
fn length(reader: &mut Reader<'_>, log: u8) -> Parse<u64> {
    Ok(match log {
        0 => reader.u8()?.into(),
        1 => u16::from_be_bytes(reader.array()?).into(),
        _ => u32::from_be_bytes(reader.array()?).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_byte() {
        let of = |bytes: &[u8]| next(&mut Reader::new(&bytes, "test", 100));
        for (bytes, item) in [
            (&b"\x7f"[..], Item::Int(127)),
            (b"\x8f", Item::Map(15)),
            (b"\x9f", Item::Array(15)),
            (b"\xbf", Item::Str(31)),
            (b"\xc0", Item::Nil),
            (b"\xc2", Item::Bool(false)),
            (b"\xc3", Item::Bool(true)),
            (b"\xc4\xff", Item::Bin(255)),
            (b"\xc5\x01\0", Item::Bin(256)),
            (b"\xc6\x01\0\0\0", Item::Bin(1 << 24)),
            (b"\xc7\x03\xff", Item::Ext(-1, 3)),
            (b"\xc8\x01\0\x05", Item::Ext(5, 256)),
            (b"\xc9\x01\0\0\0\x05", Item::Ext(5, 1 << 24)),
            (b"\xca\x3f\x80\0\0", Item::Float(1.0)),
            (b"\xcb\xbf\xf0\0\0\0\0\0\0", Item::Float(-1.0)),
            (b"\xcc\xff", Item::Int(255)),
            (b"\xcd\xff\xff", Item::Int(65535)),
            (b"\xce\xff\xff\xff\xff", Item::Int((1 << 32) - 1)),
            (
                b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
                Item::Int((1 << 64) - 1),
            ),
            (b"\xd0\xff", Item::Int(-1)),
            (b"\xd1\xff\0", Item::Int(-256)),
            (b"\xd2\x80\0\0\0", Item::Int(-(1 << 31))),
            (b"\xd3\x80\0\0\0\0\0\0\0", Item::Int(-(1 << 63))),
            (b"\xd4\x01", Item::Ext(1, 1)),
            (b"\xd8\x01", Item::Ext(1, 16)),
            (b"\xd9\x20", Item::Str(32)),
            (b"\xda\x01\0", Item::Str(256)),
            (b"\xdb\x01\0\0\0", Item::Str(1 << 24)),
            (b"\xdc\x01\0", Item::Array(256)),
            (b"\xdd\x01\0\0\0", Item::Array(1 << 24)),
            (b"\xde\x01\0", Item::Map(256)),
            (b"\xdf\x01\0\0\0", Item::Map(1 << 24)),
            (b"\xe0", Item::Int(-32)),
            (b"\xff", Item::Int(-1)),
        ] {
            assert_eq!(of(bytes).unwrap(), item, "{bytes:?}");
            for end in 0..bytes.len() {
                assert!(of(&bytes[..end]).is_err(), "{bytes:?} cut at {end}");
            }
        }
        assert!(of(b"\xc1").is_err());
        for byte in 0..=255u8 {
            let padded = [&[byte][..], &[0; 9]].concat();
            let text = matches!(of(&padded), Ok(Item::Str(_)));
            assert_eq!(text, begins_text(byte));
        }
    }
}
