//! Archives to which a stamp was appended: where the archive ends that was there before.
//!
//! In: an archive. Out: the stamp, and the length of the archive before it. What follows must be exactly what
//! [`append`] writes behind that archive for the stamp and, where one was replaced, a new `data.pkl`; so a
//! stamp that lies about the length, or any other change, is no stamp, and stamps are not nested. Where the
//! values of tensors are not there, the CRCs of old entries are not compared. Refused: nothing; damage that
//! concerns the archive itself is left to who reads it.

use serde_json::Value;

use super::append::{Addition, append};
use super::archive::Archive;
use super::entry::{Entry, Method};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, SubSource, read_vec};

/// Name of the record with the stamp, in the folder of the archive.
pub const STAMP: &str = ".git_theta/stamp.json";

/// Bytes of a stamp, at most.
pub const MAX_STAMP: u64 = 1 << 20;

/// A stamp behind an archive.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// The stamp's text.
    pub stamp: String,
    /// Length of the archive that it was appended to.
    pub base: u64,
    /// Was `data.pkl` replaced?
    pub pickle: bool,
}

/// The stamp that was appended to an archive. `None` when there is none, or when it is not what it says.
///
/// # Errors
/// When reading fails.
pub fn stamped(source: &dyn ReadAt, archive: &Archive, limits: &Limits) -> Parse<Option<Stamped>> {
    match read(source, archive, limits) {
        Err(Refusal::Content(_)) => Ok(None),
        found => found,
    }
}

fn read(source: &dyn ReadAt, archive: &Archive, limits: &Limits) -> Parse<Option<Stamped>> {
    let folder = archive.entries.get(archive.first);
    let Some((folder, _)) = folder.and_then(|entry| entry.name.split_once('/')) else {
        return Ok(None);
    };
    let names = [format!("{folder}/data.pkl"), format!("{folder}/{STAMP}")];
    let find = |name: &str| archive.entries.iter().find(|entry| entry.name == name);
    let (Some(pickle), Some(record)) = (find(&names[0]), find(&names[1])) else {
        return Ok(None);
    };
    let Some(stamp) = text(source, record)? else {
        return Ok(None);
    };
    let Some(base) = base_length(&stamp).filter(|&base| base <= record.header) else {
        return Ok(None);
    };
    let Some(before) = SubSource::new(source, 0, base) else {
        return Ok(None);
    };
    let replaced = pickle.header >= base;
    if replaced && pickle.len > limits.pickle_bytes {
        return Ok(None);
    }
    let mut additions = Vec::with_capacity(2);
    let bytes;
    if replaced {
        bytes = read_vec(source, pickle.payload, pickle.len)?;
        additions.push(Addition {
            name: &names[0],
            bytes: &bytes,
        });
    }
    additions.push(Addition {
        name: &names[1],
        bytes: stamp.as_bytes(),
    });
    let old = Archive::read_unstamped(&before, limits)?;
    let mut tail = append(&before, &old, &additions)?;
    if base + tail.len() as u64 != source.len() {
        return Ok(None);
    }
    let mut there = read_vec(source, base, tail.len() as u64)?;
    if !source.has_values() {
        let directory = archive.directory.0.saturating_sub(base) as usize;
        forget_crcs(&mut tail, directory);
        forget_crcs(&mut there, directory);
    }
    if there != tail {
        return Ok(None);
    }
    Ok(Some(Stamped {
        stamp,
        base,
        pickle: replaced,
    }))
}

/// Sets the CRCs to 0 in the directory that begins here.
fn forget_crcs(bytes: &mut [u8], mut at: usize) {
    const ENTRY: usize = 46;
    while let Some(entry) = bytes.get_mut(at..).filter(|rest| rest.len() >= ENTRY) {
        if !entry.starts_with(b"PK\x01\x02") {
            return;
        }
        entry[16..20].fill(0);
        let lens = [28, 30, 32].map(|field| u16::from_le_bytes([entry[field], entry[field + 1]]));
        at += ENTRY + lens.into_iter().map(usize::from).sum::<usize>();
    }
}

/// The content of a record that may be a stamp.
fn text(source: &dyn ReadAt, record: &Entry) -> Parse<Option<String>> {
    if record.method != Method::Stored || record.len > MAX_STAMP {
        return Ok(None);
    }
    let bytes = read_vec(source, record.payload, record.len)?;
    Ok(String::from_utf8(bytes).ok())
}

/// What a stamp says of the length of the file before it.
fn base_length(stamp: &str) -> Option<u64> {
    let stamp: Value = serde_json::from_str(stamp).ok()?;
    stamp.pointer("/content/file_base/length")?.as_u64()
}
