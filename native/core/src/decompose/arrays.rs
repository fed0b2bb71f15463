//! Storing the arrays of a layout: every chunk is read once, hashed in order, encoded, checked, written.

use std::sync::{Mutex, PoisonError};

use super::deferred::{Slot, Waiting, common_constant};
use super::scratch::Scratch;
use super::{Work, threads};
use crate::arrange::{Arrangement, Owner};
use crate::layout::Layout;
use crate::record::{Manifest, ObjectRef};
use crate::tensor::{Dtype, Hash, PartialHash, TensorHasher, hash_view};
use crate::turn::{Alarm, Turns, map_tickets, run_tickets};
use crate::zarr::{Constant, Grid, Kind, StoredArray, array_json};
use crate::{Error, Result};

/// The objects of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// One for each chunk of the grid.
    Chunks(Vec<ObjectRef>),
    /// The constant form.
    Fill(String),
}

/// A stored array.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// Of the tensor, or of the storage as bytes.
    pub hash: Hash,
    /// CRC-32 of the array's bytes.
    pub crc: u32,
    /// Its chunks.
    pub data: Data,
    /// Its `zarr.json`.
    pub meta: ObjectRef,
}

/// What an earlier version stored under the same name, if it may be named again.
struct Earlier {
    hash: Hash,
    data: Data,
    meta: ObjectRef,
}

/// One array to be stored.
struct Job<'a> {
    /// Position of its bytes in the source.
    offset: u64,
    len: u64,
    name: &'a str,
    owner: &'a Owner,
    stored: StoredArray,
    grid: Grid,
    earlier: Option<Earlier>,
    /// Its hash, when that cannot be taken from the chunks as they are read, or was taken before.
    hash: Option<Hash>,
    /// Hash and CRC so far.
    taken: Turns<Taken>,
    slots: Mutex<Vec<Slot>>,
}

/// What is known of an array's bytes so far.
#[derive(Default)]
struct Taken {
    partial: PartialHash,
    hash: Option<Hash>,
    crc: crc32fast::Hasher,
}

/// Stores every array of `arrangement`; returns them in its order.
pub(super) fn store_arrays(
    work: &Work<'_>,
    layout: &Layout,
    arrangement: &Arrangement,
) -> Result<Vec<Done>> {
    let mut jobs = Vec::with_capacity(arrangement.arrays.len());
    for array in &arrangement.arrays {
        let (offset, len) = array.storage.map_or((0, 0), |id| {
            (layout.storages[id].offset, layout.storages[id].len)
        });
        jobs.push(Job::new(work, layout, &array.owner, offset, len)?);
    }
    work.progress.expect(
        jobs.iter().map(|j| j.len).sum(),
        layout.tensors.len() as u64,
    );
    let threads = threads(work.options.threads);
    hash_first(work, layout, &mut jobs, threads)?;
    encode(work, &jobs, threads)?;
    finish(work, jobs, threads)
}

impl<'a> Job<'a> {
    fn new(
        work: &Work<'_>,
        layout: &'a Layout,
        owner: &'a Owner,
        offset: u64,
        len: u64,
    ) -> Result<Self> {
        let (name, stored) = match owner {
            Owner::Tensor(index, order) => {
                let tensor = &layout.tensors[*index];
                let shape = &tensor.view.shape;
                let stored = StoredArray::tensor(tensor.dtype, shape, order.as_deref())?;
                (&tensor.name, stored)
            }
            Owner::Storage(id) => (&layout.storages[*id].name, StoredArray::storage(len)?),
        };
        let grid = stored.grid();
        let earlier = work
            .options
            .previous
            .iter()
            .find_map(|m| earlier(m, layout, name, owner));
        let slots = Mutex::new(vec![Slot::Pending; grid.count() as usize]);
        Ok(Self {
            offset,
            len,
            name,
            owner,
            stored,
            grid,
            earlier,
            hash: None,
            taken: Turns::new(Taken::default()),
            slots,
        })
    }

    /// For its hash: over values in C order, or over its bytes.
    fn hasher(&self) -> TensorHasher {
        match self.stored.kind() {
            Kind::Tensor { dtype, shape } => TensorHasher::new(*dtype, shape),
            _ => TensorHasher::new(Dtype::UInt8, &[self.len]),
        }
    }

