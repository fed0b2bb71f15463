//! Chunks of one value, which are written only where another chunk of the same array differs.

use std::collections::HashMap;

use super::Work;
use super::scratch::Scratch;
use crate::record::ObjectRef;
use crate::zarr::{Fill, Grid, StoredArray};
use crate::{Error, Result};

/// The state of one chunk.
#[derive(Clone, Debug)]
pub(super) enum Slot {
    Pending,
    /// The earlier version's chunk holds the same.
    Reused,
    Written(ObjectRef),
    /// All elements are this one: not written unless another chunk differs.
    Constant(Fill),
}

/// The element that all chunks consist of, when there is one.
pub(super) fn common_constant(slots: &[Slot]) -> Option<&Fill> {
    let Slot::Constant(first) = slots.first()? else {
        return None;
    };
    slots
        .iter()
        .all(|s| matches!(s, Slot::Constant(fill) if fill == first))
        .then_some(first)
}

/// Writes constant chunks of arrays that are not constant; equal ones once.
#[derive(Default)]
pub(super) struct Waiting {
    scratch: Option<Scratch>,
    known: HashMap<(Fill, u64), ObjectRef>,
}

impl Waiting {
    pub(super) fn resolve(
        &mut self,
        work: &Work<'_>,
        stored: &StoredArray,
        grid: &Grid,
        slots: &[Slot],
    ) -> Result<Vec<ObjectRef>> {
        let mut objects = Vec::with_capacity(slots.len());
        self.known.clear();
        for (chunk, slot) in slots.iter().enumerate() {
            objects.push(match slot {
                Slot::Written(object) => *object,
                Slot::Constant(fill) => {
                    let range = grid.range(chunk as u64);
                    let len = range.end - range.start;
                    let key = (fill.clone(), len);
                    match self.known.get(&key) {
                        Some(object) => *object,
                        None => {
                            let object = self.write(work, stored, fill, len, grid)?;
                            self.known.insert(key, object);
                            object
                        }
                    }
                }
                Slot::Pending | Slot::Reused => {
                    return Err(Error::Internal("a chunk was passed over".into()));
                }
            });
        }
        Ok(objects)
    }

    fn write(
        &mut self,
        work: &Work<'_>,
        stored: &StoredArray,
        fill: &Fill,
        len: u64,
        grid: &Grid,
    ) -> Result<ObjectRef> {
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch::new()?),
        };
        scratch.raw.clear();
        scratch.raw.resize(len as usize, 0);
        fill.repeat(&mut scratch.raw);
        scratch.raw.resize(grid.chunk_bytes(), 0);
        scratch.store(work.writer, stored)
    }
}
