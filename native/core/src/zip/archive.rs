//! Where the records of a zip archive are.
//!
//! In: an archive from its first byte. Out: its records, in the order of the file, with the positions
//! of their payloads. Refused: whatever two honest readers could understand differently — two end
//! records, headers that disagree with the directory, overlaps, names that are equal or differ only in
//! case — besides what is damaged, encrypted, split or compressed in an unknown way. Everything that is
//! no payload is the caller's literal: descriptors, padding and gaps are not looked at.
//! Specification: PKWARE's APPNOTE 6.3; choices among readers as in PyTorch's and Python's.

use std::collections::HashSet;

use super::entry::Entry;
use super::stamped::stamped;
use crate::bytes::{Cursor, Limits, Parse, ReadAt, Refusal, read_vec};

/// The records of an archive.
#[derive(Clone, Debug)]
pub struct Archive {
    /// In the order of the file.
    pub entries: Vec<Entry>,
    /// Index of the entry that the central directory lists first.
    pub first: usize,
    /// Position and length of the central directory.
    pub directory: (u64, u64),
    /// Position after the archive; what follows is no part of it.
    pub end: u64,
}

const BEGINNING: &str = "the record at byte 0 is not in the central directory";
const END_RECORD: u64 = 22;
const LOCATOR: u64 = 20;
const END_RECORD_64: u64 = 56;
const CENTRAL_ENTRY: u64 = 46;
/// Readers look for the end record this far from the end of the file.
const SEARCH: u64 = END_RECORD + 0xFFFF;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("zip: {rule}")))
}

impl Archive {
    /// Reads the structure of an archive that begins at the source's first byte.
    ///
    /// # Errors
    /// When it is damaged, beyond the limits, or ambiguous; when reading fails.
    pub fn read(source: &dyn ReadAt, limits: &Limits) -> Parse<Self> {
        let archive = Self::read_records(source, limits)?;
        // A stamp may have replaced the record at the beginning.
        if archive.entries[0].header != 0 && stamped(source, &archive, limits)?.is_none() {
            return refuse(BEGINNING);
        }
        Ok(archive)
    }

    /// As [`Archive::read`], of an archive without a stamp.
    ///
    /// # Errors
    /// As there.
    pub(super) fn read_unstamped(source: &dyn ReadAt, limits: &Limits) -> Parse<Self> {
        let archive = Self::read_records(source, limits)?;
        if archive.entries[0].header != 0 {
            return refuse(BEGINNING);
        }
        Ok(archive)
    }

    /// The records; there is at least one.
    fn read_records(source: &dyn ReadAt, limits: &Limits) -> Parse<Self> {
        let directory = Directory::find(source)?;
        if directory.count > limits.zip_entries {
            return refuse(format!("more than {} records", limits.zip_entries));
        }
        if directory.len > limits.literal_bytes {
            return refuse(format!(
                "central directory of more than {} bytes",
                limits.literal_bytes
            ));
        }
        if directory.len / CENTRAL_ENTRY < directory.count {
            return refuse("central directory is too short for its number of records");
        }
        let bytes = read_vec(source, directory.start, directory.len)?;
        let mut cursor = Cursor::new(&bytes, directory.start, "zip central directory");
        let mut entries = Vec::new();
        for _ in 0..directory.count {
            entries.push(Entry::read_central(&mut cursor)?);
        }
        if cursor.remaining() > 0 {
            return Err(cursor.refuse("has bytes after the last entry"));
        }
        check_unique(&entries)?;
        let Some(first) = entries.first().map(|entry| entry.header) else {
            return refuse("no records");
        };
        entries.sort_by_key(|entry| entry.header);
        let mut end = 0;
        for entry in &mut entries {
            entry.locate(source, directory.start)?;
            if entry.header < end {
                return Err(entry.refuse("overlaps the one before it"));
            }
            end = entry.payload + entry.len;
        }
        let first = entries
            .binary_search_by_key(&first, |entry| entry.header)
            .unwrap_or(0);
        Ok(Self {
            entries,
            first,
            directory: (directory.start, directory.len),
            end: directory.end,
        })
    }
}

/// Names must differ, also for readers that do not tell upper from lower case.
fn check_unique(entries: &[Entry]) -> Parse<()> {
    let mut seen = HashSet::with_capacity(entries.len());
    for entry in entries {
        if !seen.insert(entry.name.to_ascii_lowercase()) {
            return Err(entry.refuse("has the name of another record, but for case"));
        }
    }
    Ok(())
}

struct Directory {
    start: u64,
    len: u64,
    count: u64,
    end: u64,
}

