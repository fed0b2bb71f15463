//! `torch-zip`: the zip archives that `torch.save` writes since PyTorch 1.6.
//!
//! In: an archive of one folder with `data.pkl`, `version` and the storages `data/<key>`. Out: a layout
//! whose only segment, up to trailing bytes, is a [`Segment::TorchZip`] when the writer's rules
//! regenerate the archive; else literals and storages. Behind an archive may be a stamp that was appended to
//! it: it is a literal of its own, and the archive is as it was before. Records that another tool has compressed stay as
//! they are, their tensors are listed. Refused: ambiguous archives, records that are missing or have
//! another length than the pickle says, big-endian files.
//! Specification: PyTorch's `caffe2/serialize/inline_container.cc` and `torch/serialization.py`.
//!
//! [`Segment::TorchZip`]: crate::layout::Segment::TorchZip

use super::archive::ArchiveFormat;
use super::gather::Gather;
use super::torch_records::Records;
use super::{Facts, torch_facts};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, SubSource, unless_refused};
use crate::layout::{Layout, Segment};
use crate::pickle::{self, torch::Found, torch::Ids};
use crate::zip::{Archive, Entry, Method, stamped};

/// See the module.
pub(super) struct TorchZip;

impl ArchiveFormat for TorchZip {
    fn name(&self) -> &'static str {
        "torch-zip"
    }

    /// Any archive that is not of another kind: the reasons say what is missing.
    fn claims(&self, _archive: &Archive) -> bool {
        true
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        archive: &Archive,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let (layout, records) = read(source, archive, limits, facts)?;
        match stamped(source, archive, limits)? {
            Some(stamped) => behind(source, stamped.base, layout, limits),
            None => records.regenerate(layout),
        }
    }
}

/// The layout by literals and storages, and the records.
fn read<'a>(
    source: &'a dyn ReadAt,
    archive: &'a Archive,
    limits: &'a Limits,
    facts: Option<&mut Facts>,
) -> Parse<(Layout, Records<'a>)> {
    let mut records = Records::new(source, archive, limits)?;
    if !records.has("data.pkl") {
        return Err(Refusal::new(
            "torch zip: record data.pkl is missing: another kind of zip, which is not split",
        ));
    }
    let found = object(&mut records, limits, facts, |records, facts| {
        facts.writer = facts.writer.take().or_else(|| writer(records));
    })?;
    let mut gather = Gather::new(limits);
    gather.pickle("", found, |storage| {
        records.storage(&format!("data/{}", storage.key), storage)
    })?;
    let layout = gather.assemble(TorchZip.name(), source.len())?;
    Ok((layout, records))
}

/// The layout of an archive to which a stamp was appended: that of the archive before, which its writer's
/// rules may regenerate, and what was appended. `layout` is what readers of the whole see: it stays where the
/// archive before holds other tensors.
fn behind(source: &dyn ReadAt, base: u64, layout: Layout, limits: &Limits) -> Parse<Layout> {
    let Some(before) = SubSource::new(source, 0, base) else {
        return Ok(layout);
    };
    let inner = unless_refused(before_stamp(&before, limits))?;
    let same = |inner: &Layout| {
        (&inner.tensors, &inner.storages, &inner.listed)
            == (&layout.tensors, &layout.storages, &layout.listed)
    };
    let Some(inner) = inner.filter(same) else {
        return Ok(layout);
    };
    let mut segments = inner.segments;
    segments.push(Segment::Literal {
        offset: base,
        len: source.len() - base,
    });
    Ok(Layout { segments, ..layout })
}

/// The layout of an archive that may have a stamp, which is not looked for: so stamps are not nested.
fn before_stamp(before: &dyn ReadAt, limits: &Limits) -> Parse<Layout> {
    let archive = Archive::read(before, limits)?;
    let (layout, records) = read(before, &archive, limits, None)?;
    records.regenerate(layout)
}

/// Which versions of PyTorch write such records; `None` without the version of the archive.
fn writer(records: &Records<'_>) -> Option<String> {
    let writer = if !records.has("version") {
        return None;
    } else if records.has(".storage_alignment") {
        "torch.save, since 2.7"
    } else if records.has("byteorder") {
        "torch.save, since 2.1"
    } else {
        "torch.save, 1.6 to 2.0"
    };
    Some(writer.to_owned())
}

/// The tensors of the object, `data.pkl`. What it tells, and `tell` adds, is also told of archives that are
/// not split.
pub(super) fn object(
    records: &mut Records<'_>,
    limits: &Limits,
    mut facts: Option<&mut Facts>,
    tell: impl FnOnce(&Records<'_>, &mut Facts),
) -> Parse<Found> {
    let checked = records.check();
    let found = pickle_record(records, "data.pkl", Ids::Zip, limits, facts.as_deref_mut());
    // Nothing is told of a record that cannot be read.
    if let Some(facts) = facts.filter(|facts| facts.globals.is_some()) {
        tell(records, facts);
    }
    checked?;
    found
}

/// The tensors that the pickle in a record describes, and what else it tells.
pub(super) fn pickle_record(
    records: &mut Records<'_>,
    name: &str,
    ids: Ids<'_>,
    limits: &Limits,
    facts: Option<&mut Facts>,
) -> Parse<Found> {
    let (bytes, at) = records.read(name)?;
    let (graph, end) = pickle::survey(&bytes, at, limits);
    if let Some(facts) = facts {
        *facts = torch_facts::of_graph(&graph, &end, limits);
    }
    end?;
    pickle::torch::tensors(&graph, ids, limits)
}

/// The layout of a torch zip that is all of `source`, a part of a file, and has nothing compressed in it:
/// there may be many of them.
pub(super) fn parse_stored(source: &dyn ReadAt, limits: &Limits) -> Parse<Layout> {
    let archive = Archive::read(source, limits)?;
    let deflated = |entry: &&Entry| entry.method == Method::Deflated;
    if let Some(entry) = archive.entries.iter().find(deflated) {
        return Err(Refusal::new(format!(
            "torch zip: record {:?} of an inner archive is compressed",
            entry.name
        )));
    }
    TorchZip.parse(source, &archive, &limits.of_part(source.len()), None)
}
