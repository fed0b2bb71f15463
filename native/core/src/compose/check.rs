//! Questions about a manifest's objects that need no checkpoint.

use std::sync::{Mutex, PoisonError};

use super::array::ArrayReader;
use crate::cancel::Cancel;
use crate::decompose::threads;
use crate::object::ObjectReader;
use crate::progress::Progress;
use crate::record::{Manifest, ObjectRef, Stamped};
use crate::turn::{Alarm, run_tickets};
use crate::{Error, Result};

/// Reads objects, given as `<oid>:<bytes>`; returns those that are missing and those that are damaged,
/// in the order in which they were given.
///
/// # Errors
/// [`Error::Invalid`] for text that names no object, [`Error::Io`], [`Error::Cancelled`].
pub fn verify(
    objects: &[String],
    reader: &ObjectReader,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<(Vec<String>, Vec<String>)> {
    let parsed: Vec<ObjectRef> = objects
        .iter()
        .map(|text| {
            text.parse().map_err(|()| Error::Invalid {
                what: format!("{text:?}"),
                rule: "an object is <oid>:<bytes>".into(),
            })
        })
        .collect::<Result<_>>()?;
    progress.expect(parsed.iter().map(|o| o.size).sum(), parsed.len() as u64);
    let bad = Mutex::new((Vec::new(), Vec::new()));
    run_tickets(
        threads(None),
        parsed.len(),
        &Alarm::default(),
        Vec::new,
        |buf, ticket| {
            cancel.check()?;
            let outcome = reader.read(&parsed[ticket], buf);
            let mut bad = bad.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Ok(()) => {}
                Err(Error::MissingObject { .. }) => bad.0.push(ticket),
                Err(Error::CorruptObject { .. }) => bad.1.push(ticket),
                Err(other) => return Err(other),
            }
            progress.add_bytes(parsed[ticket].size);
            progress.add_tensor();
            Ok(())
        },
    )?;
    let (mut missing, mut corrupt) = bad.into_inner().unwrap_or_else(PoisonError::into_inner);
    missing.sort_unstable();
    corrupt.sort_unstable();
    let name = |list: Vec<usize>| list.into_iter().map(|i| objects[i].clone()).collect();
    Ok((name(missing), name(corrupt)))
}

/// For every record, in the manifest's order, the chunk keys of its array in memory order (none in
/// constant form), or `null` for records without arrays: as a JSON array.
///
/// # Errors
/// [`Error::Invalid`] when a list of chunks does not have the length of its grid.
pub fn chunk_keys(manifest: &Manifest) -> Result<String> {
    let mut keys: Vec<Option<Vec<String>>> = vec![None];
    if manifest.pieces.is_some() {
        keys.push(None);
    }
    let stamped = manifest.stamped.as_ref().map(Stamped::skeleton);
    for skeleton in manifest.skeleton.iter().chain(&stamped) {
        keys.push(Some(ArrayReader::skeleton(skeleton)?.keys()));
    }
    keys.extend(manifest.groups.iter().map(|_| None));
    for storage in &manifest.storages {
        keys.push(Some(ArrayReader::storage(storage)?.keys()));
    }
    for tensor in &manifest.tensors {
        keys.push(match tensor.has_array() {
            true => Some(ArrayReader::tensor(tensor)?.keys()),
            false => None,
        });
    }
    serde_json::to_string(&keys).map_err(|e| Error::Internal(e.to_string()))
}
