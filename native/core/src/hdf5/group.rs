//! Groups: the names in them, and where these lead.

use super::btree::{self, Over};
use super::file::{File, UNDEFINED};
use super::heap::LocalHeap;
use super::object::{Object, kind, sized};
use super::refuse;
use crate::bytes::{Cursor, Parse};

/// Where a name leads.
pub(super) enum Target {
    /// To the object at this address.
    Object(u64),
    /// To a path in this or another file: not followed. This is which.
    Elsewhere(&'static str),
}

pub(super) struct Link {
    pub(super) name: String,
    pub(super) target: Target,
}

/// The links of a group, none of them twice; `None` when the object is no group.
pub(super) fn links(file: &mut File<'_>, object: &Object) -> Parse<Option<Vec<Link>>> {
    let table = object.one(kind::SYMBOL_TABLE)?;
    let info = object.one(kind::LINK_INFO)?;
    let listed = object.all(kind::LINK).next().is_some();
    let mut links = Vec::new();
    match (table, info) {
        (Some(_), _) if info.is_some() || listed => {
            return Err(object.refuse("a symbol table and other links"));
        }
        (Some(table), _) => {
            let mut cursor = table.cursor("hdf5 symbol table");
            let (tree, heap) = (cursor.u64()?, cursor.u64()?);
            symbols(file, tree, heap, &mut links)?;
        }
        (None, Some(info)) => {
            let mut cursor = info.cursor("hdf5 link info");
            let version = cursor.u8()?;
            let flags = cursor.u8()?;
            if version != 0 {
                return Err(cursor.refuse("unknown version"));
            }
            cursor.take(if flags & 1 != 0 { 8 } else { 0 })?;
            if cursor.u64()? != UNDEFINED {
                return Err(object.refuse("a dense group (fractal heap), which is not read,"));
            }
        }
        (None, None) if !listed => return Ok(None),
        (None, None) => {}
    }
    for message in object.all(kind::LINK) {
        if message.shared {
            return Err(object.refuse("a shared link"));
        }
        let link = message_link(file, message.cursor("hdf5 link"))?;
        links.push(link);
    }
    if table.is_none() {
        links.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    }
    // Trees are in order too: readers that search would not find what is out of it.
    if !links.is_sorted_by(|a, b| a.name.as_bytes() < b.name.as_bytes()) {
        return Err(object.refuse("names twice or out of order"));
    }
    Ok(Some(links))
}

fn checked(file: &mut File<'_>, name: &[u8], at: u64) -> Parse<String> {
    file.count_name(name.len())?;
    file.count(1)?;
    match std::str::from_utf8(name) {
        Ok("" | "." | "..") => refuse(format!("empty name or dots at byte {at}")),
        Ok(name) if name.contains(['/', '\0']) => {
            refuse(format!("name with a separator at byte {at}"))
        }
        Ok(name) => Ok(name.to_owned()),
        Err(_) => refuse(format!("name that is not UTF-8 at byte {at}")),
    }
}

/// The links of a symbol table: a B-tree over nodes with entries, whose names are in a local heap.
fn symbols(file: &mut File<'_>, tree: u64, heap: u64, links: &mut Vec<Link>) -> Parse<()> {
    let heap = LocalHeap::read(file, heap)?;
    btree::visit(file, tree, Over::Groups, |file, _key, node| {
        let prefix = file.prefix("symbol table node", node, 8)?;
        let mut cursor = prefix.cursor("hdf5 symbol table node");
        if cursor.take(4)? != b"SNOD" || cursor.u8()? != 1 {
            return Err(cursor.refuse("unknown signature or version"));
        }
        cursor.take(1)?;
        let entries = cursor.u16()?;
        let block = file.block("symbol table node", node, 8 + 40 * u64::from(entries))?;
        let mut cursor = block.cursor("hdf5 symbol table node");
        cursor.take(8)?;
        for _ in 0..entries {
            let at = cursor.position();
            let name = checked(file, heap.name(cursor.u64()?)?, at)?;
            let address = cursor.u64()?;
            let target = match cursor.u32()? {
                0 | 1 => Target::Object(address),
                2 => Target::Elsewhere("soft link"),
                _ => return Err(cursor.refuse("unknown type of entry")),
            };
            cursor.take(4 + 16)?;
            links.push(Link { name, target });
        }
        Ok(())
    })
}

fn message_link(file: &mut File<'_>, mut cursor: Cursor<'_>) -> Parse<Link> {
    let start = cursor.clone();
    if cursor.u8()? != 1 {
        return Err(start.refuse("unknown version"));
    }
    let flags = cursor.u8()?;
    if flags & 0xE0 != 0 {
        return Err(start.refuse("unknown flags"));
    }
    let kind = if flags & 0x08 != 0 { cursor.u8()? } else { 0 };
    cursor.take(if flags & 0x04 != 0 { 8 } else { 0 })?;
    cursor.take(if flags & 0x10 != 0 { 1 } else { 0 })?;
    let len = sized(&mut cursor, flags & 3)?;
    let at = cursor.position();
    let name = checked(file, cursor.take(len)?, at)?;
    let target = match kind {
        0 => Target::Object(cursor.u64()?),
        1 => Target::Elsewhere("soft link"),
        64 => Target::Elsewhere("link to another file"),
        _ => Target::Elsewhere("link of an unknown type"),
    };
    Ok(Link { name, target })
}
