//! A stored checkpoint without its tensors.

use super::stream::split;
use crate::Result;
use crate::object::ObjectReader;
use crate::record::Manifest;
use crate::skeleton::Hollow;

/// Reads what is no tensor of a checkpoint: the objects of its skeleton alone, with the stamp if it has one.
///
/// # Errors
/// Missing or damaged objects of the skeleton; [`Error::Invalid`](crate::Error::Invalid) for manifests
/// that contradict the specification.
pub fn hollow(manifest: &Manifest, objects: &ObjectReader) -> Result<Hollow> {
    let (_, plan, container) = split(manifest, objects)?;
    Ok(Hollow::new(&plan, container))
}
