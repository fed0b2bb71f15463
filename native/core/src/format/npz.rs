//! `npz`: a zip archive of NumPy arrays.
//!
//! In: an archive with a record `<name>.npy` and without pickles beside it. Out: one tensor per stored
//! array, named as NumPy names it; a `/` in the name separates folders. Compressed arrays stay in the
//! skeleton, as do arrays that `npy` refuses, and are listed. Records that are no arrays are literals.
//! Refused: what [`Archive::read`] refuses, an array that has another record's name, archives without
//! arrays. Specification: NumPy's documentation of `numpy.savez` and `numpy.load`.

use std::collections::HashSet;

use super::Facts;
use super::archive::ArchiveFormat;
use super::assemble::{Found, FoundStorage, FoundTensor};
use super::npy_header::{Element, Header, START, header_len};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, SubSource, unless_refused};
use crate::layout::{Bytes, Layout, Packed, Values};
use crate::tensor::path_name;
use crate::values::inflate_start;
use crate::zip::{Archive, Entry, Method};

/// See the module.
pub(super) struct Npz;

const SUFFIX: &str = ".npy";

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("npz: {rule}")))
}

impl ArchiveFormat for Npz {
    fn name(&self) -> &'static str {
        "npz"
    }

    fn claims(&self, archive: &Archive) -> bool {
        let any = |suffix: &str| archive.entries.iter().any(|e| e.name.ends_with(suffix));
        // Arrays beside a pickle: torch has files of its own kind in such archives.
        any(SUFFIX) && !any(".pkl")
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        archive: &Archive,
        limits: &Limits,
        _facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let names: HashSet<&str> = archive.entries.iter().map(|e| e.name.as_str()).collect();
        let mut found = Found::default();
        // What is inflated to see headers, together.
        let mut budget = limits.literal_bytes;
        for entry in &archive.entries {
            let Some(name) = entry.name.strip_suffix(SUFFIX) else {
                continue;
            };
            if names.contains(name) {
                return refuse(format!(
                    "records {name:?} and {:?}, header at byte {}, have one name",
                    entry.name, entry.header
                ));
            }
            if let Some(header) = header(source, entry, limits, &mut budget)? {
                add(&mut found, &path_name(name), &header, entry);
            }
        }
        if found.tensors.is_empty() && found.listed.is_empty() {
            return refuse("no record is an array");
        }
        found.assemble(self.name(), source.len())
    }
}

/// The header of the array in a record; `None` when it is no array, to NumPy either.
fn header(
    source: &dyn ReadAt,
    entry: &Entry,
    limits: &Limits,
    budget: &mut u64,
) -> Parse<Option<Header>> {
    if entry.method == Method::Stored {
        let Some(array) = SubSource::new(source, entry.payload, entry.len) else {
            return refuse("record outside the file");
        };
        return Ok(unless_refused(Header::read(&array, limits))?);
    }
    let inflate = |most: u64| inflate_start(source, entry.payload, entry.len, most);
    let len = inflate(START).and_then(|start| header_len(&start));
    let Some(len) = unless_refused(len)? else {
        return Ok(None);
    };
    let Some(left) = budget.checked_sub(len) else {
        return refuse("headers of compressed arrays are too long together");
    };
    *budget = left;
    let header = inflate(len).and_then(|bytes| Header::read(&bytes, limits));
    Ok(unless_refused(header)?)
}

/// Adds the array in a record.
fn add(found: &mut Found, name: &str, header: &Header, entry: &Entry) {
    let Ok((dtype, view, len)) = header.stored() else {
        let why = match header.element {
            Element::Unread(why) => why,
            _ => "its shape is too large",
        };
        let listed = header.listed_as(name, Values::Unread(why));
        return found.listed.push(listed);
    };
    let end = header.data.checked_add(len);
    if end.is_none_or(|end| end > entry.uncompressed) {
        let values = Values::Unread("its values end early");
        return found.listed.push(header.listed_as(name, values));
    }
    if entry.method == Method::Stored {
        found.tensors.push(FoundTensor {
            name: name.into(),
            storage: found.storages.len(),
            view: Some((dtype, view)),
        });
        found.storages.push(FoundStorage {
            offset: entry.payload + header.data,
            len,
        });
        return found.listed.extend(header.listed(name));
    }
    let values = match header.listed(name).map(|listed| listed.values) {
        Some(unread @ Values::Unread(_)) => unread,
        _ => Values::Packed(Packed {
            bytes: Bytes::Deflated {
                offset: entry.payload,
                len: entry.len,
                skip: header.data,
                size: len,
            },
            dtype,
            view,
        }),
    };
    found.listed.push(header.listed_as(name, values));
}
