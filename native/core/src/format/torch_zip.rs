//! `torch-zip`: the zip archives that `torch.save` writes since PyTorch 1.6.
//!
//! In: an archive of one folder with `data.pkl`, `version` and the storages `data/<key>`. Out: a layout
//! whose only segment, up to trailing bytes, is a [`Segment::TorchZip`] when the writer's rules
//! regenerate the archive; else literals and storages. Refused: ambiguous archives, compressed storages,
//! records that are missing or have another length than the pickle says, big-endian files, TorchScript.
//! Specification: PyTorch's `caffe2/serialize/inline_container.cc` and `torch/serialization.py`.

use std::collections::HashMap;

use super::archive::ArchiveFormat;
use super::assemble::{FoundStorage, FoundTensor, assemble};
use super::{Facts, torch_facts};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, read_vec};
use crate::layout::{Layout, Segment, StorageId};
use crate::pickle;
use crate::zip::{Archive, Entry, Method, recognise};

/// See the module.
pub(super) struct TorchZip;

/// Versions of the archive that torch loads.
const VERSIONS: std::ops::RangeInclusive<u64> = 1..=10;
const DEFAULT_ALIGNMENT: u64 = 64;
const MAX_ALIGNMENT: u64 = 1 << 16;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("torch zip: {rule}")))
}

impl ArchiveFormat for TorchZip {
    fn name(&self) -> &'static str {
        "torch-zip"
    }

    /// Any archive that is not of another kind: the reasons say what is missing.
    fn claims(&self, _archive: &Archive) -> bool {
        true
    }

    fn parse(&self, source: &dyn ReadAt, archive: &Archive, limits: &Limits) -> Parse<Layout> {
        let records = Records::new(source, archive)?;
        records.check()?;
        let (bytes, base) = records.pickle(limits)?;
        let graph = pickle::read(&bytes, base, limits)?;
        let found = pickle::torch::tensors(&graph, limits)?;
        drop(graph);

        let mut storages = Vec::with_capacity(found.storages.len());
        let mut storage_at = HashMap::new();
        for storage in &found.storages {
            let name = format!("data/{}", storage.key);
            if !records.by_name.contains_key(name.as_str()) {
                return refuse(format!(
                    "record {name} is missing, which the pickle refers to at byte {}",
                    storage.at
                ));
            }
            let record = records.stored(&name)?;
            if record.len != storage.len {
                return refuse(format!(
                    "record {name} at byte {} has {} bytes, the pickle says {} at byte {}",
                    record.payload, record.len, storage.len, storage.at
                ));
            }
            storage_at.insert(record.header, record.payload);
            storages.push(FoundStorage {
                offset: record.payload,
                len: record.len,
            });
        }
        let tensors = found.tensors.into_iter().map(|tensor| FoundTensor {
            name: tensor.name,
            storage: tensor.storage,
            view: tensor.view,
        });
        let mut layout = assemble(self.name(), source.len(), &storages, tensors.collect())?;

        let by_offset: HashMap<u64, StorageId> = layout
            .storages
            .iter()
            .enumerate()
            .map(|(id, storage)| (storage.offset, id))
            .collect();
        let storage = |index: usize| {
            let entry: &Entry = archive.entries.get(index)?;
            let payload = storage_at.get(&entry.header)?;
            by_offset.get(payload).copied()
        };
        let alignment = records.alignment()?;
        if let Some(zip) = recognise(source, archive, records.folder, alignment, storage)? {
            let rest = zip.len;
            layout.segments = vec![Segment::TorchZip(zip)];
            if rest < layout.size {
                layout.segments.push(Segment::Literal {
                    offset: rest,
                    len: layout.size - rest,
                });
            }
        }
        Ok(layout)
    }

    fn describe(&self, source: &dyn ReadAt, archive: &Archive, limits: &Limits) -> Parse<Facts> {
        let records = Records::new(source, archive)?;
        let (bytes, base) = records.pickle(limits)?;
        let mut facts = torch_facts::of_pickle(&bytes, base, limits);
        let script = records.by_name.contains_key("constants.pkl");
        if script {
            facts.weights_only = Some(torch_facts::refused("TorchScript archives"));
        }
        facts.writer = facts.writer.or_else(|| {
            let has = |name: &str| records.by_name.contains_key(name);
            let writer = if script {
                "TorchScript"
            } else if has(".storage_alignment") {
                "torch.save, since 2.7"
            } else if has("byteorder") {
                "torch.save, since 2.1"
            } else {
                "torch.save, 1.6 to 2.0"
            };
            has("version").then(|| writer.to_owned())
        });
        Ok(facts)
    }
}

/// The records, by their names inside the archive's folder.
struct Records<'a> {
    source: &'a dyn ReadAt,
    folder: &'a str,
    by_name: HashMap<&'a str, &'a Entry>,
}

impl<'a> Records<'a> {
    fn new(source: &'a dyn ReadAt, archive: &'a Archive) -> Parse<Self> {
        let first = archive.entries.get(archive.first).map(|e| e.name.as_str());
        let Some((folder, _)) = first.and_then(|name| name.split_once('/')) else {
            return refuse("records are in no folder: another kind of zip, which is not split yet");
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
            folder,
            by_name,
        })
    }

    /// A record whose payload is the bytes in the file.
    fn stored(&self, name: &str) -> Parse<&'a Entry> {
        match self.by_name.get(name) {
            None => refuse(format!("record {name} is missing")),
            Some(entry) if entry.method == Method::Deflated => refuse(format!(
                "record {name} at byte {} is compressed, and compressed files are not split yet",
                entry.header
            )),
            Some(entry) => Ok(entry),
        }
    }

    /// The pickle of the object, and where it is.
    fn pickle(&self, limits: &Limits) -> Parse<(Vec<u8>, u64)> {
        let entry = self.stored("data.pkl")?;
        if entry.len > limits.pickle_bytes {
            return refuse(format!(
                "data.pkl has more than {} bytes",
                limits.pickle_bytes
            ));
        }
        let bytes = read_vec(self.source, entry.payload, entry.len)?;
        Ok((bytes, entry.payload))
    }

    /// The content of a small record.
    fn small(&self, name: &str) -> Parse<Option<String>> {
        if !self.by_name.contains_key(name) {
            return Ok(None);
        }
        let entry = self.stored(name)?;
        if entry.len > 64 {
            return refuse(format!(
                "record {name} at byte {} is too long",
                entry.header
            ));
        }
        let bytes = read_vec(self.source, entry.payload, entry.len)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn check(&self) -> Parse<()> {
        if self.by_name.contains_key("constants.pkl") {
            return refuse("the file is a TorchScript archive, which is not split yet");
        }
        if !self.by_name.contains_key("data.pkl") {
            return refuse(
                "record data.pkl is missing: another kind of zip, which is not split yet",
            );
        }
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
            Some("big") => refuse("big-endian files are not split yet"),
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
}
