//! Is an archive exactly what PyTorch's writer makes of its records?

use super::StorageId;
use super::archive::Archive;
use super::entry::Method;
use super::plan::{LateId, ZipPart};
use super::torch::{Payload, Record, TorchZip};
use crate::bytes::{Parse, ReadAt, Refusal, read_vec};

/// Bytes compared at a time.
const WINDOW: usize = 1 << 20;

/// The archive as a [`TorchZip`], if the writer's rules regenerate every byte of it that is not a
/// payload, from the CRCs that it states. Whether these are the payloads' own is for the one who reads
/// the payloads to check. `storage` says which entries (by index) are storages.
///
/// # Errors
/// Only when reading fails.
pub fn recognise(
    source: &dyn ReadAt,
    archive: &Archive,
    folder: &str,
    alignment: u64,
    storage: impl Fn(usize) -> Option<StorageId>,
) -> Parse<Option<TorchZip>> {
    let mut records = Vec::with_capacity(archive.entries.len());
    for (index, entry) in archive.entries.iter().enumerate() {
        let name = entry.name.strip_prefix(folder);
        let Some(name) = name.and_then(|name| name.strip_prefix('/')) else {
            return Ok(None);
        };
        if entry.method != Method::Stored {
            return Ok(None);
        }
        let payload = match storage(index) {
            Some(id) if entry.len > 0 => Payload::Storage(id),
            _ => Payload::Literal,
        };
        records.push(Record {
            name: name.to_owned(),
            offset: entry.payload,
            len: entry.len,
            crc: entry.crc,
            payload,
        });
    }
    let mut zip = TorchZip {
        offset: 0,
        len: archive.end,
        archive: folder.to_owned(),
        alignment,
        crc: records.iter().any(|r| r.crc != 0) || records.iter().all(|r| r.len == 0),
        records,
    };
    mark_serialization_id(source, &mut zip)?;
    Ok(regenerates(source, &zip)?.then_some(zip))
}

/// The second half of the serialization id follows from the CRCs; if it does not, it is a literal.
fn mark_serialization_id(source: &dyn ReadAt, zip: &mut TorchZip) -> Parse<()> {
    let Some(index) = zip
        .records
        .iter()
        .position(|r| r.name == ".data/serialization_id" && r.len == 40)
    else {
        return Ok(());
    };
    let stated = read_vec(source, zip.records[index].offset, 40)?;
    if !stated.iter().all(u8::is_ascii_digit) {
        return Ok(());
    }
    let mut first = [0; 20];
    first.copy_from_slice(&stated[..20]);
    zip.records[index].payload = Payload::SerializationId(first);
    let crcs: Vec<u32> = zip.records.iter().map(|r| r.crc).collect();
    let follows = zip
        .plan()
        .is_ok_and(|plan| plan.late(LateId::SerializationId(index), &crcs) == stated);
    if !follows {
        zip.records[index].payload = Payload::Literal;
    }
    Ok(())
}

fn regenerates(source: &dyn ReadAt, zip: &TorchZip) -> Parse<bool> {
    let Ok(plan) = zip.plan() else {
        return Ok(false);
    };
    if plan.len() != zip.len {
        return Ok(false);
    }
    let crcs: Vec<u32> = zip.records.iter().map(|r| r.crc).collect();
    let mut at = zip.offset;
    for part in plan.parts() {
        let same = match part {
            ZipPart::Payload(record) => zip.records[*record].offset == at,
            ZipPart::Bytes(bytes) => equal(source, at, bytes)?,
            ZipPart::Late(id, _) => equal(source, at, &plan.late(*id, &crcs))?,
        };
        if !same {
            return Ok(false);
        }
        at += plan.part_len(part);
    }
    Ok(true)
}

fn equal(source: &dyn ReadAt, at: u64, expected: &[u8]) -> Result<bool, Refusal> {
    let mut buffer = vec![0; expected.len().min(WINDOW)];
    let mut at = at;
    for part in expected.chunks(WINDOW) {
        let found = &mut buffer[..part.len()];
        source.read_exact_at(at, found)?;
        if found != part {
            return Ok(false);
        }
        at += part.len() as u64;
    }
    Ok(true)
}
