//! Arrays as a manifest names them, and their chunks.

use crate::codec::Decoder;
use crate::object::ObjectReader;
use crate::record::{self, ObjectRef};
use crate::tensor::{Dtype, Hash, PartialHash, TensorHasher, View, hash_view};
use crate::turn::{Alarm, Turns};
use crate::zarr::{Fill, Grid, StoredArray};
use crate::{Error, Result};

/// Constant arrays are made in runs of this many bytes (a multiple of every element size).
const RUN: u64 = 1 << 20;

/// Where the bytes of an array come from.
enum Source {
    Chunks(Vec<ObjectRef>),
    Fill(Fill),
}

/// An array to be read in tickets: its chunks, or runs of its fill value.
pub(super) struct ArrayReader {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) tickets: usize,
    grid: Grid,
    source: Source,
    hash: Hash,
    check: Check,
}

/// How the hash is checked.
enum Check {
    /// Over the bytes as they are read, as a tensor of this type and shape.
    InOrder(Dtype, Vec<u64>, Turns<PartialHash>),
    /// Over the one part that the array has, through a view in another order of the axes. The values
    /// of an array of several parts in another order are as good as its chunks, each checked by its
    /// SHA-256: the hash would need all of them at once.
    Gathered(Dtype, View),
}

/// What one thread needs to read chunks.
pub(super) struct Scratch {
    encoded: Vec<u8>,
    decoder: Decoder,
}

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            encoded: Vec::new(),
            decoder: Decoder::new()?,
        })
    }
}

fn in_order(dtype: Dtype, shape: Vec<u64>) -> Check {
    Check::InOrder(dtype, shape, Turns::new(PartialHash::default()))
}

/// Fills `part` from `memory` at `at`.
pub(super) fn copy_part(memory: &[u8], at: u64, part: &mut [u8]) -> Result<()> {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    let from = memory.get(at..).and_then(|rest| rest.get(..part.len()));
    part.copy_from_slice(from.ok_or_else(|| Error::Internal("a read past an array".into()))?);
    Ok(())
}

impl ArrayReader {
    pub(super) fn tensor(record: &record::Tensor) -> Result<Self> {
        let stored = StoredArray::tensor(record.dtype, &record.shape, record.order.as_deref())?;
        let check = match &record.order {
            None => in_order(record.dtype, record.shape.clone()),
            Some(order) => {
                Check::Gathered(record.dtype, View::ordered(record.shape.clone(), order))
            }
        };
        let (chunks, fill) = (record.chunks.as_ref(), record.fill.as_ref());
        Self::new(&record.tensor, stored, chunks, fill, record.hash, check)
    }

    pub(super) fn storage(record: &record::Storage) -> Result<Self> {
        let stored = StoredArray::storage(record.size)?;
        let (chunks, fill) = (record.chunks.as_ref(), record.fill.as_ref());
        Self::new(
            &record.storage,
            stored,
            chunks,
            fill,
            record.hash,
            in_order(Dtype::UInt8, vec![record.size]),
        )
    }

    pub(super) fn skeleton(record: &record::Skeleton) -> Result<Self> {
        let stored = StoredArray::skeleton(record.size)?;
        let (chunks, check) = (
            Some(&record.chunks),
            in_order(Dtype::UInt8, vec![record.size]),
        );
        Self::new("the skeleton", stored, chunks, None, record.hash, check)
    }

    fn new(
        name: &str,
        stored: StoredArray,
        chunks: Option<&Vec<ObjectRef>>,
        fill: Option<&String>,
        hash: Hash,
        check: Check,
    ) -> Result<Self> {
        let grid = stored.grid();
        let size = stored.size();
        let (source, tickets) = match (chunks, fill) {
            (Some(chunks), None) => {
                if chunks.len() as u64 != grid.count() || size == 0 {
                    let (is, should) = (chunks.len(), grid.count());
                    return Err(Error::invalid(
                        name,
                        format!("{is} chunks where the grid has {should}"),
                    ));
                }
                // An encoded chunk is hardly larger than a raw one: more is no chunk of ours.
                let most = grid.chunk_bytes() as u64 + 16;
                if let Some(object) = chunks.iter().find(|o| o.size > most) {
                    return Err(Error::invalid(
                        name,
                        format!("chunk {object} is larger than raw"),
                    ));
                }
                (Source::Chunks(chunks.clone()), chunks.len())
            }
            (None, Some(text)) => {
                let fill = Fill::parse(text, stored.element_size())
                    .filter(|fill| stored.constant_fill(fill.element()).as_ref() == Some(fill));
                let fill =
                    fill.ok_or_else(|| Error::invalid(name, format!("{text:?} is no fill value")))?;
                let runs = usize::try_from(size.div_ceil(RUN));
                (
                    Source::Fill(fill),
                    runs.map_err(|_| Error::invalid(name, "it is too large"))?,
                )
            }
            _ => return Err(Error::invalid(name, "it has no array")),
        };
        let name = name.to_owned();
        Ok(Self {
            name,
            size,
            tickets,
            grid,
            source,
            hash,
            check,
        })
    }

    /// Reads the bytes of a ticket into `out`, replacing what it holds.
    ///
    /// The tickets of one array must be handed out in order.
    pub(super) fn read(
        &self,
        ticket: usize,
        objects: &ObjectReader,
        scratch: &mut Scratch,
        alarm: &Alarm,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match &self.source {
            Source::Chunks(chunks) => {
                let range = self.grid.range(ticket as u64);
                objects.read(&chunks[ticket], &mut scratch.encoded)?;
                out.resize(self.grid.chunk_bytes(), 0);
                scratch.decoder.decode(&scratch.encoded, out).map_err(|e| {
                    Error::CorruptObject {
                        oid: chunks[ticket].hex(),
                        rule: e.to_string(),
                    }
                })?;
                out.truncate((range.end - range.start) as usize);
            }
            Source::Fill(fill) => {
                let at = ticket as u64 * RUN;
                out.resize(RUN.min(self.size - at) as usize, 0);
                fill.repeat(out);
            }
        }
        let found = match &self.check {
            Check::InOrder(dtype, shape, turns) => turns.take(ticket, alarm, |partial| {
                let last = ticket + 1 == self.tickets;
                partial.update(|| TensorHasher::new(*dtype, shape), out, last)
            })?,
            Check::Gathered(dtype, view) if self.tickets == 1 => {
                Some(hash_view(*dtype, view, |at, part| {
                    copy_part(out, at, part)
                })?)
            }
            Check::Gathered(..) => None,
        };
        match found {
            Some(hash) if hash != self.hash => Err(Error::CorruptTensor {
                tensor: self.name.clone(),
                rule: format!("its hash is {hash}, the manifest has {}", self.hash),
            }),
            _ => Ok(()),
        }
    }

    /// All bytes, in memory order.
    pub(super) fn read_all(&self, objects: &ObjectReader) -> Result<Vec<u8>> {
        let mut scratch = Scratch::new()?;
        let alarm = Alarm::default();
        let (mut all, mut part) = (Vec::new(), Vec::new());
        for ticket in 0..self.tickets {
            self.read(ticket, objects, &mut scratch, &alarm, &mut part)?;
            all.extend_from_slice(&part);
        }
        Ok(all)
    }

    pub(super) fn keys(&self) -> Vec<String> {
        match self.source {
            Source::Chunks(_) => self.grid.keys(),
            Source::Fill(_) => Vec::new(),
        }
    }
}
