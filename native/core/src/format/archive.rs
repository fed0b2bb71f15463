//! Zip archives: which kind a file is, by the records in it.
//!
//! In: a file that begins like a record. Out: what the first of [`ARCHIVES`] that takes the archive for its
//! own makes of it. Refused: what [`Archive::read`] refuses.

use super::{
    Facts, Format, Probe, keras, npz, torch_export, torch_package, torch_script, torch_zip,
};
use crate::bytes::{Limits, Parse, ReadAt};
use crate::layout::Layout;
use crate::zip::Archive;

/// A kind of zip archive, with the methods of [`Format`] on its records.
pub(super) trait ArchiveFormat: Sync {
    /// See [`Format::name`].
    fn name(&self) -> &'static str;

    /// Do these records make it one of this kind?
    fn claims(&self, archive: &Archive) -> bool;

    /// See [`Format::parse`].
    ///
    /// # Errors
    /// As there.
    fn parse(
        &self,
        source: &dyn ReadAt,
        archive: &Archive,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout>;
}

/// All kinds, in the order in which they are asked.
const ARCHIVES: &[&dyn ArchiveFormat] = &[
    &torch_script::TorchScript,
    &torch_export::TorchExport,
    &torch_package::TorchPackage,
    &npz::Npz,
    &keras::Keras,
    // Last: it takes what is left, and says what it misses.
    &torch_zip::TorchZip,
];

/// See the module.
pub(super) struct Zip;

/// The name of the kind that an archive is of.
pub(crate) fn kind_name(archive: &Archive) -> &'static str {
    kind(archive).name()
}

fn kind(archive: &Archive) -> &'static dyn ArchiveFormat {
    let found = ARCHIVES.iter().find(|kind| kind.claims(archive));
    *found.unwrap_or(&(&torch_zip::TorchZip as &dyn ArchiveFormat))
}

impl Format for Zip {
    fn name(&self) -> &'static str {
        "zip"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        file.head.starts_with(b"PK\x03\x04")
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let archive = Archive::read(source, limits)?;
        kind(&archive).parse(source, &archive, limits, facts)
    }
}
