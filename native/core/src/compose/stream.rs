//! A checkpoint as a stream: background threads read and decode ahead, within a window; the caller
//! takes the bytes in order.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::array::{ArrayReader, Scratch};
use crate::cancel::Cancel;
use crate::decompose::threads as choose_threads;
use crate::object::ObjectReader;
use crate::record::{Manifest, ObjectRef};
use crate::skeleton::{Array, Container, Part, Plan};
use crate::turn::{Alarm, panic_text};
use crate::{Error, Result};

/// One piece of work: a part of an array, or a piece of an opaque file.
#[derive(Clone, Copy)]
enum Ticket {
    Array {
        array: usize,
        part: usize,
        crc: bool,
    },
    Piece(ObjectRef),
}

struct Block {
    bytes: Vec<u8>,
    crc: Option<crc32fast::Hasher>,
}

#[derive(Default)]
struct Queue {
    ready: BTreeMap<usize, Block>,
    /// Blocks that the caller has taken.
    taken: usize,
    /// Buffers to use again.
    free: Vec<Vec<u8>>,
    failure: Option<Error>,
}

struct Shared {
    arrays: Vec<ArrayReader>,
    tickets: Vec<Ticket>,
    objects: ObjectReader,
    next: AtomicUsize,
    window: usize,
    alarm: Alarm,
    cancel: Cancel,
    queue: Mutex<Queue>,
    changed: Condvar,
}

/// The bytes of a checkpoint, from front to back.
pub struct Stream {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// What is to be written; `None` for an opaque file, whose blocks are all there is.
    plan: Option<(Plan, Vec<u8>)>,
    size: u64,
    step: usize,
    /// Bytes of the current step that are given out.
    done: u64,
    crc: crc32fast::Hasher,
    block: Vec<u8>,
    /// Bytes of the block that are given out.
    used: usize,
}

impl Stream {
    /// Starts reading ahead.
    ///
    /// # Errors
    /// [`Error::Invalid`] for manifests that contradict the specification; missing or damaged objects of
    /// the skeleton. Other objects are reported when their turn comes.
    pub fn open(
        manifest: Manifest,
        objects: ObjectReader,
        threads: Option<usize>,
        cancel: &Cancel,
    ) -> Result<Self> {
        let threads = choose_threads(threads);
        let (arrays, tickets, plan, size) = match (&manifest.skeleton, &manifest.pieces) {
            (None, Some(pieces)) => {
                let size = pieces
                    .iter()
                    .try_fold(0u64, |sum, o| sum.checked_add(o.size));
                let size = size.ok_or_else(|| Error::invalid("pieces", "they are too large"))?;
                (
                    Vec::new(),
                    pieces.iter().map(|o| Ticket::Piece(*o)).collect(),
                    None,
                    size,
                )
            }
            _ => {
                let (arrays, plan, Container { literals, .. }) = split(&manifest, &objects)?;
                let mut tickets = Vec::new();
                for step in &plan.steps {
                    if let Part::Array(array) = step.part {
                        let crc = plan.needs_crc(step);
                        let parts = 0..arrays[array].tickets;
                        tickets.extend(parts.map(|part| Ticket::Array { array, part, crc }));
                    }
                }
                let size = plan.size;
                (arrays, tickets, Some((plan, literals)), size)
            }
        };
        let shared = Arc::new(Shared {
            arrays,
            tickets,
            objects,
            next: AtomicUsize::new(0),
            window: threads * 2,
            alarm: Alarm::default(),
            cancel: cancel.clone(),
            queue: Mutex::default(),
            changed: Condvar::new(),
        });
        let workers = (0..threads.min(shared.tickets.len()))
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.work())
            })
            .collect();
        Ok(Self {
            shared,
            workers,
            plan,
            size,
            step: 0,
            done: 0,
            crc: crc32fast::Hasher::new(),
            block: Vec::new(),
            used: 0,
        })
    }

    /// Size of the checkpoint in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Arrays that the checkpoint is put together from: tensors, without aliases and views.
    #[must_use]
    pub fn arrays(&self) -> u64 {
        self.shared.arrays.len() as u64
    }

    /// Fills `into` from its start; fewer bytes than fit only at the end.
    ///
    /// # Errors
    /// Missing or damaged objects, tensors with another hash, [`Error::Cancelled`].
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < into.len() {
            if self.used == self.block.len() && !self.next_block()? {
                break;
            }
            let from = &self.block[self.used..];
            let part = from.len().min(into.len() - filled);
            into[filled..filled + part].copy_from_slice(&from[..part]);
            filled += part;
            self.used += part;
        }
        Ok(filled)
    }

    /// Hands every block of the rest to `sink`, and whether it is the last one of an array.
    ///
    /// # Errors
    /// As [`Stream::read`], and those of `sink`.
    pub fn for_each(&mut self, mut sink: impl FnMut(&[u8], bool) -> Result<()>) -> Result<()> {
        loop {
            let step = self.step;
            if !self.next_block()? {
                return Ok(());
            }
            sink(&self.block, self.step > step && self.is_array(step))?;
            self.used = self.block.len();
        }
    }

    fn is_array(&self, step: usize) -> bool {
        let step = self
            .plan
            .as_ref()
            .and_then(|(plan, _)| plan.steps.get(step));
        step.is_some_and(|step| matches!(step.part, Part::Array(_)))
    }

    /// Makes the next bytes the current block; false at the end.
    fn next_block(&mut self) -> Result<bool> {
        self.used = 0;
        let Some((plan, literals)) = &mut self.plan else {
            if self.step == self.shared.tickets.len() {
                self.block.clear();
                return Ok(false);
            }
            self.step += 1;
            self.shared.take(&mut self.block)?;
            return Ok(true);
        };
        let Some(step) = plan.steps.get(self.step) else {
            self.block.clear();
            return Ok(false);
        };
        let needs_crc = plan.needs_crc(step);
        let len = step.len;
        match &step.part {
            Part::Array(_) => {
                let crc = self.shared.take(&mut self.block)?;
                if let Some(crc) = crc {
                    self.crc.combine(&crc);
                }
                self.done += self.block.len() as u64;
                if self.done < len {
                    return Ok(true);
                }
            }
            other => {
                self.block.clear();
                match other {
                    Part::Fixed(bytes) => self.block.extend_from_slice(bytes),
                    Part::Literal(range) => self.block.extend_from_slice(&literals[range.clone()]),
                    Part::Late(late) => self.block = plan.late(*late),
                    Part::Array(_) => {}
                }
                if needs_crc {
                    self.crc.update(&self.block);
                }
            }
        }
        if needs_crc {
            plan.set_crc(self.step, std::mem::take(&mut self.crc).finalize());
        }
        self.step += 1;
        self.done = 0;
        Ok(true)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.alarm.raise();
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // A panic of a worker was reported to the caller by the worker itself.
            let _ = worker.join();
        }
    }
}

