//! What a file is: its tensors, and what else there is to know of it.
//!
//! In: a file. Out: a JSON report. Headers are read, and no tensor's values unless their hashes are asked
//! for; nothing in the file is executed. Tensors are those that the framework sees: a listed one stands in
//! the place of the stored ones that hold its values. A folder, and a file that says where the tensors of
//! others are, is shown with them as one model.

mod content;
mod set;
mod stamps;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use crate::arrange::{Form, Owner, arrange};
use crate::bytes::{Counted, FileSource, Limits, MAX_INTEGER, ReadAt, Refusal};
use crate::cancel::Cancel;
use crate::compose::hollow;
use crate::decompose::threads;
use crate::format::{self, Facts};
use crate::layout::{Held, Layout, Packed, Parsed};
use crate::object::ObjectReader;
use crate::progress::Progress;
use crate::record::Manifest;
use crate::tensor::{Dtype, Hash, View, hash_view, tensor_hash};
use crate::turn::map_tickets;
use crate::values;
use crate::{Error, Result};

pub use content::content_hash;
pub use stamps::{stamps, stamps_json};

/// What to find out.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only what a manifest would have: format and stored tensors.
    pub bare: bool,
    /// Hash the values of every tensor.
    pub hash: bool,
    /// Hash only tensors of these names.
    pub only: Option<HashSet<String>>,
    /// Threads for that; chosen from the processors by default.
    pub threads: Option<usize>,
}

impl Options {
    /// Is the tensor of this name among those to hash?
    fn wants(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(name))
    }
}

/// Bytes of encoded values that are decoded for their hash, by each thread.
const MOST_VALUES: u64 = 256 << 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    format: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(flatten)]
    facts: Facts,
    size: u64,
    parameters: u64,
    tensors: Vec<Tensor<'a>>,
    bytes_read: u64,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tensor<'a> {
    name: &'a str,
    dtype: &'a str,
    shape: &'a [u64],
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    same: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view_of: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<&'a str>,
    #[serde(skip)]
    at: At<'a>,
}