    /// Its chunks, each a position in `slots`.
    fn chunks(&self) -> usize {
        self.grid.count() as usize
    }

    fn in_other_order(&self) -> bool {
        matches!(self.owner, Owner::Tensor(_, Some(_)))
    }

    fn is_earlier(&self, hash: Hash) -> bool {
        self.earlier.as_ref().is_some_and(|e| e.hash == hash)
    }

    fn set(&self, chunk: usize, slot: Slot) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)[chunk] = slot;
    }
}

/// The array of the same name in an earlier version, when all but its hash agrees.
fn earlier(manifest: &Manifest, layout: &Layout, name: &str, owner: &Owner) -> Option<Earlier> {
    let data = |chunks: &Option<Vec<ObjectRef>>, fill: &Option<String>| match (chunks, fill) {
        (Some(chunks), None) => Some(Data::Chunks(chunks.clone())),
        (None, Some(fill)) => Some(Data::Fill(fill.clone())),
        _ => None,
    };
    match owner {
        Owner::Tensor(index, order) => {
            let tensor = &layout.tensors[*index];
            let at = manifest
                .tensors
                .binary_search_by(|t| t.tensor.as_str().cmp(name))
                .ok()?;
            let found = &manifest.tensors[at];
            let same = found.dtype == tensor.dtype
                && found.shape == tensor.view.shape
                && found.order == *order;
            let data = data(&found.chunks, &found.fill).filter(|_| same)?;
            Some(Earlier {
                hash: found.hash,
                data,
                meta: found.meta?,
            })
        }
        Owner::Storage(_) => {
            let at = manifest
                .storages
                .binary_search_by(|s| s.storage.as_str().cmp(name))
                .ok()?;
            let found = &manifest.storages[at];
            let data = data(&found.chunks, &found.fill)?;
            Some(Earlier {
                hash: found.hash,
                data,
                meta: found.meta,
            })
        }
    }
}

/// Where hashing first can save the encoding, or cannot be done chunk by chunk, it is done here: for
/// arrays of several chunks that an earlier version has, and for arrays that are not in C order.
fn hash_first(
    work: &Work<'_>,
    layout: &Layout,
    jobs: &mut [Job<'_>],
    threads: usize,
) -> Result<()> {
    let several = |job: &Job<'_>| job.earlier.is_some() && job.chunks() > 1;
    let wanted: Vec<usize> = (0..jobs.len())
        .filter(|&i| several(&jobs[i]) || jobs[i].in_other_order())
        .collect();
    let found = map_tickets(
        threads,
        wanted.len(),
        Vec::new,
        |buf: &mut Vec<u8>, ticket| {
            let job = &jobs[wanted[ticket]];
            let hash = match job.owner {
                Owner::Tensor(index, Some(_)) => {
                    let tensor = &layout.tensors[*index];
                    Some(hash_view(tensor.dtype, &tensor.view, |at, part| {
                        work.cancel.check()?;
                        work.read(job.offset + at, part)
                    })?)
                }
                _ => None,
            };
            let mut crc = crc32fast::Hasher::new();
            let mut hasher = job.hasher();
            // Without an earlier version the CRC comes with the encoding.
            let mut at = if job.earlier.is_some() { 0 } else { job.len };
            while at < job.len {
                work.cancel.check()?;
                let part = (job.len - at).min(1 << 20);
                buf.resize(part as usize, 0);
                work.read(job.offset + at, buf)?;
                crc.update(buf);
                if hash.is_none() {
                    hasher.update(buf);
                }
                at += part;
            }
            let hash = hash.unwrap_or_else(|| hasher.finish());
            Ok((hash, crc.finalize()))
        },
    )?;
    for (index, (hash, crc)) in wanted.into_iter().zip(found) {
        let job = &mut jobs[index];
        if job.in_other_order() {
            job.hash = Some(hash);
        }
        if job.is_earlier(hash) {
            let crc = crc32fast::Hasher::new_with_initial_len(crc, job.len);
            job.taken = Turns::new(Taken {
                crc,
                ..Taken::default()
            });
            job.slots = Mutex::new(vec![Slot::Reused; job.chunks()]);
            work.progress.add_bytes(job.len);
        }
    }
    Ok(())
}

/// Reads, hashes, encodes and writes every chunk that is still pending.
fn encode(work: &Work<'_>, jobs: &[Job<'_>], threads: usize) -> Result<()> {
    let mut tickets = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let pending = job
            .slots
            .lock()
            .is_ok_and(|s| matches!(s.first(), Some(Slot::Pending)));
        if pending && job.len > 0 {
            tickets.extend((0..job.chunks()).map(|chunk| (index, chunk)));
        }
    }
    let alarm = Alarm::default();
    run_tickets(
        threads,
        tickets.len(),
        &alarm,
        Scratch::new,
        |scratch, ticket| {
            let scratch = scratch
                .as_mut()
                .map_err(|e| Error::Internal(e.to_string()))?;
            let (index, chunk) = tickets[ticket];
            encode_chunk(work, &jobs[index], chunk, scratch, &alarm)
        },
    )
}

