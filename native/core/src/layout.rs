//! The result of parsing: where in a file its tensors are.
//!
//! A [`Layout`] lists segments that cover every byte of the file exactly once, in order; the storages
//! that they refer to; and the tensors as typed views over storages. It holds positions, no tensor
//! data. A format proves a layout; [`Layout::check`] is the proof's last line, run for every file.

use std::collections::HashSet;

use crate::tensor::{Dtype, View};
use crate::zip::TorchZip;

pub use crate::zip::StorageId;

/// A run of bytes of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Segment {
    /// Bytes that are kept as they are, in the skeleton.
    Literal {
        /// Position in the file.
        offset: u64,
        /// Length in bytes.
        len: u64,
    },
    /// The whole of one storage.
    Storage(StorageId),
    /// A zip archive that the rules of `torch.save`'s writer regenerate from its records.
    TorchZip(TorchZip),
}

/// A run of bytes that tensors look at. Appears in exactly one segment (or zip record).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Position in the file.
    pub offset: u64,
    /// Length in bytes; never 0 (a tensor without elements needs no storage).
    pub len: u64,
    /// Unique in the file: the name, smallest in byte order, of the tensors on it.
    pub name: String,
}

/// A named tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Unique in the file; components joined by `/`, each with `/` and `%` percent-encoded.
    pub name: String,
    /// Element type.
    pub dtype: Dtype,
    /// The storage it looks at; `None` when it has no elements.
    pub storage: Option<StorageId>,
    /// Shape, and strides and offset in elements over the storage.
    pub view: View,
}

/// A tensor that the framework sees and that is not stored as one: it stays in the skeleton, or other
/// tensors hold its bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    /// As [`Tensor::name`].
    pub name: String,
    /// The format's own name of the element type, where it is none of [`Dtype`].
    pub dtype: String,
    /// In the framework's terms.
    pub shape: Vec<u64>,
    /// Where its values are.
    pub values: Values,
}

/// Where the values of a [`Listed`] tensor are.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// In the tensor of the same name, which shows them as bytes: blocks of quantised numbers.
    Tensor,
    /// In tensors of their own, whose names are given: `Packed` says how they fit together.
    Parts(Vec<String>, Packed),
    /// Encoded, in the skeleton.
    Packed(Packed),
    /// Nowhere that this program reads; this is why, for people.
    Unread(&'static str),
}

/// How values that are not one run of bytes come out of the file: `view` selects elements of `dtype`
/// from the bytes that `bytes` yields.
#[derive(Clone, Debug, PartialEq)]
pub struct Packed {
    /// The bytes.
    pub bytes: Bytes,
    /// Element type.
    pub dtype: Dtype,
    /// Elements.
    pub view: View,
}

/// Bytes of a file, and how to decode them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bytes {
    /// These ranges (offset, length), one behind the other.
    Runs(Vec<(u64, u64)>),
    /// A raw DEFLATE stream; of what it inflates to, `size` bytes behind the first `skip`.
    Deflated {
        /// Position of the stream in the file.
        offset: u64,
        /// Its length.
        len: u64,
        /// Inflated bytes that are not values.
        skip: u64,
        /// Bytes of values.
        size: u64,
    },
    /// An array in chunks of equal extents.
    Chunks(Chunks),
}

/// An array in chunks, each of which may be encoded. What chunks hold beyond the array's end is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    /// Extents of the array.
    pub shape: Vec<u64>,
    /// Extents of a chunk; as long as `shape`, and none of them 0.
    pub chunk: Vec<u64>,
    /// Bytes of an element in a chunk that is not there, as many as an element has.
    pub fill: Vec<u8>,
    /// What was done to each chunk, in this order.
    pub filters: Vec<Filter>,
    /// Those that are there.
    pub chunks: Vec<Chunk>,
}

