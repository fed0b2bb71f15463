//! GGUF: the stamp is the last two keys of the metadata. What follows them moves, so the file is written anew,
//! with padding before the data to the file's alignment.
//!
//! Refused: files whose padding is not zeros, since it could not be had back; big-endian files and version 1;
//! files that have the keys elsewhere.

use serde_json::{Value, json};

use super::{
    COMMIT, Carrier, KEY, MAX_STAMP, Piece, Report, Request, base_length, check_length, foreign,
    refuse,
};
use crate::bytes::{Limits, Parse, ReadAt, read_vec};
use crate::format::gguf_header::{Header, Key};

/// See the module.
pub(super) struct Gguf;

/// Where the number of keys stands.
const COUNT: u64 = 16;
/// Where the metadata begin.
const START: u64 = 24;
const STRING: u32 = 8;

/// A file, read.
struct File {
    header: Header,
    stamp: Option<String>,
    /// Where the metadata end without the stamp.
    keys_end: u64,
    /// Keys without the stamp.
    count: u64,
    displaced: bool,
}

fn padding_is_zero(source: &dyn ReadAt, header: &Header) -> Parse<bool> {
    let len = header.data.min(source.len()) - header.infos_end;
    // Below the alignment, which is below 4 GiB; files with such a one are not worth more.
    if len > 1 << 16 {
        return Ok(false);
    }
    Ok(read_vec(source, header.infos_end, len)?
        .iter()
        .all(|&b| b == 0))
}

fn read(source: &dyn ReadAt, limits: &Limits) -> Parse<File> {
    let header = Header::read(source, limits)?;
    if header.big_endian || header.version < 2 {
        return refuse("gguf: version 1, or big-endian");
    }
    if header.data > source.len() {
        return refuse("gguf: no data");
    }
    if !padding_is_zero(source, &header)? {
        return refuse("gguf: padding before the data that is not zeros");
    }
    let mut file = File {
        stamp: None,
        keys_end: header.keys_end,
        count: header.keys,
        displaced: false,
        header,
    };
    let own: Vec<&Key> = file.header.own.iter().collect();
    let Some(first) = own.first() else {
        return Ok(file);
    };
    let names: Vec<&str> = own.iter().map(|key| key.name.as_str()).collect();
    let together = own.windows(2).all(|pair| pair[0].end == pair[1].at)
        && own
            .last()
            .is_some_and(|last| last.end == file.header.keys_end);
    file.stamp = text(source, first)?;
    let length = file.stamp.as_deref().and_then(base_length);
    let (at, count) = (first.at, own.len() as u64);
    if together && matches!(names[..], [KEY] | [KEY, COMMIT]) && length.is_some() {
        file.keys_end = at;
        file.count -= count;
        if file.base_length(source) != length {
            file.displaced = true;
        }
    } else {
        file.displaced = true;
    }
    Ok(file)
}

/// The text of a key, if it is one.
fn text(source: &dyn ReadAt, key: &Key) -> Parse<Option<String>> {
    let head = key.at + 8 + key.name.len() as u64;
    let bytes = read_vec(source, head, 12)?;
    let (kind, len) = bytes.split_at(4);
    let len = <[u8; 8]>::try_from(len).map_or(0, u64::from_le_bytes);
    if kind != STRING.to_le_bytes() || len > MAX_STAMP || head + 12 + len != key.end {
        return Ok(None);
    }
    Ok(String::from_utf8(read_vec(source, head + 12, len)?).ok())
}

impl File {
    /// Length of the file without the stamp.
    fn base_length(&self, source: &dyn ReadAt) -> Option<u64> {
        let own = self.header.keys_end - self.keys_end;
        let infos = self.header.infos_end - own;
        let data = infos.checked_next_multiple_of(self.header.alignment)?;
        Some(data + source.len().checked_sub(self.header.data)?)
    }

    /// The file with other keys behind its own.
    fn pieces(&self, source: &dyn ReadAt, own: &[u8], count: u64) -> Parse<Vec<Piece>> {
        let mut head = read_vec(source, 0, COUNT)?;
        head.extend_from_slice(&(self.count + count).to_le_bytes());
        let infos = self.header.infos_end - self.header.keys_end;
        let end = self.keys_end + own.len() as u64 + infos;
        let padding = end.next_multiple_of(self.header.alignment) - end;
        Ok(vec![
            Piece::Bytes(head),
            Piece::Copy {
                offset: START,
                len: self.keys_end - START,
            },
            Piece::Bytes(own.to_vec()),
            Piece::Copy {
                offset: self.header.keys_end,
                len: infos,
            },
            // `padding_is_zero` has bounded the alignment by what is there, or it is below 64 KiB.
            Piece::Bytes(vec![0; usize::try_from(padding).unwrap_or(0)]),
            Piece::Copy {
                offset: self.header.data,
                len: source.len() - self.header.data,
            },
        ])
    }

    fn base(&self, source: &dyn ReadAt) -> Parse<Value> {
        match self.base_length(source) {
            Some(length) => Ok(json!({ "length": length })),
            None => refuse("gguf: no data"),
        }
    }
}

fn pair(key: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(key.len() as u64).to_le_bytes());
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(&STRING.to_le_bytes());
    out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    out.extend_from_slice(value.as_bytes());
}

impl Carrier for Gguf {
    fn name(&self) -> &'static str {
        "gguf"
    }

    fn look(&self, source: &dyn ReadAt, limits: &Limits, report: &mut Report) -> Parse<()> {
        let file = read(source, limits)?;
        let entries = file.header.metadata.iter();
        report.signed = foreign::signature(entries.clone().map(|(key, _)| key.as_str()));
        let texts = entries.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
        foreign::of_flat(texts, report);
        report.stamp = file.stamp.clone();
        if file.header.alignment > 1 << 16 {
            return refuse("gguf: an alignment of more than 64 KiB");
        }
        if file.displaced {
            let rule = "the stamp is not where it was written, or not what was written";
            report.problems.push(rule.into());
            return refuse(rule);
        }
        report.removable = report.stamp.is_some();
        report.base = Some(file.base(source)?);
        Ok(())
    }

    fn stamp(&self, source: &dyn ReadAt, request: &Request, limits: &Limits) -> Parse<Vec<Piece>> {
        let file = read(source, limits)?;
        if file.displaced || file.header.alignment > 1 << 16 {
            return refuse("gguf: a stamp inside, or an alignment of more than 64 KiB");
        }
        check_length(&request.stamp, file.base_length(source).unwrap_or(0))?;
        let mut own = Vec::new();
        pair(KEY, &request.stamp, &mut own);
        let mut count = 1;
        if let Some(commit) = &request.commit {
            pair(COMMIT, commit, &mut own);
            count += 1;
        }
        file.pieces(source, &own, count)
    }

    fn unstamp(&self, source: &dyn ReadAt, limits: &Limits) -> Parse<Vec<Piece>> {
        let file = read(source, limits)?;
        if file.stamp.is_none() || file.displaced || file.header.alignment > 1 << 16 {
            return refuse("no stamp that could be taken out");
        }
        file.pieces(source, &[], 0)
    }
}
