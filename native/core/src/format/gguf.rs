//! `gguf`: the files of llama.cpp: metadata, positions of tensors, then aligned values.
//!
//! In: a file of version 1, 2 or 3, of either byte order. Out: one storage per tensor; header, padding and
//! what follows are literals. Shapes are in NumPy's order, the reverse of the file's. Blocks of quantised
//! numbers are `uint8` with the bytes of a row as the last axis, listed under their own type and shape. A
//! type that is not in the table takes the bytes up to the next tensor, as one axis of `uint8`. In a
//! big-endian file everything but `int8` is listed as unread and stored as `uint8` rows: its bytes are not
//! those of the type that a name like `float32` promises.
//! Refused: what the header's parser refuses, rows that are no whole blocks, positions that are not
//! aligned, overlaps, data past the end, files without tensors.
//! Specification: `https://github.com/ggml-org/ggml/blob/master/docs/gguf.md` and `ggml/src/gguf.cpp`.

use super::assemble::{Found, FoundStorage, FoundTensor};
use super::gguf_header::{Header, Info};
use super::gguf_types::{Kind, kind};
use super::{Facts, Format, Probe};
use crate::bytes::{Limits, MAX_INTEGER, Parse, ReadAt, Refusal};
use crate::layout::{Layout, Listed, Values};
use crate::tensor::{Dtype, View, component};

/// See the module.
pub(super) struct Gguf;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("gguf: {rule}")))
}

impl Format for Gguf {
    fn name(&self) -> &'static str {
        "gguf"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        file.head.starts_with(b"GGUF")
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let mut header = Header::read(source, limits)?;
        if let Some(facts) = facts {
            facts.objects = std::mem::take(&mut header.metadata).into();
        }
        if header.tensors.is_empty() {
            return refuse("no tensors");
        }
        let mut starts = Vec::with_capacity(header.tensors.len());
        for info in &header.tensors {
            starts.push(start(&header, info)?);
        }
        let mut edges = starts.clone();
        edges.push(source.len());
        edges.sort_unstable();
        let mut found = Found::default();
        for (index, (info, offset)) in header.tensors.iter().zip(starts).enumerate() {
            // The next tensor, or the end of the file.
            let next = edges.partition_point(|&edge| edge <= offset);
            let extent = edges.get(next).map_or(0, |edge| edge - offset);
            let stored = stored(info, extent, header.big_endian)?;
            let len = stored.dtype.byte_len(&stored.shape);
            let Some(len) = len else {
                return refuse(format!("tensor too large at byte {}", info.at));
            };
            found.storages.push(FoundStorage { offset, len });
            let name = component(&info.name);
            if let Some((dtype, values)) = stored.shown {
                found.listed.push(Listed {
                    name: name.clone(),
                    dtype,
                    shape: info.shape.clone(),
                    values,
                });
            }
            found.tensors.push(FoundTensor {
                name,
                storage: index,
                view: Some((stored.dtype, View::contiguous(stored.shape))),
            });
        }
        found.assemble(self.name(), source.len())
    }
}

/// Position of a tensor in the file.
fn start(header: &Header, info: &Info) -> Parse<u64> {
    if !info.offset.is_multiple_of(header.alignment) {
        return refuse(format!(
            "tensor is not aligned to {} bytes, at byte {}",
            header.alignment, info.at
        ));
    }
    match header.data.checked_add(info.offset) {
        Some(start) => Ok(start),
        None => refuse(format!("offset too large at byte {}", info.at)),
    }
}

/// How a tensor is stored.
struct Stored {
    dtype: Dtype,
    shape: Vec<u64>,
    /// Type and values under which it is listed, where that is not how it is stored.
    shown: Option<(String, Values)>,
}

/// `extent` is the number of bytes up to the next tensor.
fn stored(info: &Info, extent: u64, big_endian: bool) -> Parse<Stored> {
    if info.shape.iter().any(|&dim| dim > MAX_INTEGER) {
        return refuse(format!("shape too large at byte {}", info.at));
    }
    let (name, row_bytes) = match kind(info.kind) {
        Some(Kind::Plain(dtype)) if !big_endian || dtype == Dtype::Int8 => {
            return Ok(Stored {
                dtype,
                shape: info.shape.clone(),
                shown: None,
            });
        }
        Some(Kind::Plain(dtype)) => {
            let row = info.shape.last().copied().unwrap_or(1);
            (dtype.name().to_owned(), dtype.byte_len(&[row]))
        }
        Some(Kind::Blocks {
            name,
            elements,
            bytes,
        }) => {
            let row = info.shape.last().copied().unwrap_or(1);
            if !row.is_multiple_of(elements) {
                return refuse(format!(
                    "a row of {row} elements is no whole number of {name} blocks, at byte {}",
                    info.at
                ));
            }
            (name.to_owned(), (row / elements).checked_mul(bytes))
        }
        None => {
            let empty = info.shape.contains(&0);
            if extent == 0 && !empty {
                return refuse(format!("tensor without bytes, said at byte {}", info.at));
            }
            let extent = if empty { 0 } else { extent };
            return Ok(Stored {
                dtype: Dtype::UInt8,
                shape: vec![extent],
                shown: Some((format!("ggml type {}", info.kind), Values::Tensor)),
            });
        }
    };
    let Some(row_bytes) = row_bytes else {
        return refuse(format!("shape too large at byte {}", info.at));
    };
    let mut shape = info.shape.clone();
    shape.pop();
    shape.push(row_bytes);
    let values = if big_endian {
        Values::Unread("its numbers are big-endian")
    } else {
        Values::Tensor
    };
    Ok(Stored {
        dtype: Dtype::UInt8,
        shape,
        shown: Some((name, values)),
    })
}
