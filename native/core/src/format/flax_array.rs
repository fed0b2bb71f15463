//! An array as Flax packs it: an extension that holds shape, name of the type, and values.
//!
//! In: a reader at the extension's content. Out: an [`Array`]. Refused: other content, values that do not
//! fit type and shape.

use super::msgpack::{Item, next};
use crate::bytes::{Limits, MAX_INTEGER, Parse, Reader};
use crate::layout::{Listed, Values};
use crate::tensor::{Dtype, View, elements};

/// An array.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) name: String,
    pub(super) shape: Vec<u64>,
    /// The name of its type.
    pub(super) type_name: String,
    /// What it is stored as: its type, or bytes where that is not known.
    pub(super) dtype: Dtype,
    /// Bytes of an element, which are an axis of their own, where the type is not known.
    pub(super) item: Option<u64>,
    /// Position of the values.
    pub(super) offset: u64,
    /// Their length in bytes.
    pub(super) len: u64,
}

/// Types of NumPy and of `ml_dtypes` whose elements are whole bytes in memory as in here.
const TYPES: &[Dtype] = &[
    Dtype::Bool,
    Dtype::Int8,
    Dtype::Int16,
    Dtype::Int32,
    Dtype::Int64,
    Dtype::UInt8,
    Dtype::UInt16,
    Dtype::UInt32,
    Dtype::UInt64,
    Dtype::Float16,
    Dtype::BFloat16,
    Dtype::Float32,
    Dtype::Float64,
    Dtype::Complex64,
    Dtype::Complex128,
    Dtype::Float8E4m3fn,
    Dtype::Float8E4m3fnuz,
    Dtype::Float8E5m2,
    Dtype::Float8E5m2fnuz,
    Dtype::Float8E8m0fnu,
];

/// Bytes of the name of a type.
const TYPE_NAME: u64 = 64;

impl Array {
    /// Reads the array in an extension of `len` bytes, and goes to its end.
    ///
    /// # Errors
    /// See the module.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        len: u64,
        name: String,
        limits: &Limits,
    ) -> Parse<Self> {
        let end = reader.position().checked_add(len);
        if next(reader)? != Item::Array(3) {
            return Err(reader.refuse("array that is no list of three, whose head ends"));
        }
        let shape = shape(reader, limits)?;
        let type_name = match next(reader)? {
            Item::Str(len) | Item::Bin(len) if len <= TYPE_NAME => {
                String::from_utf8_lossy(&reader.take(len)?).into_owned()
            }
            _ => return Err(reader.refuse("array without the name of its type, ends")),
        };
        let (Item::Bin(len) | Item::Str(len)) = next(reader)? else {
            return Err(reader.refuse("array without values, ends"));
        };
        let offset = reader.position();
        if offset.checked_add(len) != end {
            return Err(reader.refuse("array whose values do not end with it, begin"));
        }
        reader.skip(len)?;
        let known = TYPES.iter().find(|dtype| dtype.name() == type_name);
        let (dtype, item) = match known {
            Some(&dtype) => (dtype, None),
            None => (Dtype::UInt8, Some(item_size(&shape, len))),
        };
        let array = Self {
            name,
            shape,
            type_name,
            dtype,
            item,
            offset,
            len,
        };
        if dtype.byte_len(&array.stored_shape()) != Some(len) {
            return Err(reader.refuse("array whose values do not fit type and shape, ends"));
        }
        Ok(array)
    }

    /// The shape of what is stored.
    fn stored_shape(&self) -> Vec<u64> {
        self.shape.iter().copied().chain(self.item).collect()
    }

    /// The view of what is stored.
    pub(super) fn view(&self) -> View {
        View::contiguous(self.stored_shape())
    }

    /// The array as it is listed; `None` where the tensor of its name shows it as it is.
    pub(super) fn listed(&self) -> Option<Listed> {
        self.item.map(|_| Listed {
            name: self.name.clone(),
            dtype: self.type_name.clone(),
            shape: self.shape.clone(),
            values: Values::Tensor,
        })
    }
}

/// Bytes of an element, if there are any that fit.
fn item_size(shape: &[u64], len: u64) -> u64 {
    let size = elements(shape).and_then(|elements| len.checked_div(elements));
    // Where there are no elements any size fits; 1 fits nothing else that is empty.
    size.filter(|&size| size > 0).unwrap_or(1)
}

fn shape(reader: &mut Reader<'_>, limits: &Limits) -> Parse<Vec<u64>> {
    let Item::Array(axes) = next(reader)? else {
        return Err(reader.refuse("array without a shape, ends"));
    };
    if axes > limits.rank as u64 {
        return Err(reader.refuse("array of too many axes, whose number ends"));
    }
    (0..axes).map(|_| dimension(reader)).collect()
}

/// A number of elements.
///
/// # Errors
/// When it is none, or above 2^53 − 1.
pub(super) fn dimension(reader: &mut Reader<'_>) -> Parse<u64> {
    match next(reader)? {
        Item::Int(n) if (0..=i128::from(MAX_INTEGER)).contains(&n) => Ok(n as u64),
        _ => Err(reader.refuse("shape with something that is no dimension, which ends")),
    }
}