/// The arrays of a split file in the order of the skeleton, the plan, and the literals.
pub(super) fn split(
    manifest: &Manifest,
    objects: &ObjectReader,
) -> Result<(Vec<ArrayReader>, Plan, Container)> {
    let record = manifest.file_skeleton();
    let record = record.ok_or_else(|| Error::invalid("manifest", "it has no skeleton"))?;
    if record.size > crate::skeleton::MAX_CONTAINER {
        return Err(Error::invalid(
            "the skeleton",
            "it is larger than any that is written",
        ));
    }
    let container = Container::parse(&ArrayReader::skeleton(&record)?.read_all(objects)?)?;
    let tensors = manifest.tensors_by_name();
    let mut arrays = Vec::with_capacity(container.arrays.len());
    for array in &container.arrays {
        arrays.push(match array {
            Array::Tensor(name) => match tensors.get(name.as_str()) {
                Some(record) => ArrayReader::tensor(record)?,
                None => {
                    return Err(Error::invalid(
                        name,
                        "the skeleton uses it, but there is no such tensor",
                    ));
                }
            },
            Array::Storage(name) => {
                let found = manifest
                    .storages
                    .binary_search_by(|s| s.storage.as_str().cmp(name));
                match found {
                    Ok(at) => ArrayReader::storage(&manifest.storages[at])?,
                    Err(_) => {
                        return Err(Error::invalid(
                            name,
                            "the skeleton uses it, but there is no such storage",
                        ));
                    }
                }
            }
        });
    }
    let sizes: Vec<u64> = arrays.iter().map(|a| a.size).collect();
    let plan = Plan::new(&container, &sizes)?;
    Ok((arrays, plan, container))
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Swaps `block` for the next one, once it is there.
    fn take(&self, block: &mut Vec<u8>) -> Result<Option<crc32fast::Hasher>> {
        let mut queue = self.lock();
        loop {
            self.cancel.check()?;
            let next = queue.taken;
            if let Some(found) = queue.ready.remove(&next) {
                queue.taken += 1;
                queue.free.push(std::mem::replace(block, found.bytes));
                self.changed.notify_all();
                return Ok(found.crc);
            }
            if let Some(failure) = queue.failure.take() {
                return Err(failure);
            }
            if self.alarm.raised() {
                return Err(Error::Cancelled);
            }
            let wait = self.changed.wait_timeout(queue, Duration::from_millis(50));
            queue = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A buffer for this ticket, as soon as it is inside the window; `None` to stop.
    fn buffer(&self, ticket: usize) -> Option<Vec<u8>> {
        let mut queue = self.lock();
        while ticket >= queue.taken + self.window {
            if self.alarm.raised() {
                return None;
            }
            let wait = self.changed.wait_timeout(queue, Duration::from_millis(50));
            queue = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(queue.free.pop().unwrap_or_default())
    }

    fn work(&self) {
        let mut scratch = match Scratch::new() {
            Ok(scratch) => scratch,
            Err(error) => return self.fail(error),
        };
        while !self.alarm.raised() {
            let ticket = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(kind) = self.tickets.get(ticket).copied() else {
                return;
            };
            let Some(mut bytes) = self.buffer(ticket) else {
                return;
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| match kind {
                Ticket::Array { array, part, crc } => {
                    let array = &self.arrays[array];
                    array.read(part, &self.objects, &mut scratch, &self.alarm, &mut bytes)?;
                    Ok(crc.then(|| {
                        let mut hasher = crc32fast::Hasher::new();
                        hasher.update(&bytes);
                        hasher
                    }))
                }
                Ticket::Piece(object) => self.objects.read(&object, &mut bytes).map(|()| None),
            }))
            .unwrap_or_else(|panic| Err(Error::Internal(panic_text(&*panic))));
            match outcome {
                Ok(crc) => {
                    self.lock().ready.insert(ticket, Block { bytes, crc });
                    self.changed.notify_all();
                }
                Err(error) => return self.fail(error),
            }
        }
    }

    fn fail(&self, error: Error) {
        let mut queue = self.lock();
        if queue.failure.is_none() && !self.alarm.raised() {
            queue.failure = Some(error);
        }
        self.alarm.raise();
        self.changed.notify_all();
    }
}