/// Where the values to hash are.
#[derive(Clone, Copy)]
enum At<'a> {
    /// A view from this position in the file.
    View(u64, Dtype, &'a View),
    Packed(&'a Packed),
    Nowhere,
}

/// Describes what is at a path, as JSON: `{format, reason?, writer?, objects?, globals?, weightsOnly?, size,
/// parameters, tensors: [{name, dtype, shape, bytes, hash?, same?, viewOf?, unread?}], bytesRead}`; of several
/// files `{format, writer?, size, parameters, tensors: [{name, dtype, shape, bytes, file, hash?}], files:
/// [{path, bytes, format, tensors}], problems}`.
///
/// Sizes in bytes; `parameters` counts the numbers of all tensors, aliases once; `same` names the tensor
/// that is the same view of the same storage, `viewOf` the tensor or storage whose bytes it looks at.
///
/// # Errors
/// [`Error::Io`] and [`Error::Invalid`] when it is no regular file that can be read;
/// [`Error::SourceChanged`] when it was written to meanwhile; [`Error::Cancelled`].
pub fn inspect_path(
    path: &Path,
    options: &Options,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<String> {
    if !options.bare
        && let Some(report) = set::inspect(path, options, cancel, progress)?
    {
        return Ok(report);
    }
    let source = FileSource::open(path)?;
    let report = inspect(&source, options, cancel, progress);
    source.check_unchanged()?;
    report
}

/// Describes a file; see [`inspect_path`].
///
/// # Errors
/// [`Error::Io`] when reading fails; [`Error::Cancelled`].
pub fn inspect(
    source: &dyn ReadAt,
    options: &Options,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<String> {
    let source = Counted::new(source);
    let limits = Limits::default();
    let (parsed, facts) = match options.bare {
        true => (format::parse(&source, &limits)?, Facts::default()),
        false => format::parse_and_describe(&source, &limits)?,
    };
    let (format, reason, mut tensors) = match &parsed {
        Parsed::Opaque(reason) => ("opaque", Some(reason.as_str()), Vec::new()),
        Parsed::Layout(layout) => {
            let shown = match options.bare {
                true => stored(layout),
                false => shown(layout),
            };
            (layout.format, None, shown)
        }
    };
    if options.hash {
        hash(&source, &mut tensors, options, cancel, progress)?;
    }
    let report = Report {
        format,
        reason,
        facts,
        size: source.len(),
        parameters: parameters(&tensors),
        tensors,
        bytes_read: source.bytes_read(),
    };
    serde_json::to_string(&report).map_err(|e| Error::Internal(e.to_string()))
}

#[derive(Serialize)]
struct Described<'a> {
    #[serde(flatten)]
    facts: Facts,
    size: u64,
    parameters: u64,
    tensors: Vec<Tensor<'a>>,
}

/// What a manifest's file is, from its skeleton's objects alone, as JSON: `{writer?, objects?, globals?,
/// weightsOnly?, size, parameters, tensors}` as in [`inspect_path`].
///
/// # Errors
/// As [`hollow`].
pub fn describe(manifest: &Manifest, objects: &ObjectReader) -> Result<String> {
    let source = hollow(manifest, objects)?;
    let limits = Limits::default();
    // No format looks at values to find out where they are.
    let (parsed, facts) = format::parse_and_describe(&source, &limits)?;
    let tensors = match &parsed {
        Parsed::Layout(layout) => shown(layout),
        Parsed::Opaque(reason) => return Err(Error::invalid("skeleton", reason.as_str())),
    };
    let described = Described {
        facts,
        size: source.len(),
        parameters: parameters(&tensors),
        tensors,
    };
    serde_json::to_string(&described).map_err(|e| Error::Internal(e.to_string()))
}

/// The stored tensors.
fn stored(layout: &Layout) -> Vec<Tensor<'_>> {
    let arrangement = arrange(layout);
    let tensors = layout.tensors.iter().zip(arrangement.forms);
    tensors
        .map(|(tensor, form)| {
            let (same, view_of) = match form {
                Form::Array(_) => (None, None),
                Form::Same(first) => (Some(layout.tensors[first].name.as_str()), None),
                Form::View(array) => {
                    let array = &arrangement.arrays[array];
                    let of = match array.owner {
                        Owner::Tensor(index, _) => &layout.tensors[index].name,
                        Owner::Storage(id) => &layout.storages[id].name,
                    };
                    // One that shares its storage with none looks at itself.
                    (None, Some(of.as_str()).filter(|of| *of != tensor.name))
                }
            };
            let offset = tensor.storage.map_or(0, |id| layout.storages[id].offset);
            Tensor {
                name: &tensor.name,
                dtype: tensor.dtype.name(),
                shape: &tensor.view.shape,
                bytes: tensor.dtype.byte_len(&tensor.view.shape).unwrap_or(0),
                hash: None,
                same,
                view_of,
                unread: None,
                at: At::View(offset, tensor.dtype, &tensor.view),
            }
        })
        .collect()
}

/// The tensors that the framework sees.
fn shown(layout: &Layout) -> Vec<Tensor<'_>> {
    let stored = stored(layout);
    let seen = layout.seen();
    let names: HashSet<&str> = seen.iter().map(|seen| seen.name).collect();
    seen.into_iter()
        .map(|seen| {
            let listed = |bytes: Option<u64>, at| Tensor {
                name: seen.name,
                dtype: seen.dtype,
                shape: seen.shape,
                bytes: bytes.unwrap_or(0),
                hash: None,
                same: None,
                view_of: None,
                unread: None,
                at,
            };
            match seen.held {
                Held::Tensor(index) => {
                    let tensor = stored[index].clone();
                    let same = tensor.same.filter(|same| names.contains(same));
                    Tensor { same, ..tensor }
                }
                Held::Bytes(index) => listed(Some(stored[index].bytes), stored[index].at),
                Held::Packed(packed) => {
                    let bytes = packed.dtype.byte_len(&packed.view.shape);
                    listed(bytes, At::Packed(packed))
                }
                Held::Unread(why) => {
                    let bytes = Dtype::parse(seen.dtype).and_then(|d| d.byte_len(seen.shape));
                    let bytes = bytes.map(|bytes| bytes.min(MAX_INTEGER));
                    Tensor {
                        unread: Some(why),
                        ..listed(bytes, At::Nowhere)
                    }
                }
            }
        })
        .collect()
}