/// One chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Indices of its first element in the array; multiples of a chunk's extents.
    pub origin: Vec<u64>,
    /// Position in the file.
    pub offset: u64,
    /// Bytes there.
    pub len: u64,
    /// Filters that were left out for it: bit `i` is the filter `i`.
    pub skipped: u32,
}

/// A reversible change of a chunk's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Compressed, with the zlib header.
    Zlib,
    /// The first bytes of all elements of this size, then the second ones, and so on.
    Shuffle(u32),
    /// Fletcher's checksum of 32 bits behind the bytes.
    Fletcher32,
}

impl Values {
    /// As [`Bytes::shift`].
    pub(crate) fn shift(&mut self, base: u64) {
        if let Self::Packed(packed) | Self::Parts(_, packed) = self {
            packed.bytes.shift(base);
        }
    }
}

impl Bytes {
    /// Moves them by `base`: from positions in a part of a file to those in the file.
    pub(crate) fn shift(&mut self, base: u64) {
        let shift = |offset: &mut u64| *offset = offset.saturating_add(base);
        match self {
            Self::Runs(runs) => runs.iter_mut().for_each(|run| shift(&mut run.0)),
            Self::Deflated { offset, .. } => shift(offset),
            Self::Chunks(array) => {
                let chunks = array.chunks.iter_mut();
                chunks.for_each(|chunk| shift(&mut chunk.offset));
            }
        }
    }
}

/// What a file of a known format is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// The format's name, as in the manifest's header.
    pub format: &'static str,
    /// Size of the file in bytes.
    pub size: u64,
    /// Cover the file, in order.
    pub segments: Vec<Segment>,
    /// In order of their position in the file.
    pub storages: Vec<Storage>,
    /// Sorted by the bytes of the name.
    pub tensors: Vec<Tensor>,
    /// Tensors that are not stored as such, for people to see; sorted by the bytes of the name.
    pub listed: Vec<Listed>,
}

