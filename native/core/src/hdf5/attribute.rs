//! Attributes: numbers and strings beside groups and datasets.

use serde_json::Value;

use super::dataspace;
use super::datatype::{self, Datatype, Kind};
use super::file::File;
use super::heap::GlobalHeap;
use super::object::{Message, Object, kind};
use crate::bytes::{Cursor, Parse, Refusal, unless_refused};
use crate::tensor::Dtype;

/// Attributes of an object, and values of an attribute, that are looked at.
const MOST: usize = 64;
/// Bytes of a string that are kept.
const TEXT: usize = 4096;

/// The attributes of an object that are understood: strings, numbers, and short lists of them. What is
/// wrong in one of them is no reason to refuse the file.
///
/// # Errors
/// When reading fails.
pub(super) fn all(
    file: &mut File<'_>,
    heap: &mut GlobalHeap,
    object: &Object,
) -> Parse<Vec<(String, Value)>> {
    let mut attributes = Vec::new();
    for message in object.all(kind::ATTRIBUTE).take(MOST) {
        let attribute = unless_refused(read(file, heap, message))?;
        attributes.extend(attribute.flatten());
    }
    Ok(attributes)
}

fn read(
    file: &mut File<'_>,
    heap: &mut GlobalHeap,
    message: &Message,
) -> Parse<Option<(String, Value)>> {
    const WHAT: &str = "hdf5 attribute";
    let mut cursor = message.cursor(WHAT);
    let version = cursor.u8()?;
    let flags = cursor.u8()?;
    if message.shared || !(1..=3).contains(&version) || (version > 1 && flags != 0) {
        return Ok(None);
    }
    let lens = [cursor.u16()?, cursor.u16()?, cursor.u16()?].map(u64::from);
    cursor.take(if version == 3 { 1 } else { 0 })?;
    let mut part = |len: u64| {
        let at = cursor.position();
        let padded = if version == 1 {
            len.next_multiple_of(8)
        } else {
            len
        };
        Ok::<_, Refusal>(Cursor::new(cursor.take(padded)?, at, WHAT))
    };
    let mut name = part(lens[0])?;
    let mut datatype = part(lens[1])?;
    let dataspace = part(lens[2])?;
    let name = text(name.take(lens[0])?);
    let datatype = datatype::read(&mut datatype)?;
    let Some(shape) = dataspace::read(dataspace)? else {
        return Ok(None);
    };
    let count = shape.iter().try_fold(1, |n: u64, &d| n.checked_mul(d));
    let Some(count) = count.filter(|&count| count <= MOST as u64) else {
        return Ok(None);
    };
    let mut values = Vec::new();
    for _ in 0..count {
        let bytes = cursor.take(datatype.size.into())?;
        match value(file, heap, &datatype, bytes)? {
            Some(value) => values.push(value),
            None => return Ok(None),
        }
    }
    let value = match values.pop() {
        Some(value) if shape.is_empty() => value,
        last => {
            values.extend(last);
            Value::Array(values)
        }
    };
    Ok(Some((name, value)))
}

/// Up to a NUL, whatever the encoding; shortened.
fn text(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(TEXT)];
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn value(
    file: &mut File<'_>,
    heap: &mut GlobalHeap,
    datatype: &Datatype,
    bytes: &[u8],
) -> Parse<Option<Value>> {
    let mut wide = [0; 8];
    wide.iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    Ok(match datatype.kind {
        Kind::Text => Some(text(bytes).into()),
        Kind::TextElsewhere => {
            let mut cursor = Cursor::new(bytes, 0, "hdf5 string");
            let len = cursor.u32()? as usize;
            let (address, index) = (cursor.u64()?, cursor.u32()?);
            let bytes = heap.object(file, address, index)?;
            bytes
                .and_then(|bytes| bytes.get(..len))
                .map(|bytes| text(bytes).into())
        }
        Kind::Known(Dtype::Bool) => Some((wide[0] != 0).into()),
        Kind::Known(Dtype::UInt8 | Dtype::UInt16 | Dtype::UInt32 | Dtype::UInt64) => {
            Some(u64::from_le_bytes(wide).into())
        }
        Kind::Known(Dtype::Int8 | Dtype::Int16 | Dtype::Int32 | Dtype::Int64) => {
            let unused = 64 - 8 * datatype.size.min(8);
            Some((i64::from_le_bytes(wide) << unused >> unused).into())
        }
        Kind::Known(Dtype::Float32) => {
            let [a, b, c, d, ..] = wide;
            Some(f32::from_le_bytes([a, b, c, d]).into())
        }
        Kind::Known(Dtype::Float64) => Some(f64::from_le_bytes(wide).into()),
        _ => None,
    })
}
