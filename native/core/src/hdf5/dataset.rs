//! Datasets: type, shape, and where the values are.

use super::attribute;
use super::chunks::{self, Grid};
use super::dataspace::{self, MAX_RANK};
use super::datatype::{self, Kind};
use super::file::{File, UNDEFINED};
use super::heap::GlobalHeap;
use super::object::{Object, kind};
use super::refuse;
use crate::bytes::{Cursor, MAX_INTEGER, Parse};
use crate::layout::Chunks;
use crate::tensor::Dtype;

/// A dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Extents; none for a scalar.
    pub shape: Vec<u64>,
    /// Our name of the element type, or what the format calls it.
    pub dtype: String,
    /// Where its values are.
    pub found: Found,
}

/// Where the values of a dataset are.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// One run from this position, as many bytes as type and shape say. It may be none.
    Contiguous(Dtype, u64),
    /// The same, inside the description of the dataset.
    Compact(Dtype, u64),
    /// In chunks.
    Chunked(Dtype, Chunks),
    /// Not read; this is why, for people.
    Unread(&'static str),
}

impl Dataset {
    /// `None` when the object is no dataset.
    pub(super) fn read(
        file: &mut File<'_>,
        heap: &mut GlobalHeap,
        object: &Object,
    ) -> Parse<Option<Self>> {
        let Some(layout) = object.one(kind::LAYOUT)? else {
            return Ok(None);
        };
        let space = object.one(kind::DATASPACE)?;
        let datatype = object.one(kind::DATATYPE)?;
        let (Some(space), Some(datatype)) = (space, datatype) else {
            return Err(object.refuse("dataset without a type or a shape"));
        };
        if layout.shared || space.shared {
            return Err(object.refuse("shared message for layout or shape"));
        }
        let shape = dataspace::read(space.cursor("hdf5 dataspace"))?;
        let unread = |shape: &[u64], dtype: &str, why| {
            Ok(Some(Self {
                shape: shape.to_vec(),
                dtype: dtype.to_owned(),
                found: Found::Unread(why),
            }))
        };
        let Some(shape) = shape else {
            return unread(&[], "null", "it has no values");
        };
        if datatype.shared {
            return unread(&shape, "committed type", "its type is another object");
        }
        let datatype = datatype::read(&mut datatype.cursor("hdf5 datatype"))?;
        let dtype = match datatype.kind {
            Kind::Known(dtype) => dtype,
            // Keras marks what h5py has no type for.
            Kind::Opaque if datatype.size == 2 && marked(file, heap, object)? => Dtype::BFloat16,
            Kind::Opaque => return unread(&shape, "opaque", "opaque bytes are not numbers"),
            Kind::Text | Kind::TextElsewhere => {
                return unread(&shape, "string", "strings are not numbers");
            }
            Kind::Other(name, why) => return unread(&shape, &name, why),
        };
        let found = if object.one(kind::EXTERNAL)?.is_some() {
            Found::Unread("its values are in another file")
        } else {
            let cursor = layout.cursor("hdf5 layout");
            find(file, object, cursor, &shape, dtype)?
        };
        Ok(Some(Self {
            shape,
            dtype: dtype.name().to_owned(),
            found,
        }))
    }
}

fn marked(file: &mut File<'_>, heap: &mut GlobalHeap, object: &Object) -> Parse<bool> {
    let attributes = attribute::all(file, heap, object)?;
    Ok(attributes
        .iter()
        .any(|(name, value)| name == "dtype" && value == "bfloat16"))
}