fn encode_chunk(
    work: &Work<'_>,
    job: &Job<'_>,
    chunk: usize,
    scratch: &mut Scratch,
    alarm: &Alarm,
) -> Result<()> {
    work.cancel.check()?;
    let range = job.grid.range(chunk as u64);
    let len = range.end - range.start;
    scratch.raw.resize(len as usize, 0);
    work.read(job.offset + range.start, &mut scratch.raw)?;
    let raw = &scratch.raw;
    let hash = job.taken.take(chunk, alarm, |taken| {
        taken.crc.update(raw);
        if job.hash.is_none() {
            let last = chunk + 1 == job.chunks();
            taken.hash = taken.partial.update(|| job.hasher(), raw, last);
        }
        taken.hash
    })?;
    work.progress.add_bytes(len);
    if job.chunks() == 1 && hash.is_some_and(|hash| job.is_earlier(hash)) {
        job.set(chunk, Slot::Reused);
        return Ok(());
    }
    let mut constant = Constant::new(job.stored.element_size());
    constant.update(raw);
    let slot = match constant
        .element()
        .and_then(|element| job.stored.constant_fill(element))
    {
        Some(fill) => Slot::Constant(fill),
        None => {
            scratch.raw.resize(job.grid.chunk_bytes(), 0);
            Slot::Written(scratch.store(work.writer, &job.stored)?)
        }
    };
    job.set(chunk, slot);
    Ok(())
}

/// Decides for the constant form, writes the chunks that waited for that, and every `zarr.json`.
fn finish(work: &Work<'_>, jobs: Vec<Job<'_>>, threads: usize) -> Result<Vec<Done>> {
    let mut done = Vec::with_capacity(jobs.len());
    let mut metas = Vec::new();
    let mut waiting = Waiting::default();
    for (index, job) in jobs.into_iter().enumerate() {
        if matches!(job.owner, Owner::Tensor(..)) {
            work.progress.add_tensor();
        }
        let empty = job.hasher();
        let slots = job
            .slots
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let taken = job.taken.into_inner();
        let crc = taken.crc.finalize();
        let reused = matches!(slots.first(), Some(Slot::Reused));
        if let (true, Some(earlier)) = (reused, job.earlier) {
            work.progress.add_reused(job.len);
            done.push(Done {
                hash: earlier.hash,
                crc,
                data: earlier.data,
                meta: earlier.meta,
            });
            continue;
        }
        // Without chunks there is nothing that was hashed.
        let hash = job.hash.or(taken.hash).unwrap_or_else(|| empty.finish());
        let zero = job.stored.zero_fill();
        let constant = if job.len == 0 {
            Some(&zero)
        } else {
            common_constant(&slots)
        };
        let data = match constant {
            Some(fill) => Data::Fill(fill.to_string()),
            None => Data::Chunks(waiting.resolve(work, &job.stored, &job.grid, &slots)?),
        };
        let fill = constant.unwrap_or(&zero);
        metas.push((index, array_json(&job.stored, job.name, &hash, fill)?));
        let meta = ObjectRef {
            oid: [0; 32],
            size: 0,
        };
        done.push(Done {
            hash,
            crc,
            data,
            meta,
        });
    }
    let written = map_tickets(
        threads,
        metas.len(),
        || (),
        |(), ticket| work.writer.write(&metas[ticket].1),
    )?;
    for ((index, _), meta) in metas.into_iter().zip(written) {
        done[index].meta = meta;
    }
    Ok(done)
}
