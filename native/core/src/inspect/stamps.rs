//! What stamps a stored file has.

use crate::compose::hollow;
use crate::object::ObjectReader;
use crate::record::Manifest;
use crate::stamp::{Report, carries, read};
use crate::{Error, Result};

/// What [`read`] tells of the file of a manifest. Only the skeleton's objects are read.
///
/// # Errors
/// Missing or damaged objects of the skeleton.
pub fn stamps(manifest: &Manifest, objects: &ObjectReader) -> Result<Report> {
    if manifest.skeleton.is_none() || !carries(&manifest.header.format) {
        return Ok(Report::default());
    }
    read(&hollow(manifest, objects)?)
}

/// As [`stamps`], as JSON.
///
/// # Errors
/// As there.
pub fn stamps_json(manifest: &Manifest, objects: &ObjectReader) -> Result<String> {
    let report = stamps(manifest, objects)?;
    serde_json::to_string(&report).map_err(|e| Error::Internal(e.to_string()))
}