/// Numbers in all tensors that can be read; truth values are none.
fn parameters(tensors: &[Tensor<'_>]) -> u64 {
    let counted = tensors
        .iter()
        .filter(|t| t.same.is_none() && t.unread.is_none() && t.dtype != "bool");
    count(counted.map(|t| t.shape))
}

/// Elements of all shapes.
fn count<'a>(shapes: impl Iterator<Item = &'a [u64]>) -> u64 {
    let elements = |shape: &[u64]| shape.iter().fold(1u64, |n, &d| n.saturating_mul(d));
    let sum = shapes.map(elements).fold(0u64, u64::saturating_add);
    sum.min(MAX_INTEGER)
}

/// Hashes what can be read; aliases have the hash of what they are the same as.
fn hash(
    source: &dyn ReadAt,
    tensors: &mut [Tensor<'_>],
    options: &Options,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<()> {
    let names: HashSet<&str> = tensors
        .iter()
        .filter(|tensor| options.wants(tensor.name))
        .map(|tensor| tensor.same.unwrap_or(tensor.name))
        .collect();
    let todo: Vec<&Tensor<'_>> = tensors
        .iter()
        .filter(|tensor| names.contains(tensor.name))
        .collect();
    let bytes = |tensor: &&Tensor<'_>| tensor.bytes;
    let hashes = hash_each(&todo, bytes, options, cancel, progress, |tensor| {
        hash_one(source, tensor, cancel, progress)
    })?;
    let found: HashMap<&str, Hash> = todo
        .iter()
        .zip(hashes)
        .filter_map(|(tensor, hash)| Some((tensor.name, hash?)))
        .collect();
    for tensor in tensors {
        let of = tensor.same.unwrap_or(tensor.name);
        tensor.hash = found.get(of).map(Hash::to_string);
    }
    Ok(())
}

/// Hashes tensors of so many bytes each, on several threads.
fn hash_each<T: Sync>(
    tensors: &[T],
    bytes: impl Fn(&T) -> u64,
    options: &Options,
    cancel: &Cancel,
    progress: &Progress,
    hash: impl Fn(&T) -> Result<Option<Hash>> + Sync,
) -> Result<Vec<Option<Hash>>> {
    let total = tensors.iter().map(bytes).fold(0, u64::saturating_add);
    progress.expect(total, tensors.len() as u64);
    let threads = threads(options.threads);
    map_tickets(
        threads,
        tensors.len(),
        || (),
        |(), ticket| {
            cancel.check()?;
            let hash = hash(&tensors[ticket])?;
            progress.add_tensor();
            Ok(hash)
        },
    )
}

/// The hash of a tensor; none when its values cannot be read, or only with more memory.
fn hash_one(
    source: &dyn ReadAt,
    tensor: &Tensor<'_>,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<Option<Hash>> {
    let reading = || Error::io("reading", source.origin());
    match tensor.at {
        At::Nowhere => Ok(None),
        At::View(offset, dtype, view) => hash_view(dtype, view, |at, part| {
            cancel.check()?;
            source.read_exact_at(offset + at, part).map_err(reading())?;
            progress.add_bytes(part.len() as u64);
            Ok(())
        })
        .map(Some),
        At::Packed(packed) => match values::read(source, packed, MOST_VALUES) {
            Ok(values) => {
                progress.add_bytes(tensor.bytes);
                Ok(Some(tensor_hash(packed.dtype, tensor.shape, &values)))
            }
            Err(Refusal::Content(_)) => Ok(None),
            Err(Refusal::Io(error)) => Err(reading()(error)),
        },
    }
}