fn find(
    file: &mut File<'_>,
    object: &Object,
    mut cursor: Cursor<'_>,
    shape: &[u64],
    dtype: Dtype,
) -> Parse<Found> {
    let Some(size) = dtype.byte_len(shape) else {
        return Err(object.refuse("shape too large"));
    };
    let version = cursor.u8()?;
    if version < 3 {
        return Ok(Found::Unread("its layout is of a version before 3"));
    }
    let class = cursor.u8()?;
    match (version, class) {
        (3..=5, 0) => {
            let len = u64::from(cursor.u16()?);
            let at = cursor.position();
            cursor.take(len)?;
            if len != size {
                return Err(object.refuse("length of the values is wrong"));
            }
            Ok(Found::Compact(dtype, at))
        }
        (3..=5, 1) => {
            let (address, len) = (cursor.u64()?, cursor.u64()?);
            if address == UNDEFINED || size == 0 {
                let whole: Vec<u64> = shape.iter().map(|&dim| dim.max(1)).collect();
                return array(object, shape, whole, dtype);
            }
            if len != size {
                return Err(object.refuse("length of the values is wrong"));
            }
            let at = file.claim("dataset's values", address, size)?;
            Ok(Found::Contiguous(dtype, at))
        }
        (3, 2) => chunked(file, object, cursor, shape, dtype),
        (4 | 5, 2) => Err(object.refuse("a chunk index of layout version 4, which is not read,")),
        (4 | 5, 3) => Ok(Found::Unread(
            "it is virtual: its values are in other datasets",
        )),
        _ => refuse(format!(
            "unknown layout of version {version}, class {class}"
        )),
    }
}

fn chunked(
    file: &mut File<'_>,
    object: &Object,
    mut cursor: Cursor<'_>,
    shape: &[u64],
    dtype: Dtype,
) -> Parse<Found> {
    let rank = cursor.u8()?;
    if rank > MAX_RANK + 1 || usize::from(rank) != shape.len() + 1 || shape.is_empty() {
        return Err(cursor.refuse("number of axes is wrong"));
    }
    let root = cursor.u64()?;
    let mut chunk = Vec::new();
    for _ in shape {
        chunk.push(u64::from(cursor.u32()?));
    }
    let item = u64::from(cursor.u32()?);
    let bytes = dtype.byte_len(&chunk);
    let bytes = bytes.filter(|&bytes| (1..=MAX_INTEGER).contains(&bytes));
    let (Some(bytes), true) = (bytes, dtype.item_size() == Some(item)) else {
        return Err(cursor.refuse("extents of the chunks are wrong"));
    };
    let filters = match chunks::filters(object)? {
        Ok(filters) => filters,
        Err(why) => return Ok(Found::Unread(why)),
    };
    let mut found = array(object, shape, chunk, dtype)?;
    if let Found::Chunked(_, array) = &mut found {
        if root != UNDEFINED {
            let grid = Grid {
                shape,
                chunk: &array.chunk,
                bytes,
                filtered: !filters.is_empty(),
            };
            array.chunks = chunks::index(file, root, &grid)?;
        }
        array.filters = filters;
    }
    Ok(found)
}

/// An array of which no chunk is there.
fn array(object: &Object, shape: &[u64], chunk: Vec<u64>, dtype: Dtype) -> Parse<Found> {
    let item = dtype.item_size().unwrap_or(0) as usize;
    if shape.contains(&0) {
        return Ok(Found::Contiguous(dtype, 0));
    }
    Ok(match fill(object, item)? {
        Some(fill) => Found::Chunked(
            dtype,
            Chunks {
                shape: shape.to_vec(),
                chunk,
                fill,
                filters: Vec::new(),
                chunks: Vec::new(),
            },
        ),
        None => Found::Unread("values that were not written have no value"),
    })
}

/// The value of elements that were not written: `None` when there is none, or it is not understood.
fn fill(object: &Object, item: usize) -> Parse<Option<Vec<u8>>> {
    let zeros = Some(vec![0; item]);
    let (message, new) = match object.one(kind::FILL)? {
        Some(message) => (Some(message), true),
        None => (object.one(kind::OLD_FILL)?, false),
    };
    let Some(message) = message else {
        return Ok(zeros);
    };
    if message.shared {
        return Ok(None);
    }
    let mut cursor = message.cursor("hdf5 fill value");
    if new {
        let version = cursor.u8()?;
        match version {
            1 | 2 => {
                let _when = (cursor.u8()?, cursor.u8()?);
                // The first version has a length in any case.
                if cursor.u8()? == 0 && version == 2 {
                    return Ok(None);
                }
            }
            3 => match cursor.u8()? & 0x30 {
                0 => return Ok(zeros),
                0x20 => {}
                _ => return Ok(None),
            },
            _ => return Err(cursor.refuse("unknown version")),
        }
    }
    let len = cursor.u32()?;
    Ok(match len {
        0 => zeros,
        // No value, on purpose.
        u32::MAX => None,
        _ if len as usize == item => Some(cursor.take(len.into())?.to_vec()),
        _ => None,
    })
}