impl Layout {
    /// Checks what every consumer relies on: segments cover `0..size` exactly once, every storage is
    /// in exactly one of them, names are unique and sorted, views stay inside their storage.
    ///
    /// # Errors
    /// The rule that is broken, in words. A format that returns such a layout has a defect; the file
    /// is then stored whole.
    pub fn check(&self) -> Result<(), String> {
        let mut at = 0u64;
        let mut seen = vec![false; self.storages.len()];
        let mut place = |id: StorageId, at: u64| -> Result<u64, String> {
            let storage = self.storages.get(id).ok_or("a segment names no storage")?;
            if storage.len == 0 || storage.offset != at || std::mem::replace(&mut seen[id], true) {
                return Err(format!(
                    "storage {} is not where its segment is",
                    storage.name
                ));
            }
            Ok(storage.len)
        };
        for segment in &self.segments {
            let len = match segment {
                Segment::Literal { offset, len } if *offset == at && *len > 0 => *len,
                Segment::Literal { .. } => return Err(format!("literal out of order at {at}")),
                Segment::Storage(id) => place(*id, at)?,
                Segment::TorchZip(zip) => {
                    if zip.offset != at {
                        return Err(format!("zip out of order at {at}"));
                    }
                    for (id, offset) in zip.storages() {
                        place(id, offset)?;
                    }
                    zip.len
                }
            };
            at = at.checked_add(len).ok_or("segments overflow")?;
        }
        if at != self.size {
            return Err(format!("segments end at {at} of {}", self.size));
        }
        if let Some(id) = seen.iter().position(|&s| !s) {
            return Err(format!(
                "storage {} is in no segment",
                self.storages[id].name
            ));
        }
        if !self
            .storages
            .is_sorted_by(|a, b| a.offset.saturating_add(a.len) <= b.offset)
        {
            return Err("storages overlap or are out of order".into());
        }
        if !self
            .tensors
            .is_sorted_by(|a, b| a.name.as_bytes() < b.name.as_bytes())
        {
            return Err("tensor names are not unique and sorted".into());
        }
        if !self
            .listed
            .is_sorted_by(|a, b| a.name.as_bytes() < b.name.as_bytes())
        {
            return Err("names of listed tensors are not unique and sorted".into());
        }
        for tensor in &self.tensors {
            let available = tensor
                .storage
                .map_or(Some(0), |id| Some(self.storages.get(id)?.len));
            let needed = tensor.view.extent_bytes(tensor.dtype);
            match (needed, available) {
                (Some(needed), Some(available)) if needed <= available => {}
                _ => {
                    return Err(format!(
                        "tensor {} reaches outside its storage",
                        tensor.name
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Layout {
    /// The same file without regenerated parts: storages, and literals between them. For archives whose
    /// payloads do not have the CRCs that they state.
    #[must_use]
    pub fn without_templates(&self) -> Self {
        let mut segments = Vec::with_capacity(2 * self.storages.len() + 1);
        let mut at = 0;
        let literal_to = |segments: &mut Vec<Segment>, at: u64, to: u64| {
            if at < to {
                segments.push(Segment::Literal {
                    offset: at,
                    len: to - at,
                });
            }
        };
        for (id, storage) in self.storages.iter().enumerate() {
            literal_to(&mut segments, at, storage.offset);
            segments.push(Segment::Storage(id));
            at = storage.offset + storage.len;
        }
        literal_to(&mut segments, at, self.size);
        Self {
            segments,
            ..self.clone()
        }
    }
}

/// A tensor as the framework sees it, stored or listed.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// As [`Tensor::name`].
    pub name: &'a str,
    /// As [`Listed::dtype`].
    pub dtype: &'a str,
    /// In the framework's terms.
    pub shape: &'a [u64],
    /// What it is in the layout.
    pub held: Held<'a>,
}

/// Where the values of a [`Seen`] tensor are.
#[derive(Clone, Copy, Debug)]
pub enum Held<'a> {
    /// It is the stored tensor of this index.
    Tensor(usize),
    /// The stored tensor of this index shows them as bytes.
    Bytes(usize),
    /// Here, encoded or in several parts.
    Packed(&'a Packed),
    /// Nowhere that this program reads; this is why.
    Unread(&'static str),
}

impl Layout {
    /// The tensors that the framework sees, sorted by name: a listed one stands in the place of the stored
    /// ones that hold its values.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen<'_>> {
        let mut hidden: HashSet<&str> = HashSet::new();
        for listed in &self.listed {
            hidden.insert(&listed.name);
            if let Values::Parts(parts, _) = &listed.values {
                hidden.extend(parts.iter().map(String::as_str));
            }
        }
        let stored = self.tensors.iter().enumerate();
        let mut seen: Vec<Seen<'_>> = stored
            .filter(|(_, tensor)| !hidden.contains(tensor.name.as_str()))
            .map(|(index, tensor)| Seen {
                name: &tensor.name,
                dtype: tensor.dtype.name(),
                shape: &tensor.view.shape,
                held: Held::Tensor(index),
            })
            .collect();
        seen.extend(self.listed.iter().map(|listed| Seen {
            name: &listed.name,
            dtype: &listed.dtype,
            shape: &listed.shape,
            held: match &listed.values {
                Values::Tensor => self.bytes_of(&listed.name),
                Values::Parts(_, packed) | Values::Packed(packed) => Held::Packed(packed),
                Values::Unread(why) => Held::Unread(why),
            },
        }));
        seen.sort_by_key(|seen| seen.name);
        seen
    }

    fn bytes_of(&self, name: &str) -> Held<'_> {
        let found = self
            .tensors
            .binary_search_by(|tensor| tensor.name.as_str().cmp(name));
        found.map_or(Held::Unread("no tensor holds its bytes"), Held::Bytes)
    }
}

/// What a format makes of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// It can be split.
    Layout(Layout),
    /// It is stored whole, and this is why: one line, for people.
    Opaque(String),
}
