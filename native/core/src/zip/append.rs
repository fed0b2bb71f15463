//! New records behind the end of an archive, which stays as it is.
//!
//! In: an archive that ends with its file, and records to add or to put in the place of others. Out: the
//! bytes to write behind it: the records, a central directory with the old entries as they are, and an end
//! record. A reader of the whole sees the new records; what was replaced is dead weight. The same input
//! gives the same bytes. Refused: what does not fit the format.
//! Specification: PKWARE's APPNOTE 6.3; the alignment by an extra field `FB` as in PyTorch's
//! `caffe2/serialize/inline_container.cc`.

use super::archive::Archive;
use crate::bytes::{Cursor, Parse, ReadAt, Refusal, read_vec};

/// A record to write.
#[derive(Clone, Copy, Debug)]
pub struct Addition<'a> {
    /// Its name, with folders. A record of this name is replaced, in its place in the directory.
    pub name: &'a str,
    /// Its content, which is stored as it is.
    pub bytes: &'a [u8],
}

/// Payloads begin at multiples of it, as PyTorch wants those of its records.
const ALIGNMENT: u64 = 64;
const LOCAL_HEADER: u64 = 30;
const UTF8: u16 = 0x0800;
/// 1 January 1980: the format's first day.
const DATE: u16 = 0x0021;
/// Version 2.0 of the format, and 4.5 for numbers of 64 bits.
const PLAIN: u16 = 20;
const WIDE: u16 = 45;

fn refuse<T>(rule: &str) -> Parse<T> {
    Err(Refusal::new(format!("zip: {rule}")))
}

/// The bytes to write behind `archive`.
///
/// # Errors
/// When something follows the archive, when the additions do not fit, or when reading fails.
pub fn append(
    source: &dyn ReadAt,
    archive: &Archive,
    additions: &[Addition<'_>],
) -> Parse<Vec<u8>> {
    if archive.end != source.len() {
        return refuse("data behind the archive");
    }
    let mut out = Vec::new();
    let mut entries = Vec::with_capacity(additions.len());
    for addition in additions {
        entries.push(Entry::write(addition, archive.end, &mut out)?);
    }
    let start = archive.end + out.len() as u64;
    let (at, len) = archive.directory;
    let old = read_vec(source, at, len)?;
    let mut cursor = Cursor::new(&old, at, "zip central directory");
    let mut replaced = vec![false; entries.len()];
    while cursor.remaining() > 0 {
        let from = cursor.at();
        let name = old_entry(&mut cursor)?;
        match entries
            .iter()
            .position(|entry| entry.name.as_bytes() == name)
        {
            Some(index) => {
                replaced[index] = true;
                entries[index].central(&mut out);
            }
            None => out.extend_from_slice(&old[from..cursor.at()]),
        }
    }
    let mut count = archive.entries.len() as u64;
    for (entry, replaced) in entries.iter().zip(replaced) {
        if !replaced {
            entry.central(&mut out);
            count += 1;
        }
    }
    let end = archive.end + out.len() as u64;
    end_records(start, end - start, count, &mut out);
    Ok(out)
}

/// The name in the next entry of a directory that was read before.
fn old_entry<'a>(cursor: &mut Cursor<'a>) -> Parse<&'a [u8]> {
    cursor.take(28)?;
    let lens = [cursor.u16()?, cursor.u16()?, cursor.u16()?];
    cursor.take(12)?;
    let name = cursor.take(lens[0].into())?;
    cursor.take(u64::from(lens[1]) + u64::from(lens[2]))?;
    Ok(name)
}

/// A record that was written.
struct Entry<'a> {
    name: &'a str,
    header: u64,
    len: u32,
    crc: u32,
}

impl<'a> Entry<'a> {
    /// Writes header and content to `out`, whose first byte is at `base` in the file.
    fn write(addition: &Addition<'a>, base: u64, out: &mut Vec<u8>) -> Parse<Self> {
        let Addition { name, bytes } = *addition;
        let fits = u32::try_from(bytes.len())
            .ok()
            .filter(|&len| len < u32::MAX);
        let (Some(len), Ok(name_len)) = (fits, u16::try_from(name.len())) else {
            return refuse("record of 4 GiB or with a name of 64 KiB");
        };
        let entry = Self {
            name,
            header: base + out.len() as u64,
            len,
            crc: crc32fast::hash(bytes),
        };
        let unpadded = entry.header + LOCAL_HEADER + u64::from(name_len) + 4;
        let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
        // Below the alignment.
        let padding = padding as u16;
        out.extend_from_slice(b"PK\x03\x04");
        for field in [PLAIN, UTF8, 0, 0, DATE] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for field in [entry.crc, len, len] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for field in [name_len, padding + 4] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"FB");
        out.extend_from_slice(&padding.to_le_bytes());
        out.resize(out.len() + usize::from(padding), b'Z');
        out.extend_from_slice(bytes);
        Ok(entry)
    }

    /// Writes the entry of the directory.
    fn central(&self, out: &mut Vec<u8>) {
        let short = u32::try_from(self.header).ok().filter(|&at| at < u32::MAX);
        let version = if short.is_some() { PLAIN } else { WIDE };
        out.extend_from_slice(b"PK\x01\x02");
        for field in [version, version, UTF8, 0, 0, DATE] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for field in [self.crc, self.len, self.len] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        let extra = if short.is_some() { 0 } else { 12 };
        // `write` has checked that the name fits.
        for field in [self.name.len() as u16, extra, 0, 0, 0, 0, 0] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&short.unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(self.name.as_bytes());
        if short.is_none() {
            out.extend_from_slice(&[1, 0, 8, 0]);
            out.extend_from_slice(&self.header.to_le_bytes());
        }
    }
}

/// The records behind the directory.
fn end_records(start: u64, len: u64, count: u64, out: &mut Vec<u8>) {
    let short = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let short_count = u16::try_from(count).unwrap_or(u16::MAX);
    let plain = short(start) < u32::MAX && short(len) < u32::MAX && short_count < u16::MAX;
    if !plain {
        out.extend_from_slice(b"PK\x06\x06");
        out.extend_from_slice(&44u64.to_le_bytes());
        out.extend_from_slice(&WIDE.to_le_bytes());
        out.extend_from_slice(&WIDE.to_le_bytes());
        out.extend_from_slice(&[0; 8]);
        for field in [count, count, len, start] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(b"PK\x06\x07");
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&(start + len).to_le_bytes());
        out.extend_from_slice(&1u32.to_le_bytes());
    }
    out.extend_from_slice(b"PK\x05\x06");
    out.extend_from_slice(&[0; 4]);
    for _ in 0..2 {
        out.extend_from_slice(&short_count.to_le_bytes());
    }
    for field in [short(len), short(start)] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    out.extend_from_slice(&[0; 2]);
}
