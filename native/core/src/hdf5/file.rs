//! Reading the blocks of a file, each byte for one purpose.

use std::collections::BTreeMap;

use super::refuse;
use crate::bytes::{Cursor, Limits, Parse, ReadAt, read_vec};

/// The address that means "nowhere".
pub(super) const UNDEFINED: u64 = u64::MAX;

/// A block of metadata.
pub(super) struct Block {
    /// Position in the source.
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
}

impl Block {
    pub(super) fn cursor(&self, what: &'static str) -> Cursor<'_> {
        Cursor::new(&self.bytes, self.at, what)
    }
}

/// A file, and which of its bytes are known to be what. Addresses count from `base`.
pub(super) struct File<'a> {
    pub(super) source: &'a dyn ReadAt,
    pub(super) limits: &'a Limits,
    base: u64,
    end: u64,
    /// End of each block, by its start.
    taken: BTreeMap<u64, u64>,
    metadata: u64,
    names: u64,
    tensors: u64,
}

impl<'a> File<'a> {
    /// A file between `base` and `end`, which are inside the source.
    pub(super) fn new(source: &'a dyn ReadAt, limits: &'a Limits, base: u64, end: u64) -> Self {
        Self {
            source,
            limits,
            base,
            end,
            taken: BTreeMap::new(),
            metadata: 0,
            names: 0,
            tensors: 0,
        }
    }

    fn place(&self, what: &'static str, address: u64, len: u64) -> Parse<u64> {
        let at = self.base.checked_add(address);
        let end = at.and_then(|at| at.checked_add(len));
        match (at, end) {
            (Some(at), Some(end)) if end <= self.end => Ok(at),
            _ => refuse(format!("{what} at address {address} is outside the file")),
        }
    }

    /// Takes `len` bytes for one purpose, and returns their position.
    pub(super) fn claim(&mut self, what: &'static str, address: u64, len: u64) -> Parse<u64> {
        let at = self.place(what, address, len)?;
        if len == 0 {
            return Ok(at);
        }
        let before = self.taken.range(..at + len).next_back();
        if before.is_some_and(|(_, &end)| end > at) {
            return refuse(format!("{what} at byte {at} overlaps another structure"));
        }
        self.taken.insert(at, at + len);
        Ok(at)
    }

    /// Reads a block of metadata, which nothing else may read.
    pub(super) fn block(&mut self, what: &'static str, address: u64, len: u64) -> Parse<Block> {
        // Before memory is taken for it.
        self.metadata = self.metadata.saturating_add(len);
        if self.metadata > self.limits.literal_bytes {
            let most = self.limits.literal_bytes;
            return refuse(format!("more than {most} bytes of metadata"));
        }
        let at = self.claim(what, address, len)?;
        let bytes = read_vec(self.source, at, len)?;
        Ok(Block { at, bytes })
    }

    /// Up to `len` bytes of a block whose length they state.
    pub(super) fn prefix(&self, what: &'static str, address: u64, len: u64) -> Parse<Block> {
        let at = self.place(what, address, 0)?;
        let bytes = read_vec(self.source, at, len.min(self.end - at))?;
        Ok(Block { at, bytes })
    }

    /// Counts a name that is kept.
    pub(super) fn count_name(&mut self, len: usize) -> Parse<()> {
        self.names = self.names.saturating_add(len as u64);
        if self.names > self.limits.name_bytes {
            return refuse(format!(
                "names of more than {} bytes",
                self.limits.name_bytes
            ));
        }
        Ok(())
    }

    /// Counts objects and chunks that are kept.
    pub(super) fn count(&mut self, items: u64) -> Parse<()> {
        self.tensors = self.tensors.saturating_add(items);
        if self.tensors > self.limits.tensors {
            let most = self.limits.tensors;
            return refuse(format!("more than {most} objects and chunks"));
        }
        Ok(())
    }
}
