//! The stored form: what Zarr type and shape an array has, and how its elements lie in memory.
//!
//! Types that Zarr readers know are stored as themselves. All others become `uint8`: with the
//! tensor's shape when an element is a byte, with a last axis more when it is 2 or 4, flat when it is
//! less. Refused: orders that are no permutation, or that say nothing; extents over 2^53 - 1; sizes
//! over 2^63 - 1; packed elements that do not fill whole bytes.

use super::{Fill, Grid, MAX_INTEGER, fill, invalid};
use crate::Result;
use crate::codec::ChunkClass;
use crate::tensor::{Class, Dtype};

/// What an array is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A tensor of this type and shape.
    Tensor {
        /// The tensor's own type.
        dtype: Dtype,
        /// The tensor's own shape.
        shape: Vec<u64>,
    },
    /// A storage that several views of it share.
    Storage,
    /// The skeleton container.
    Skeleton,
}

/// How an array is stored. Everything about its chunks follows from this and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredArray {
    kind: Kind,
    data_type: Dtype,
    shape: Vec<u64>,
    order: Option<Vec<usize>>,
    size: u64,
    class: ChunkClass,
}

impl StoredArray {
    /// A tensor whose memory is one gapless run. `order` lists its axes from slowest to fastest in
    /// memory when that is not C order, as [`crate::tensor::memory_order`] does.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for what the module refuses.
    pub fn tensor(dtype: Dtype, shape: &[u64], order: Option<&[usize]>) -> Result<Self> {
        if shape.iter().any(|&dim| dim > MAX_INTEGER) {
            return Err(invalid("an extent is at most 2^53 - 1"));
        }
        let size = dtype
            .byte_len(shape)
            .filter(|&size| size <= i64::MAX as u64)
            .ok_or_else(|| invalid("a tensor has at most 2^63 - 1 bytes, all of them whole"))?;
        if let Some(order) = order {
            check_order(shape, order)?;
            if dtype.item_size().is_none() {
                return Err(invalid("packed elements are in C order"));
            }
        }
        let mut stored_shape = shape.to_vec();
        let mut stored_order = order.map(<[usize]>::to_vec);
        let (data_type, typesize) = match (dtype.zarr(), dtype.item_size()) {
            (Some(_), Some(item)) => (dtype, if is_complex(dtype) { item / 2 } else { item }),
            (_, Some(1)) => (Dtype::UInt8, 1),
            (_, Some(item)) => {
                stored_shape.push(item);
                if let Some(order) = &mut stored_order {
                    order.push(shape.len());
                }
                (Dtype::UInt8, if is_complex(dtype) { item / 2 } else { 1 })
            }
            (_, None) => {
                stored_shape = vec![size];
                (Dtype::UInt8, 1)
            }
        };
        Ok(Self {
            kind: Kind::Tensor {
                dtype,
                shape: shape.to_vec(),
            },
            data_type,
            shape: stored_shape,
            order: stored_order,
            size,
            class: ChunkClass {
                // At most 8 by the table of types.
                typesize: typesize as u8,
                class: dtype.class(),
                text: false,
            },
        })
    }

    /// A shared storage of `size` bytes.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when it is over 2^53 - 1.
    pub fn storage(size: u64) -> Result<Self> {
        Self::bytes(Kind::Storage, size)
    }

    /// A skeleton of `size` bytes.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] when it is over 2^53 - 1.
    pub fn skeleton(size: u64) -> Result<Self> {
        Self::bytes(Kind::Skeleton, size)
    }

    fn bytes(kind: Kind, size: u64) -> Result<Self> {
        if size > MAX_INTEGER {
            return Err(invalid("a size is at most 2^53 - 1"));
        }
        let text = kind == Kind::Skeleton;
        Ok(Self {
            kind,
            data_type: Dtype::UInt8,
            shape: vec![size],
            order: None,
            size,
            class: ChunkClass {
                typesize: 1,
                class: Class::Integer,
                text,
            },
        })
    }

    /// What the array is of.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The array's `data_type`, always one that Zarr knows.
    #[must_use]
    pub fn data_type(&self) -> Dtype {
        self.data_type
    }

    /// The array's shape.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The array's axes from slowest to fastest in memory; `None` for C order.
    #[must_use]
    pub fn order(&self) -> Option<&[usize]> {
        self.order.as_deref()
    }

    /// Bytes of memory, without padding.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of one element of the array; a fill value has as many.
    #[must_use]
    pub fn element_size(&self) -> usize {
        // Types that Zarr knows fill whole bytes.
        self.data_type.item_size().unwrap_or(1) as usize
    }

    /// What the chunk encoder wants to know.
    #[must_use]
    pub fn class(&self) -> ChunkClass {
        self.class
    }

    /// The cut of the memory into chunks.
    #[must_use]
    pub fn grid(&self) -> Grid {
        Grid::new(self)
    }

