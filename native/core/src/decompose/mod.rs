//! From a file to its parts: a manifest, and the objects that it names.
//!
//! In: a source of bytes, a folder for objects, manifests of earlier versions. Out: the records of the
//! manifest. Whatever the bytes are, they can be put together again: a file that no format can split
//! safely is cut into pieces. Before the manifest is returned, the skeleton has been composed again
//! and compared with the source, every new chunk has been decoded and compared, and reused arrays
//! have been compared by hash.

mod arrays;
mod deferred;
mod pieces;
mod scratch;
mod skeleton;
mod split;

use std::path::{Path, PathBuf};

use crate::bytes::{FileSource, Limits, ReadAt};
use crate::cancel::Cancel;
use crate::format;
use crate::layout::Parsed;
use crate::object::ObjectWriter;
use crate::progress::Progress;
use crate::record::Manifest;
use crate::{Error, Result};

/// Most threads that are used unless the caller says otherwise: each holds a few chunks in memory.
const MAX_THREADS: usize = 6;

/// Manifests near the limit of their text (64 MiB) are not written: the file is stored whole.
const MAX_RECORDS: usize = 60 << 20;

/// What decompose works with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder that objects go into, as `ab/cd/<oid>`.
    pub store: PathBuf,
    /// Folder for temporary files, on the store's file system.
    pub temp: PathBuf,
    /// Earlier versions: an array with the same name, hash and order keeps its objects, whether they
    /// are in the store or not.
    pub previous: Vec<Manifest>,
    /// Threads; `None` chooses.
    pub threads: Option<usize>,
    /// Write objects through to the disk.
    pub sync: bool,
}

/// What decompose returns.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The records.
    pub manifest: Manifest,
    /// Objects that were not there before.
    pub written: u64,
    /// Their bytes.
    pub bytes_written: u64,
}

/// The threads to use when `asked` were asked for.
#[must_use]
pub fn threads(asked: Option<usize>) -> usize {
    asked
        .unwrap_or_else(|| {
            std::thread::available_parallelism()
                .map_or(1, usize::from)
                .min(MAX_THREADS)
        })
        .max(1)
}

/// Splits a file.
///
/// # Errors
/// As [`decompose`]; [`Error::SourceChanged`] when the file was written to meanwhile.
pub fn decompose_file(
    path: &Path,
    options: &Options,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<Outcome> {
    let source = FileSource::open(path)?;
    let outcome = decompose(&source, options, cancel, progress).map_err(|error| match error {
        Error::Io {
            action: "reading",
            source: cause,
            ..
        } if cause.kind() == std::io::ErrorKind::UnexpectedEof => Error::SourceChanged {
            path: path.to_owned(),
        },
        other => other,
    })?;
    source.check_unchanged()?;
    Ok(outcome)
}

/// Splits the bytes of `source`.
///
/// # Errors
/// [`Error::Io`] and [`Error::Cancelled`]. Content is never an error.
pub fn decompose(
    source: &dyn ReadAt,
    options: &Options,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<Outcome> {
    let writer = ObjectWriter::new(&options.store, &options.temp, options.sync)?;
    let work = Work {
        source,
        options,
        cancel,
        progress,
        writer: &writer,
    };
    let manifest = match format::parse(source, &Limits::default())? {
        Parsed::Layout(layout) => match split::split(&work, layout)? {
            Ok(manifest) => manifest,
            Err(reason) => pieces::pieces(&work, reason)?,
        },
        Parsed::Opaque(reason) => pieces::pieces(&work, reason)?,
    };
    let (written, bytes_written) = writer.written();
    Ok(Outcome {
        manifest,
        written,
        bytes_written,
    })
}

/// What every step needs.
#[derive(Clone, Copy)]
struct Work<'a> {
    source: &'a dyn ReadAt,
    options: &'a Options,
    cancel: &'a Cancel,
    progress: &'a Progress,
    writer: &'a ObjectWriter,
}

impl Work<'_> {
    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.source
            .read_exact_at(offset, buf)
            .map_err(Error::io("reading", "the checkpoint"))
    }
}
