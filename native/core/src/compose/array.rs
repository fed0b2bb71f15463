//! Arrays as a manifest names them, and their chunks.

use std::sync::Mutex;

use crate::codec::Decoder;
use crate::object::ObjectReader;
use crate::record::{self, ObjectRef};
use crate::tensor::{Dtype, Hash, TensorHasher};
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
    stored: StoredArray,
    grid: Grid,
    source: Source,
    /// The hash of its bytes in memory order; `None` when it is that of a tensor in another order.
    expected: Option<Hash>,
    taken: Turns<TensorHasher>,
    /// Is the hash right? Known after the last ticket.
    right: Mutex<Option<bool>>,
}

/// What one thread needs to read chunks.
pub(super) struct Scratch {
    encoded: Vec<u8>,
    decoder: Decoder,
}

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { encoded: Vec::new(), decoder: Decoder::new()? })
    }
}

fn invalid(what: &str, rule: impl Into<String>) -> Error {
    Error::Invalid { what: what.to_owned(), rule: rule.into() }
}

impl ArrayReader {
    pub(super) fn tensor(record: &record::Tensor) -> Result<Self> {
        let name = &record.tensor;
        let stored = StoredArray::tensor(record.dtype, &record.shape, record.order.as_deref())?;
        let hasher = TensorHasher::new(record.dtype, &record.shape);
        let expected = record.order.is_none().then_some(record.hash);
        Self::new(name, stored, record.chunks.as_ref(), record.fill.as_ref(), expected, hasher)
    }

    pub(super) fn storage(record: &record::Storage) -> Result<Self> {
        let stored = StoredArray::storage(record.size)?;
        let hasher = TensorHasher::new(Dtype::UInt8, &[record.size]);
        let (chunks, fill) = (record.chunks.as_ref(), record.fill.as_ref());
        Self::new(&record.storage, stored, chunks, fill, Some(record.hash), hasher)
    }

    pub(super) fn skeleton(record: &record::Skeleton) -> Result<Self> {
        let stored = StoredArray::skeleton(record.size)?;
        let hasher = TensorHasher::new(Dtype::UInt8, &[record.size]);
        Self::new("the skeleton", stored, Some(&record.chunks), None, Some(record.hash), hasher)
    }

    fn new(
        name: &str,
        stored: StoredArray,
        chunks: Option<&Vec<ObjectRef>>,
        fill: Option<&String>,
        expected: Option<Hash>,
        hasher: TensorHasher,
    ) -> Result<Self> {
        let grid = stored.grid();
        let size = stored.size();
        let (source, tickets) = match (chunks, fill) {
            (Some(chunks), None) => {
                if chunks.len() as u64 != grid.count() || size == 0 {
                    let (is, should) = (chunks.len(), grid.count());
                    return Err(invalid(name, format!("{is} chunks where the grid has {should}")));
                }
                // An encoded chunk is hardly larger than a raw one: more is no chunk of ours.
                let most = grid.chunk_bytes() as u64 + 16;
                if let Some(object) = chunks.iter().find(|o| o.size > most) {
                    return Err(invalid(name, format!("chunk {object} is larger than raw")));
                }
                (Source::Chunks(chunks.clone()), chunks.len())
            }
            (None, Some(text)) => {
                let fill = Fill::parse(text, stored.element_size());
                let fill = fill.ok_or_else(|| invalid(name, format!("{text:?} is no fill value")))?;
                let runs = usize::try_from(size.div_ceil(RUN));
                (Source::Fill(fill), runs.map_err(|_| invalid(name, "it is too large"))?)
            }
            _ => return Err(invalid(name, "it has no array")),
        };
        let name = name.to_owned();
        let (taken, right) = (Turns::new(hasher), Mutex::new(None));
        Ok(Self { name, size, tickets, stored, grid, source, expected, taken, right })
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
                scratch.decoder.decode(&scratch.encoded, out).map_err(|e| Error::CorruptObject {
                    oid: chunks[ticket].hex(),
                    rule: e.to_string(),
                })?;
                out.truncate((range.end - range.start) as usize);
            }
            Source::Fill(fill) => {
                let at = ticket as u64 * RUN;
                out.resize(RUN.min(self.size - at) as usize, 0);
                fill.repeat(out);
            }
        }
        let Some(expected) = self.expected else { return Ok(()) };
        let found = self.taken.take(ticket, alarm, |hasher| {
            hasher.update(out);
            (ticket + 1 == self.tickets).then(|| hasher.finish())
        })?;
        match found {
            Some(hash) if hash != expected => Err(Error::CorruptTensor {
                tensor: self.name.clone(),
                rule: format!("its hash is {hash}, the manifest has {expected}"),
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