    /// The fill value of the constant form, for an array all of whose elements are `element`;
    /// `None` when there is no constant form for it, because not every reader of `zarr.json` would
    /// read these bits back. Arrays without elements always have zero bits.
    #[must_use]
    pub fn constant_fill(&self, element: &[u8]) -> Option<Fill> {
        if self.size == 0 {
            return Some(Fill::zero(self.element_size()));
        }
        let fill = Fill::from_element(element).filter(|f| f.len() == self.element_size())?;
        fill::to_json(self.data_type, &fill).map(|_| fill)
    }

    /// The fill value of an array with chunks: zero bits.
    #[must_use]
    pub fn zero_fill(&self) -> Fill {
        Fill::zero(self.element_size())
    }
}

/// Is it a pair of floating-point numbers?
fn is_complex(dtype: Dtype) -> bool {
    matches!(
        dtype,
        Dtype::Complex32 | Dtype::Complex64 | Dtype::Complex128
    )
}

/// An order is a permutation that says something: not C order, axes of extent 1 in their places.
fn check_order(shape: &[u64], order: &[usize]) -> Result<()> {
    let mut seen = vec![false; shape.len()];
    let permutation = order.len() == shape.len()
        && order
            .iter()
            .all(|&a| a < shape.len() && !std::mem::replace(&mut seen[a], true));
    if !permutation {
        return Err(invalid("an order lists every axis once"));
    }
    if order.is_sorted() || shape.contains(&0) {
        return Err(invalid("C order is not written"));
    }
    if (0..shape.len()).any(|a| shape[a] == 1 && order[a] != a) {
        return Err(invalid("axes of extent 1 keep their places"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_stored_form() {
        for &dtype in Dtype::ALL {
            let stored = StoredArray::tensor(dtype, &[4, 8], None).unwrap();
            let elements: u64 = stored.shape().iter().product();
            assert_eq!(Some(stored.size()), dtype.byte_len(&[4, 8]), "{dtype:?}");
            assert_eq!(elements * stored.element_size() as u64, stored.size());
            assert!(stored.data_type().zarr().is_some());
            assert!(
                stored
                    .element_size()
                    .is_multiple_of(usize::from(stored.class().typesize))
                    || dtype == Dtype::Complex32
            );
        }
    }

    #[test]
    fn forms_and_typesizes() {
        let form = |dtype, shape: &[u64]| {
            let s = StoredArray::tensor(dtype, shape, None).unwrap();
            (s.data_type().name(), s.shape().to_vec(), s.class().typesize)
        };
        assert_eq!(form(Dtype::BFloat16, &[2, 3]), ("bfloat16", vec![2, 3], 2));
        assert_eq!(form(Dtype::Complex64, &[3]), ("complex64", vec![3], 4));
        assert_eq!(form(Dtype::Complex128, &[3]), ("complex128", vec![3], 8));
        assert_eq!(form(Dtype::Complex32, &[3]), ("uint8", vec![3, 4], 2));
        assert_eq!(form(Dtype::QInt32, &[]), ("uint8", vec![4], 1));
        assert_eq!(form(Dtype::Bits16, &[5]), ("uint8", vec![5, 2], 1));
        assert_eq!(form(Dtype::Float8E4m3fn, &[5, 1]), ("uint8", vec![5, 1], 1));
        assert_eq!(form(Dtype::Float6E2m3fn, &[2, 4]), ("uint8", vec![6], 1));
    }

    #[test]
    fn orders() {
        let order = |shape: &[u64], order: &[usize]| {
            StoredArray::tensor(Dtype::Bits16, shape, Some(order)).map(|s| s.order.unwrap())
        };
        assert_eq!(order(&[2, 3], &[1, 0]).unwrap(), [1, 0, 2]);
        assert_eq!(order(&[2, 1, 3], &[2, 1, 0]).unwrap(), [2, 1, 0, 3]);
        for (shape, bad) in [
            (&[2u64, 3][..], &[0usize, 1][..]),
            (&[2, 3], &[1, 1]),
            (&[2, 3], &[1]),
            (&[2, 3], &[2, 0]),
            (&[0, 3], &[1, 0]),
            (&[2, 1, 3], &[1, 2, 0]),
        ] {
            assert!(order(shape, bad).is_err(), "{shape:?} {bad:?}");
        }
        assert!(StoredArray::tensor(Dtype::Float4E2m1fn, &[2, 4], Some(&[1, 0])).is_err());
    }

    #[test]
    fn limits() {
        assert!(StoredArray::tensor(Dtype::UInt8, &[1 << 53, 0], None).is_err());
        assert!(StoredArray::tensor(Dtype::Float32, &[1 << 40, 1 << 30], None).is_err());
        assert!(StoredArray::tensor(Dtype::Float4E2m1fn, &[3], None).is_err());
        assert!(StoredArray::storage(1 << 53).is_err());
        assert!(StoredArray::tensor(Dtype::Float32, &[0, 1 << 52, 1 << 52], None).is_ok());
    }
}
