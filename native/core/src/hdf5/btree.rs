//! B-trees of version 1: over the symbol tables of a group, and over the chunks of a dataset.

use super::file::File;
use crate::bytes::{Cursor, Parse};

/// What a tree is over.
#[derive(Clone, Copy)]
pub(super) enum Over {
    Groups,
    /// Chunks of datasets of this rank.
    Chunks(usize),
}

impl Over {
    fn node_type(self) -> u8 {
        match self {
            Self::Groups => 0,
            Self::Chunks(_) => 1,
        }
    }

    fn key_len(self) -> u64 {
        match self {
            Self::Groups => 8,
            // Size, filter mask, and an origin with an axis for the bytes of an element.
            Self::Chunks(rank) => 8 + 8 * (rank as u64 + 1),
        }
    }
}

/// Visits what the tree's leaves point to, in order, with the key before each. Nodes cannot be visited
/// twice: their bytes are taken.
pub(super) fn visit(
    file: &mut File<'_>,
    root: u64,
    over: Over,
    mut leaf: impl FnMut(&mut File<'_>, Cursor<'_>, u64) -> Parse<()>,
) -> Parse<()> {
    const NODE: &str = "hdf5 B-tree node";
    let mut stack = vec![(root, None)];
    while let Some((address, level)) = stack.pop() {
        let prefix = file.prefix("B-tree node", address, 24)?;
        let mut cursor = prefix.cursor(NODE);
        if cursor.take(4)? != b"TREE" || cursor.u8()? != over.node_type() {
            return Err(cursor.refuse("unknown signature or type"));
        }
        let here = cursor.u8()?;
        if level.is_some_and(|level| level != here) {
            return Err(cursor.refuse("wrong level"));
        }
        let entries = u64::from(cursor.u16()?);
        // At most 65,535 entries of less than 300 bytes.
        let len = 24 + entries * (over.key_len() + 8) + over.key_len();
        let block = file.block("B-tree node", address, len)?;
        let mut cursor = block.cursor(NODE);
        cursor.take(24)?;
        let first = stack.len();
        for _ in 0..entries {
            let at = cursor.position();
            let key = Cursor::new(cursor.take(over.key_len())?, at, "hdf5 B-tree key");
            let child = cursor.u64()?;
            match here.checked_sub(1) {
                None => leaf(file, key, child)?,
                Some(below) => stack.push((child, Some(below))),
            }
        }
        stack[first..].reverse();
    }
    Ok(())
}
