//! The container: a list of segments and their literals, as bytes and as values.

use super::varint;
use crate::{Error, Result};

const MAGIC: &[u8] = b"git-theta skeleton 1\0";

/// An array that the skeleton refers to, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Array {
    /// The array of a tensor.
    Tensor(String),
    /// The array of a storage.
    Storage(String),
}

/// Bytes of a segment or of a zip record. Arrays are indices into [`Container::arrays`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This many of the literals, from where the last literal ended.
    Literal(u64),
    /// A whole array.
    Array(usize),
}

/// One record of a torch zip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipRecord {
    /// Name without the archive's folder.
    pub name: String,
    /// Its payload; `Err` has the first half of the serialization id.
    pub payload: std::result::Result<Piece, [u8; 20]>,
}

/// A zip archive that the writer's rules regenerate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipTemplate {
    /// Name of the folder that all records are in.
    pub archive: String,
    /// Payloads start on multiples of this.
    pub alignment: u64,
    /// Are CRCs computed?
    pub crc: bool,
    /// In the order of the file.
    pub records: Vec<ZipRecord>,
}

/// A part of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Literal bytes or an array.
    Piece(Piece),
    /// A zip archive.
    Zip(ZipTemplate),
}

/// The container as values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// In order of first use.
    pub arrays: Vec<Array>,
    /// Joined, they are the file.
    pub segments: Vec<Segment>,
    /// The literal bytes of all segments, joined.
    pub literals: Vec<u8>,
}

impl Container {
    /// The container as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.literals.len() + 64 * self.arrays.len() + 64);
        out.extend_from_slice(MAGIC);
        varint::put(&mut out, self.arrays.len() as u64);
        for array in &self.arrays {
            let (kind, name) = match array {
                Array::Tensor(name) => (0, name),
                Array::Storage(name) => (1, name),
            };
            out.push(kind);
            put_text(&mut out, name);
        }
        varint::put(&mut out, self.segments.len() as u64);
        for segment in &self.segments {
            match segment {
                Segment::Piece(piece) => put_piece(&mut out, *piece),
                Segment::Zip(zip) => put_zip(&mut out, zip),
            }
        }
        out.extend_from_slice(&self.literals);
        out
    }

    /// Reads a container and checks every rule of its specification that needs no array.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the rule.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        Reader {
            rest: bytes,
            total: bytes.len(),
        }
        .container()
        .map_err(|(at, rule)| Error::Invalid {
            what: format!("skeleton, byte {at}"),
            rule: rule.to_owned(),
        })
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    varint::put(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_piece(out: &mut Vec<u8>, piece: Piece) {
    let (kind, value) = match piece {
        Piece::Literal(len) => (0, len),
        Piece::Array(index) => (1, index as u64),
    };
    out.push(kind);
    varint::put(out, value);
}

fn put_zip(out: &mut Vec<u8>, zip: &ZipTemplate) {
    out.push(2);
    put_text(out, &zip.archive);
    varint::put(out, zip.alignment);
    out.push(u8::from(zip.crc));
    varint::put(out, zip.records.len() as u64);
    for record in &zip.records {
        put_text(out, &record.name);
        match &record.payload {
            Ok(piece) => put_piece(out, *piece),
            Err(digits) => {
                out.push(2);
                out.extend_from_slice(digits);
            }
        }
    }
}

type Broken = (usize, &'static str);

struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    fn broken<T>(&self, rule: &'static str) -> std::result::Result<T, Broken> {
        Err((self.total - self.rest.len(), rule))
    }

    fn take(&mut self, len: u64) -> std::result::Result<&'a [u8], Broken> {
        match usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len))
        {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => self.broken("the container is cut short"),
        }
    }

    fn byte(&mut self) -> std::result::Result<u8, Broken> {
        Ok(self.take(1)?[0])
    }

    fn varint(&mut self) -> std::result::Result<u64, Broken> {
        match varint::take(&mut self.rest) {
            Some(value) => Ok(value),
            None => self.broken("not a varint of at most 2^53 - 1 in its shortest form"),
        }
    }

    fn text(&mut self) -> std::result::Result<String, Broken> {
        let len = self.varint()?;
        match std::str::from_utf8(self.take(len)?) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => self.broken("a name is not UTF-8"),
        }
    }

    fn piece(&mut self, kind: u8, uses: &mut Uses) -> std::result::Result<Piece, Broken> {
        let value = self.varint()?;
        if kind == 0 {
            match uses.literal.checked_add(value) {
                Some(sum) => uses.literal = sum,
                None => return self.broken("literals are longer than the container"),
            }
            return Ok(Piece::Literal(value));
        }
        if value != uses.next as u64 || uses.next == uses.arrays {
            return self.broken("arrays are listed in order of use, each used once");
        }
        uses.next += 1;
        Ok(Piece::Array(uses.next - 1))
    }

    fn zip(&mut self, uses: &mut Uses) -> std::result::Result<ZipTemplate, Broken> {
        let archive = self.text()?;
        let alignment = self.varint()?;
        let crc = match self.byte()? {
            0 => false,
            1 => true,
            _ => return self.broken("unknown flags of a torch zip"),
        };
        let mut records = Vec::new();
        for _ in 0..self.varint()? {
            let name = self.text()?;
            let payload = match self.byte()? {
                kind @ 0..=1 => Ok(self.piece(kind, uses)?),
                2 => {
                    let digits: [u8; 20] = self.take(20)?.try_into().expect("20 bytes were taken");
                    if !digits.iter().all(u8::is_ascii_digit) {
                        return self.broken("a serialization id has 20 digits");
                    }
                    Err(digits)
                }
                _ => return self.broken("unknown kind of a zip record"),
            };
            records.push(ZipRecord { name, payload });
        }
        Ok(ZipTemplate {
            archive,
            alignment,
            crc,
            records,
        })
    }

    fn container(mut self) -> std::result::Result<Container, Broken> {
        if self.rest.strip_prefix(MAGIC).is_none() {
            return self.broken("not a skeleton container of version 1");
        }
        self.rest = &self.rest[MAGIC.len()..];
        let mut arrays = Vec::new();
        for _ in 0..self.varint()? {
            arrays.push(match self.byte()? {
                0 => Array::Tensor(self.text()?),
                1 => Array::Storage(self.text()?),
                _ => return self.broken("unknown kind of an array"),
            });
        }
        let mut uses = Uses {
            arrays: arrays.len(),
            next: 0,
            literal: 0,
        };
        let mut segments: Vec<Segment> = Vec::new();
        for _ in 0..self.varint()? {
            let segment = match self.byte()? {
                kind @ 0..=1 => Segment::Piece(self.piece(kind, &mut uses)?),
                2 => Segment::Zip(self.zip(&mut uses)?),
                _ => return self.broken("unknown kind of a segment"),
            };
            if let Segment::Piece(Piece::Literal(len)) = segment {
                let after_literal =
                    matches!(segments.last(), Some(Segment::Piece(Piece::Literal(_))));
                if len == 0 || after_literal {
                    return self.broken("a literal is not empty and does not follow another");
                }
            }
            segments.push(segment);
        }
        if uses.next != uses.arrays {
            return self.broken("an array is not used");
        }
        let mut names: Vec<&Array> = arrays.iter().collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return self.broken("an array is listed twice");
        }
        if uses.literal != self.rest.len() as u64 {
            return self.broken("the literals are not exactly what the segments use");
        }
        Ok(Container {
            arrays,
            segments,
            literals: self.rest.to_vec(),
        })
    }
}

struct Uses {
    arrays: usize,
    next: usize,
    literal: u64,
}
