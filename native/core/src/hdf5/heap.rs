//! Heaps: local ones with the names of a group, and global ones with strings of attributes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::file::{Block, File};
use super::refuse;
use crate::bytes::{Parse, unless_refused};

/// The longest name that the library writes.
const LONGEST_NAME: usize = 0xFFFF;

/// The names of one group.
pub(super) struct LocalHeap {
    data: Block,
}

impl LocalHeap {
    pub(super) fn read(file: &mut File<'_>, address: u64) -> Parse<Self> {
        let header = file.block("local heap", address, 32)?;
        let mut cursor = header.cursor("hdf5 local heap");
        if cursor.take(4)? != b"HEAP" || cursor.u8()? != 0 {
            return Err(cursor.refuse("unknown signature or version"));
        }
        cursor.take(3)?;
        let len = cursor.u64()?;
        let _free = cursor.u64()?;
        let address = cursor.u64()?;
        let data = file.block("local heap's data", address, len)?;
        Ok(Self { data })
    }

    /// The bytes from `offset` up to a NUL.
    pub(super) fn name(&self, offset: u64) -> Parse<&[u8]> {
        let all = &self.data.bytes[..];
        let rest = usize::try_from(offset).ok().and_then(|at| all.get(at..));
        let Some(rest) = rest else {
            let at = self.data.at;
            return refuse(format!("name outside the local heap at byte {at}"));
        };
        let window = &rest[..rest.len().min(LONGEST_NAME + 1)];
        match window.iter().position(|&b| b == 0) {
            Some(len) => Ok(&window[..len]),
            None => refuse(format!(
                "name without an end at byte {}",
                self.data.at.saturating_add(offset)
            )),
        }
    }
}

/// Collections of the global heap, by their addresses, each read once.
#[derive(Default)]
pub(super) struct GlobalHeap {
    collections: HashMap<u64, Option<Collection>>,
}

struct Collection {
    block: Block,
    /// Position and length in the block, by index.
    objects: HashMap<u16, (usize, usize)>,
}

impl GlobalHeap {
    /// An object's bytes; `None` when there is no such object, or the collection is damaged.
    ///
    /// # Errors
    /// When reading fails.
    pub(super) fn object(
        &mut self,
        file: &mut File<'_>,
        address: u64,
        index: u32,
    ) -> Parse<Option<&[u8]>> {
        let found = match self.collections.entry(address) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(unless_refused(Collection::read(file, address))?),
        };
        Ok(found.as_ref().and_then(|collection| {
            let (at, len) = *collection.objects.get(&u16::try_from(index).ok()?)?;
            collection.block.bytes.get(at..at.checked_add(len)?)
        }))
    }
}

impl Collection {
    fn read(file: &mut File<'_>, address: u64) -> Parse<Self> {
        let prefix = file.prefix("global heap", address, 16)?;
        let mut cursor = prefix.cursor("hdf5 global heap");
        if cursor.take(4)? != b"GCOL" || cursor.u8()? != 1 {
            return Err(cursor.refuse("unknown signature or version"));
        }
        cursor.take(3)?;
        let len = cursor.u64()?;
        let block = file.block("global heap", address, len)?;
        let mut cursor = block.cursor("hdf5 global heap");
        cursor.take(16)?;
        let mut objects = HashMap::new();
        while cursor.remaining() >= 16 {
            let index = cursor.u16()?;
            cursor.take(6)?;
            let len = cursor.u64()?;
            // The free space, which is last.
            if index == 0 {
                break;
            }
            let at = cursor.at();
            let bytes = cursor.take(len)?;
            let padding = bytes.len().next_multiple_of(8) - bytes.len();
            cursor.take((padding as u64).min(cursor.remaining() as u64))?;
            if objects.insert(index, (at, bytes.len())).is_some() {
                return Err(cursor.refuse("two objects of one index"));
            }
        }
        Ok(Self { block, objects })
    }
}
