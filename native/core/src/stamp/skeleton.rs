//! Stored checkpoints: the stamp that is in a skeleton, and the skeleton without it.
//!
//! In: a manifest, and the objects of its skeleton alone. Out: what stamps the file has; or the manifest that the
//! file without the stamp has; its arrays are the same, as a stamp moves no tensor inside its file's data. `None`
//! when there is no stamp, or none that could be taken out of the file. Refused: as when the file is composed.

use super::{Piece, Report, carrier, read};
use crate::bytes::{Limits, Refusal};
use crate::cancel::Cancel;
use crate::compose::Hollow;
use crate::decompose::store_skeleton;
use crate::object::{ObjectReader, ObjectWriter};
use crate::record::Manifest;
use crate::skeleton::{Container, Piece as Part, Plan, Segment};
use crate::{Error, Result};

/// Formats of manifests that a stamp can be in.
const FORMATS: [&str; 4] = ["gguf", "onnx", "safetensors", "torch-zip"];

fn can_have_one(manifest: &Manifest) -> bool {
    manifest.skeleton.is_some() && FORMATS.contains(&manifest.header.format.as_str())
}

/// What stamps the file of a manifest has, as [`read`] tells of the file itself.
///
/// # Errors
/// Missing or damaged objects of the skeleton.
pub fn read_stored(manifest: &Manifest, objects: &ObjectReader) -> Result<Report> {
    if !can_have_one(manifest) {
        return Ok(Report::default());
    }
    read(&Hollow::read(manifest, objects)?)
}

/// As [`read_stored`], as JSON.
///
/// # Errors
/// As there.
pub fn read_stored_json(manifest: &Manifest, objects: &ObjectReader) -> Result<String> {
    let report = read_stored(manifest, objects)?;
    serde_json::to_string(&report).map_err(|e| Error::Internal(e.to_string()))
}

/// The manifest without the stamp; the objects of its skeleton are written. The same manifest always yields the
/// same one.
///
/// # Errors
/// Missing or damaged objects of the skeleton; objects that cannot be written.
pub fn unstamped(
    manifest: &Manifest,
    objects: &ObjectReader,
    writer: &ObjectWriter,
    cancel: &Cancel,
) -> Result<Option<Manifest>> {
    if !can_have_one(manifest) {
        return Ok(None);
    }
    let (source, container, sizes) = Hollow::open(manifest, objects)?;
    let limits = Limits::default();
    let pieces = carrier(&source, &limits).and_then(|(_, carrier)| match carrier {
        Some(carrier) => carrier.unstamp(&source, &limits),
        None => Err(Refusal::new("no carrier")),
    });
    let pieces = match pieces {
        Ok(pieces) => pieces,
        Err(Refusal::Content(_)) => return Ok(None),
        Err(Refusal::Io(error)) => return Err(Error::io("reading", "the skeleton")(error)),
    };
    let bytes = cut(&container, &sizes, &pieces)?.to_bytes();
    // What is stored is read back first: it must be a container, and the file must have the length it should.
    let plan = Plan::new(&Container::parse(&bytes)?, &sizes)?;
    if plan.size != pieces.iter().map(length).sum::<u64>() {
        return Err(inside());
    }
    Ok(Some(Manifest {
        skeleton: Some(store_skeleton(&bytes, writer, cancel)?),
        ..manifest.clone()
    }))
}

fn length(piece: &Piece) -> u64 {
    match piece {
        Piece::Copy { len, .. } => *len,
        Piece::Bytes(bytes) => bytes.len() as u64,
    }
}

fn inside() -> Error {
    Error::invalid("skeleton", "the stamp is not between its arrays")
}

/// The container of the file that consists of these pieces.
fn cut(old: &Container, sizes: &[u64], pieces: &[Piece]) -> Result<Container> {
    let ends = Plan::new(old, sizes)?.ends;
    let mut new = Container {
        arrays: old.arrays.clone(),
        ..Container::default()
    };
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => literal(&mut new, bytes),
            Piece::Copy { offset, len } => copy(old, &ends, *offset..offset + len, &mut new)?,
        }
    }
    Ok(new)
}

/// Takes the segments of a range of the file.
fn copy(
    old: &Container,
    ends: &[u64],
    range: std::ops::Range<u64>,
    new: &mut Container,
) -> Result<()> {
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
                _ => return Err(inside()),
            }
        }
        (start, at) = (end, at + literals.len());
    }
    Ok(())
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
