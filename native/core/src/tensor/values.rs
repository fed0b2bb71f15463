//! The values of a view over a storage: their hash, or all of them.

use super::{Dtype, Hash, TensorHasher, View, gather, is_c_contiguous};
use crate::{Error, Result};

/// Bytes that are read at a time where the elements are one run.
const RUN: u64 = 1 << 20;

/// Feeds the values of `view`, in C order, to `sink`. `read(offset, out)` fills `out` with bytes of
/// the storage.
///
/// # Errors
/// Those of `read` and `sink`; [`Error::Invalid`] for views that overflow.
pub fn for_each_value(
    dtype: Dtype,
    view: &View,
    mut read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    mut sink: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let overflow = || Error::Invalid {
        what: "view".into(),
        rule: "it is larger than any file".into(),
    };
    // Packed types are always one run from the start of their storage.
    let size = dtype.item_size();
    if let (Some(size), false) = (size, is_c_contiguous(&view.shape, &view.strides)) {
        let size = usize::try_from(size).map_err(|_| overflow())?;
        return gather(view, size, read, sink);
    }
    let len = dtype.byte_len(&view.shape).ok_or_else(overflow)?;
    let start = view
        .offset
        .checked_mul(size.unwrap_or(1))
        .ok_or_else(overflow)?;
    let mut buf = vec![0; RUN.min(len) as usize];
    let mut at = 0;
    while at < len {
        let part = &mut buf[..RUN.min(len - at) as usize];
        read(start + at, part)?;
        sink(part)?;
        at += part.len() as u64;
    }
    Ok(())
}

/// The tensor hash of a view.
///
/// # Errors
/// As [`for_each_value`].
pub fn hash_view(
    dtype: Dtype,
    view: &View,
    read: impl FnMut(u64, &mut [u8]) -> Result<()>,
) -> Result<Hash> {
    let mut hasher = TensorHasher::new(dtype, &view.shape);
    for_each_value(dtype, view, read, |values| {
        hasher.update(values);
        Ok(())
    })?;
    Ok(hasher.finish())
}
