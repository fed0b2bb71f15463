//! ONNX: the stamp is the last two entries of the model's `metadata_props`, appended to the file: a message of
//! protocol buffers goes on where another ends. The model stays a prefix of the file.
//!
//! Refused: models that have the keys elsewhere, where readers would see them twice.

use super::{
    COMMIT, Carrier, KEY, MAX_STAMP, Piece, Report, Request, base_length, check_length, foreign,
    length_only, refuse,
};
use crate::bytes::{Limits, Parse, ReadAt};
use crate::format::protobuf::{Span, Wire};

/// See the module.
pub(super) struct Onnx;

/// `ModelProto.metadata_props`, of `StringStringEntryProto`.
const METADATA_PROPS: u32 = 14;
const WHAT: &str = "onnx";
/// Entries that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// An entry of the metadata.
struct Entry {
    key: String,
    value: Span,
    /// Positions of its field, and of what follows.
    at: u64,
    end: u64,
}

/// The short entries of the metadata, in order, with the stamp's of any permitted length.
fn entries(source: &dyn ReadAt) -> Parse<Vec<Entry>> {
    let mut wire = Wire::new(source, WHAT);
    let (mut at, end) = (0, source.len());
    let mut found = Vec::new();
    while let Some(field) = wire.field(&mut at, end)? {
        if field.number != METADATA_PROPS {
            continue;
        }
        if found.len() == MOST_ENTRIES {
            return refuse("onnx: too many entries of metadata");
        }
        let span = field.value.span();
        let (mut inside, close) = (span.at, span.at + span.len);
        let (mut key, mut value) = (String::new(), Span::default());
        while let Some(part) = wire.field(&mut inside, close)? {
            match part.number {
                1 => key = wire.text(part.value.span(), 4096)?,
                2 => value = part.value.span(),
                _ => {}
            }
        }
        found.push(Entry {
            key,
            value,
            at: field.at,
            end: at,
        });
    }
    Ok(found)
}

/// The stamp, and the length of the model before it.
struct Found {
    stamp: Option<String>,
    base: u64,
    /// Where the stamp is elsewhere than behind the model.
    displaced: bool,
    /// Key of a signature.
    signed: Option<String>,
    others: Vec<(String, String)>,
}

fn find(source: &dyn ReadAt) -> Parse<Found> {
    let wire = Wire::new(source, WHAT);
    let entries = entries(source)?;
    let own = |key: &str| key == KEY || key == COMMIT;
    let mut found = Found {
        stamp: None,
        base: source.len(),
        displaced: false,
        signed: foreign::signature(entries.iter().map(|entry| entry.key.as_str())),
        others: Vec::new(),
    };
    for entry in entries.iter().filter(|entry| !own(&entry.key)) {
        if entry.value.len <= 4096 {
            found
                .others
                .push((entry.key.clone(), wire.text(entry.value, 4096)?));
        }
    }
    let mut stamps = entries.iter().filter(|entry| entry.key == KEY);
    let Some(first) = stamps.next() else {
        found.displaced = entries.iter().any(|entry| entry.key == COMMIT);
        return Ok(found);
    };
    let stamp = wire.text(first.value, MAX_STAMP)?;
    // What the file must end with.
    let mut commits = entries.iter().filter(|entry| entry.key == COMMIT);
    let commit = commits.next();
    let tail = commit.map_or(first.end, |commit| commit.end);
    let follows = commit.is_none_or(|commit| commit.at == first.end);
    let lone = stamps.next().is_none() && commits.next().is_none();
    if lone && follows && tail == source.len() && base_length(&stamp) == Some(first.at) {
        found.base = first.at;
    } else {
        found.displaced = true;
    }
    found.stamp = Some(stamp);
    Ok(found)
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7F {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn bytes_field(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(number) << 3 | 2, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn entry(key: &str, value: &str, out: &mut Vec<u8>) {
    let mut message = Vec::new();
    bytes_field(1, key.as_bytes(), &mut message);
    bytes_field(2, value.as_bytes(), &mut message);
    bytes_field(METADATA_PROPS, &message, out);
}

impl Carrier for Onnx {
    fn name(&self) -> &'static str {
        "onnx"
    }

    fn look(&self, source: &dyn ReadAt, _limits: &Limits, report: &mut Report) -> Parse<()> {
        let found = find(source)?;
        let others = found.others.iter();
        foreign::of_flat(
            others.map(|(key, value)| (key.as_str(), value.as_str())),
            report,
        );
        report.signed = found.signed;
        report.stamp = found.stamp;
        if found.displaced {
            let rule = "the stamp is not what was appended to the file that it names";
            report.problems.push(rule.into());
            return refuse(rule);
        }
        report.removable = report.stamp.is_some();
        report.base = Some(length_only(found.base));
        Ok(())
    }

    fn stamp(&self, source: &dyn ReadAt, request: &Request, _limits: &Limits) -> Parse<Vec<Piece>> {
        let found = find(source)?;
        if found.displaced {
            return refuse("the model has a stamp inside");
        }
        check_length(&request.stamp, found.base)?;
        let mut tail = Vec::new();
        entry(KEY, &request.stamp, &mut tail);
        if let Some(commit) = &request.commit {
            entry(COMMIT, commit, &mut tail);
        }
        Ok(vec![
            Piece::Copy {
                offset: 0,
                len: found.base,
            },
            Piece::Bytes(tail),
        ])
    }

    fn unstamp(&self, source: &dyn ReadAt, _limits: &Limits) -> Parse<Vec<Piece>> {
        let found = find(source)?;
        if found.stamp.is_none() || found.displaced {
            return refuse("no stamp that was appended to the file that it names");
        }
        Ok(vec![Piece::Copy {
            offset: 0,
            len: found.base,
        }])
    }
}
