//! The stamp that is in a skeleton, and the skeleton without it.
//!
//! In: the container of a file that is being split. Out: the container that the file without its stamp has; its arrays
//! are the same, as a stamp moves no tensor inside its file's data. `None` when there is no stamp, or none that can be
//! taken out of the file: it is a part of the skeleton then, as anything else that is no tensor.

use super::{Piece, carrier};
use crate::Result;
use crate::bytes::{Limits, Parse};
use crate::skeleton::{Container, Hollow, Piece as Part, Plan, Segment};

/// Formats that carry stamps.
const FORMATS: [&str; 4] = ["gguf", "onnx", "safetensors", "torch-zip"];

/// Whether files of a manifest's format can have a stamp inside.
pub(crate) fn carries(format: &str) -> bool {
    FORMATS.contains(&format)
}

/// In the key, or the name of the record, of every stamp. Who has no such text is not parsed again.
const MARK: &[u8] = b"git_theta";

/// The container without the stamp. `container` is one of a file of this format, with arrays of these sizes in bytes.
#[must_use]
pub(crate) fn without_stamp(format: &str, container: &[u8], sizes: &[u64]) -> Option<Vec<u8>> {
    if !carries(format) || memchr::memmem::find(container, MARK).is_none() {
        return None;
    }
    let old = Container::parse(container).ok()?;
    let (pieces, ends) = unstamp(old.clone(), sizes).ok()?.ok()?;
    let bytes = cut(&old, &ends, &pieces)?.to_bytes();
    // What is stored is read back first: it must be a container, and the file must have the length it should.
    let new = Container::parse(&bytes).ok()?;
    let plan = Plan::new(&new, sizes).ok()?;
    if plan.size != pieces.iter().map(length).sum::<u64>() {
        return None;
    }
    // A file with another stamp below this one would be split in yet another way.
    match unstamp(new, sizes).ok()? {
        Ok(_) => None,
        Err(_) => Some(bytes),
    }
}

/// The pieces of a container's file without its stamp, and where the container's segments end in the file.
fn unstamp(container: Container, sizes: &[u64]) -> Result<Parse<(Vec<Piece>, Vec<u64>)>> {
    let limits = Limits::default();
    let plan = Plan::new(&container, sizes)?;
    let source = Hollow::new(&plan, container);
    let pieces = carrier(&source, &limits).and_then(|(_, carrier)| match carrier {
        Some(carrier) => carrier.unstamp(&source, &limits),
        None => super::refuse("no carrier"),
    });
    Ok(pieces.map(|pieces| (pieces, plan.ends)))
}

fn length(piece: &Piece) -> u64 {
    match piece {
        Piece::Copy { len, .. } => *len,
        Piece::Bytes(bytes) => bytes.len() as u64,
    }
}

/// The container of the file that consists of these pieces; `None` where one cuts an array.
fn cut(old: &Container, ends: &[u64], pieces: &[Piece]) -> Option<Container> {
    let mut new = Container {
        arrays: old.arrays.clone(),
        ..Container::default()
    };
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => literal(&mut new, bytes),
            Piece::Copy { offset, len } => copy(old, ends, *offset..offset + len, &mut new)?,
        }
    }
    Some(new)
}

/// Takes the segments of a range of the file.
fn copy(
    old: &Container,
    ends: &[u64],
    range: std::ops::Range<u64>,
    new: &mut Container,
) -> Option<()> {
    let (mut start, mut at) = (0, 0);
    for (segment, &end) in old.segments.iter().zip(ends) {
        let literals = &old.literals[at..at + literal_bytes(segment)];
        let (from, to) = (start.max(range.start), end.min(range.end));
        if from < to {
            match segment {
                Segment::Piece(Part::Literal(_)) => {
                    literal(
                        new,
                        &literals[(from - start) as usize..(to - start) as usize],
                    );
                }
                whole if (from, to) == (start, end) => {
                    new.segments.push(whole.clone());
                    new.literals.extend_from_slice(literals);
                }
                _ => return None,
            }
        }
        (start, at) = (end, at + literals.len());
    }
    Some(())
}

/// Bytes of a segment that are in the literals: its parser has checked that they are all there.
fn literal_bytes(segment: &Segment) -> usize {
    let len = |part: &Part| match part {
        Part::Literal(len) => *len as usize,
        Part::Array(_) => 0,
    };
    match segment {
        Segment::Piece(part) => len(part),
        Segment::Zip(zip) => {
            let payloads = zip.records.iter();
            payloads
                .filter_map(|record| record.payload.as_ref().ok())
                .map(len)
                .sum()
        }
    }
}

/// Adds bytes; those behind others belong to the same segment.
fn literal(new: &mut Container, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    new.literals.extend_from_slice(bytes);
    let added = bytes.len() as u64;
    match new.segments.last_mut() {
        Some(Segment::Piece(Part::Literal(len))) => *len += added,
        _ => new.segments.push(Segment::Piece(Part::Literal(added))),
    }
}
