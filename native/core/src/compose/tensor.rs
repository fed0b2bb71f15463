//! One tensor's values.

use super::array::{ArrayReader, copy_part};
use crate::object::ObjectReader;
use crate::record::{Manifest, Tensor};
use crate::tensor::{View, for_each_value, tensor_hash};
use crate::{Error, Result};

/// The values of the tensor `name` in C order, little-endian, checked against its hash.
///
/// Reads the whole array that it has or looks at into memory.
///
/// # Errors
/// [`Error::Invalid`] when there is no such tensor; missing or damaged objects; another hash.
pub fn read_tensor(manifest: &Manifest, name: &str, objects: &ObjectReader) -> Result<Vec<u8>> {
    let tensors = manifest.tensors_by_name();
    let find = |name: &str| -> Result<&Tensor> {
        tensors.get(name).copied().ok_or_else(|| Error::Invalid {
            what: name.to_owned(),
            rule: "there is no tensor of this name".into(),
        })
    };
    let mut record = find(name)?;
    if let Some(same) = &record.same {
        record = find(same)?;
    }
    let (memory, view) = match &record.view {
        None => {
            let memory = ArrayReader::tensor(record)?.read_all(objects)?;
            (
                memory,
                match &record.order {
                    Some(order) => View::ordered(record.shape.clone(), order),
                    None => View::contiguous(record.shape.clone()),
                },
            )
        }
        Some(view) => {
            let array = match (&view.of, &view.storage) {
                (Some(of), None) => ArrayReader::tensor(find(of)?)?,
                (None, Some(storage)) => {
                    let found = manifest.storages.iter().find(|s| s.storage == *storage);
                    ArrayReader::storage(found.ok_or_else(|| Error::Invalid {
                        what: storage.clone(),
                        rule: "there is no storage of this name".into(),
                    })?)?
                }
                _ => {
                    return Err(Error::Invalid {
                        what: name.to_owned(),
                        rule: "a view is of a tensor or of a storage".into(),
                    });
                }
            };
            let strides = view.strides.clone();
            let view = View {
                shape: record.shape.clone(),
                strides,
                offset: view.offset,
            };
            (array.read_all(objects)?, view)
        }
    };
    if view
        .extent_bytes(record.dtype)
        .is_none_or(|needed| needed > memory.len() as u64)
    {
        return Err(Error::Invalid {
            what: name.to_owned(),
            rule: "it reaches outside its array".into(),
        });
    }
    let mut values = Vec::new();
    for_each_value(
        record.dtype,
        &view,
        |at, part| copy_part(&memory, at, part),
        |part| {
            values.extend_from_slice(part);
            Ok(())
        },
    )?;
    if tensor_hash(record.dtype, &record.shape, &values) != record.hash {
        return Err(Error::CorruptTensor {
            tensor: name.to_owned(),
            rule: "its values do not have the hash in the manifest".into(),
        });
    }
    Ok(values)
}
