//! The records of an archive that PyTorch wrote, by their names in its folder.
//!
//! In: an [`Archive`]. Out: contents of small records and of pickles, stored or inflated, and where those of
//! storages are. Refused: records outside the folder, unknown versions of the archive, big-endian files.

use std::collections::HashMap;

use super::gather::Stored;
use crate::bytes::{Limits, Parse, ReadAt, Refusal, read_vec};
use crate::layout::{Layout, Segment, StorageId};
use crate::pickle::torch::Storage;
use crate::values;
use crate::zip::{Archive, Entry, Method, recognise};

/// Versions of the archive that torch loads.
const VERSIONS: std::ops::RangeInclusive<u64> = 1..=10;
const DEFAULT_ALIGNMENT: u64 = 64;
const MAX_ALIGNMENT: u64 = 1 << 16;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("torch zip: {rule}")))
}

/// The folder that all records are in, by the first one.
pub(crate) fn folder(archive: &Archive) -> Option<&str> {
    let first = archive.entries.get(archive.first)?;
    first.name.split_once('/').map(|(folder, _)| folder)
}

/// Is there a record of this name in the folder?
pub(crate) fn has(archive: &Archive, name: &str) -> bool {
    folder(archive).is_some_and(|folder| {
        archive.entries.iter().any(|entry| {
            let inside = entry.name.strip_prefix(folder);
            inside.and_then(|inside| inside.strip_prefix('/')) == Some(name)
        })
    })
}

/// See the module.
pub(crate) struct Records<'a> {
    source: &'a dyn ReadAt,
    archive: &'a Archive,
    folder: &'a str,
    by_name: HashMap<&'a str, &'a Entry>,
    /// Bytes of pickles that may still be read.
    budget: u64,
    limits: &'a Limits,
}

impl<'a> Records<'a> {
    pub(crate) fn new(
        source: &'a dyn ReadAt,
        archive: &'a Archive,
        limits: &'a Limits,
    ) -> Parse<Self> {
        let Some(folder) = folder(archive) else {
            return refuse("records are in no folder: another kind of zip, which is not split");
        };
        let mut by_name = HashMap::with_capacity(archive.entries.len());
        for entry in &archive.entries {
            let inside = entry.name.strip_prefix(folder);
            let Some(name) = inside.and_then(|name| name.strip_prefix('/')) else {
                return refuse(format!(
                    "record {:?} at byte {} is not in the folder {folder:?}",
                    entry.name, entry.header
                ));
            };
            by_name.insert(name, entry);
        }
        Ok(Self {
            source,
            archive,
            folder,
            by_name,
            budget: limits.pickle_bytes,
            limits,
        })
    }

    /// Names in the folder, in the order of the file.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        let skip = self.folder.len() + 1;
        let entries = self.archive.entries.iter();
        entries.filter_map(move |entry| entry.name.get(skip..))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(crate) fn entry(&self, name: &str) -> Parse<&'a Entry> {
        match self.by_name.get(name) {
            Some(entry) => Ok(entry),
            None => refuse(format!("record {name} is missing")),
        }
    }

    /// What a record holds, and the position that it has in messages. All of them together are bounded.
    pub(crate) fn read(&mut self, name: &str) -> Parse<(Vec<u8>, u64)> {
        let entry = self.entry(name)?;
        let Some(rest) = self.budget.checked_sub(entry.uncompressed) else {
            let most = self.limits.pickle_bytes;
            return refuse(format!(
                "{name} has more than {most} bytes, or all pickles together do"
            ));
        };
        self.budget = rest;
        Ok((self.content(entry)?, entry.payload))
    }

    fn content(&self, entry: &Entry) -> Parse<Vec<u8>> {
        match entry.method {
            Method::Stored => Ok(read_vec(self.source, entry.payload, entry.len)?),
            Method::Deflated => {
                values::inflate(self.source, entry.payload, entry.len, entry.uncompressed)
            }
        }
    }

    /// Where a storage is, which must have the length that the pickle says.
    pub(super) fn storage(&self, name: &str, storage: &Storage) -> Parse<Stored> {
        let Some(record) = self.by_name.get(name) else {
            return refuse(format!(
                "record {name} is missing, which the pickle refers to at byte {}",
                storage.at
            ));
        };
        if record.uncompressed != storage.len {
            return refuse(format!(
                "record {name} at byte {} has {} bytes, the pickle says {} at byte {}",
                record.payload, record.uncompressed, storage.len, storage.at
            ));
        }
        Ok(stored(record))
    }

    /// The content of a small record.
    pub(crate) fn small(&self, name: &str) -> Parse<Option<String>> {
        let Some(entry) = self.by_name.get(name) else {
            return Ok(None);
        };
        if entry.uncompressed > 64 {
            return refuse(format!(
                "record {name} at byte {} is too long",
                entry.header
            ));
        }
        let bytes = self.content(entry)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Checks the version of the archive and the order of bytes.
    pub(crate) fn check(&self) -> Parse<()> {
        let version = match (self.small("version")?, self.small(".data/version")?) {
            (Some(version), None) | (None, Some(version)) => version,
            (None, None) => return refuse("record version is missing"),
            _ => return refuse("two records with the version"),
        };
        if !version
            .trim_ascii()
            .parse()
            .is_ok_and(|v| VERSIONS.contains(&v))
        {
            return refuse(format!("unknown version {version:?}"));
        }
        match self.small("byteorder")?.as_deref() {
            None | Some("little") => Ok(()),
            Some("big") => refuse("big-endian files are not split"),
            Some(other) => refuse(format!("unknown byteorder {other:?}")),
        }
    }

    fn alignment(&self) -> Parse<u64> {
        let stated = self.small(".storage_alignment")?;
        Ok(stated
            .and_then(|text| text.parse().ok())
            .filter(|alignment| (1..=MAX_ALIGNMENT).contains(alignment))
            .unwrap_or(DEFAULT_ALIGNMENT))
    }

    /// The layout with the archive regenerated, where the writer's rules do that and every storage is a
    /// record.
    pub(crate) fn regenerate(&self, mut layout: Layout) -> Parse<Layout> {
        let by_range: HashMap<(u64, u64), StorageId> = layout
            .storages
            .iter()
            .enumerate()
            .map(|(id, storage)| ((storage.offset, storage.len), id))
            .collect();
        let storage = |index: usize| {
            let entry = self.archive.entries.get(index)?;
            by_range.get(&(entry.payload, entry.len)).copied()
        };
        let alignment = self.alignment()?;
        let zip = recognise(self.source, self.archive, self.folder, alignment, storage)?;
        let Some(zip) = zip.filter(|zip| zip.storages().count() == layout.storages.len()) else {
            return Ok(layout);
        };
        let rest = zip.len;
        layout.segments = vec![Segment::TorchZip(zip)];
        if rest < layout.size {
            layout.segments.push(Segment::Literal {
                offset: rest,
                len: layout.size - rest,
            });
        }
        Ok(layout)
    }
}

/// Where the content of a record is.
pub(super) fn stored(record: &Entry) -> Stored {
    match record.method {
        Method::Stored => Stored::Plain {
            offset: record.payload,
            len: record.len,
        },
        Method::Deflated => Stored::Deflated {
            offset: record.payload,
            len: record.len,
            size: record.uncompressed,
        },
    }
}