impl Directory {
    fn find(source: &dyn ReadAt) -> Parse<Self> {
        let (at, record, comment) = end_record(source)?;
        let mut cursor = Cursor::new(&record, at, "zip end record");
        cursor.take(4)?;
        let disks = [cursor.u16()?, cursor.u16()?];
        let counts = [cursor.u16()?, cursor.u16()?];
        let (len, start) = (cursor.u32()?, cursor.u32()?);
        if disks != [0, 0] || counts[0] != counts[1] {
            return refuse("archive of several disks");
        }
        let mut directory = Self {
            start: start.into(),
            len: len.into(),
            count: counts[0].into(),
            end: at + END_RECORD + comment,
        };
        let mut follows = at;
        if let Some(wide) = locator(source, at)? {
            follows = wide.0;
            directory.take_wide(source, wide.0, wide.1)?;
        } else if counts[0] == u16::MAX || len == u32::MAX || start == u32::MAX {
            return refuse("end record without its zip64 end record");
        }
        if directory.start.checked_add(directory.len) != Some(follows) {
            return refuse(format!(
                "central directory does not end at its end record, byte {follows}"
            ));
        }
        Ok(directory)
    }

    /// Takes the values of the zip64 end record, which must not contradict those that are here.
    fn take_wide(&mut self, source: &dyn ReadAt, at: u64, locator: u64) -> Parse<()> {
        if at.checked_add(END_RECORD_64) != Some(locator) {
            return refuse("zip64 end record is not before its locator");
        }
        let bytes = read_vec(source, at, END_RECORD_64)?;
        let mut cursor = Cursor::new(&bytes, at, "zip64 end record");
        if cursor.take(4)? != b"PK\x06\x06" || cursor.u64()? != END_RECORD_64 - 12 {
            return Err(cursor.refuse("is damaged"));
        }
        cursor.take(4)?;
        let disks = [cursor.u32()?, cursor.u32()?];
        let counts = [cursor.u64()?, cursor.u64()?];
        let (len, start) = (cursor.u64()?, cursor.u64()?);
        if disks != [0, 0] || counts[0] != counts[1] {
            return refuse("archive of several disks");
        }
        let agree = |short: u64, limit: u64, wide: u64| short == limit || short == wide;
        let short = u64::from(u16::MAX);
        let word = u64::from(u32::MAX);
        if !(agree(self.count, short, counts[0])
            && agree(self.len, word, len)
            && agree(self.start, word, start))
        {
            return refuse("end record and zip64 end record disagree");
        }
        (self.start, self.len, self.count) = (start, len, counts[0]);
        Ok(())
    }
}

/// Position, bytes and length of comment of the end record: the last signature in the file, as all
/// readers take it.
fn end_record(source: &dyn ReadAt) -> Parse<(u64, Vec<u8>, u64)> {
    let window = source.len().min(SEARCH);
    let base = source.len() - window;
    let bytes = read_vec(source, base, window)?;
    let size = END_RECORD as usize;
    let mut chosen = None;
    for at in (0..(bytes.len() + 1).saturating_sub(size)).rev() {
        if !bytes[at..].starts_with(b"PK\x05\x06") {
            continue;
        }
        let comment = usize::from(u16::from_le_bytes([bytes[at + 20], bytes[at + 21]]));
        let rest = bytes.len() - at - size;
        if chosen.is_none() {
            if comment != 0 && comment != rest {
                return refuse("end record whose comment is not what follows it");
            }
            chosen = Some((at, comment));
        } else if comment == rest {
            return refuse("two end records");
        }
    }
    let Some((at, comment)) = chosen else {
        return refuse("no end record: the file is truncated or has other data behind the archive");
    };
    let record = bytes[at..at + size].to_vec();
    Ok((base + at as u64, record, comment as u64))
}

/// Position of the zip64 end record and of the locator that says so.
fn locator(source: &dyn ReadAt, end_record: u64) -> Parse<Option<(u64, u64)>> {
    let Some(at) = end_record.checked_sub(LOCATOR) else {
        return Ok(None);
    };
    let bytes = read_vec(source, at, LOCATOR)?;
    let mut cursor = Cursor::new(&bytes, at, "zip64 locator");
    if cursor.take(4)? != b"PK\x06\x07" {
        return Ok(None);
    }
    let disk = cursor.u32()?;
    let wide = cursor.u64()?;
    let disks = cursor.u32()?;
    if disk != 0 || disks > 1 {
        return refuse("archive of several disks");
    }
    Ok(Some((wide, at)))
}
