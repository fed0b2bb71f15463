//! Object headers of both versions: the messages that describe a group or a dataset.

use super::checksum::lookup3;
use super::file::{Block, File};
use crate::bytes::{Cursor, Parse, Refusal};

/// Types of messages that are looked at.
pub(super) mod kind {
    pub const DATASPACE: u16 = 0x01;
    pub const LINK_INFO: u16 = 0x02;
    pub const DATATYPE: u16 = 0x03;
    pub const OLD_FILL: u16 = 0x04;
    pub const FILL: u16 = 0x05;
    pub const LINK: u16 = 0x06;
    pub const EXTERNAL: u16 = 0x07;
    pub const LAYOUT: u16 = 0x08;
    pub const FILTERS: u16 = 0x0B;
    pub const ATTRIBUTE: u16 = 0x0C;
    pub const CONTINUATION: u16 = 0x10;
    pub const SYMBOL_TABLE: u16 = 0x11;
    pub const LAST_KNOWN: u16 = 0x18;
}

const HEADER: &str = "hdf5 object header";

/// A message.
pub(super) struct Message {
    kind: u16,
    /// Its content is that of a message elsewhere.
    pub(super) shared: bool,
    at: u64,
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn cursor(&self, what: &'static str) -> Cursor<'_> {
        Cursor::new(&self.bytes, self.at, what)
    }
}

/// The messages of one object.
pub(super) struct Object {
    at: u64,
    messages: Vec<Message>,
}

impl Object {
    pub(super) fn read(file: &mut File<'_>, address: u64) -> Parse<Self> {
        // The prefix of version 2 at its longest.
        let prefix = file.prefix("object header", address, 34)?;
        let mut header = Reader {
            messages: Vec::new(),
            seen: 0,
            blocks: Vec::new(),
            tracked: false,
            version: 1,
        };
        let cursor = &mut prefix.cursor(HEADER);
        let stated = if prefix.bytes.starts_with(b"OHDR") {
            header.start_new(file, address, cursor)?;
            None
        } else {
            Some(header.start_old(file, address, cursor)?)
        };
        // Continuations are added behind while messages are read.
        let mut next = 0;
        while let Some(part) = header.blocks.get_mut(next) {
            let part = std::mem::take(part);
            header.part(file, &part)?;
            next += 1;
        }
        if stated.is_some_and(|stated| stated != header.seen) {
            return Err(Refusal::new(format!(
                "{HEADER}: number of messages is wrong at byte {}",
                prefix.at
            )));
        }
        Ok(Self {
            at: prefix.at,
            messages: header.messages,
        })
    }

    pub(super) fn kinds(&self) -> impl Iterator<Item = u16> {
        self.messages.iter().map(|message| message.kind)
    }

    pub(super) fn all(&self, kind: u16) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |m| m.kind == kind)
    }

    /// The message of a type of which an object has at most one.
    pub(super) fn one(&self, kind: u16) -> Parse<Option<&Message>> {
        let mut all = self.all(kind);
        let first = all.next();
        if all.next().is_some() {
            return Err(self.refuse(format!("two messages of type {kind}")));
        }
        Ok(first)
    }

    pub(super) fn refuse(&self, rule: impl std::fmt::Display) -> Refusal {
        Refusal::new(format!("hdf5: {rule} in the object at byte {}", self.at))
    }
}

/// The bytes of messages of one block.
#[derive(Default)]
struct Part {
    at: u64,
    bytes: Vec<u8>,
}

struct Reader {
    messages: Vec<Message>,
    seen: u64,
    blocks: Vec<Part>,
    tracked: bool,
    version: u8,
}

impl Reader {
    /// Returns the stated number of messages.
    fn start_old(&mut self, file: &mut File<'_>, address: u64, c: &mut Cursor<'_>) -> Parse<u64> {
        if c.u8()? != 1 {
            return Err(c.refuse("unknown version"));
        }
        c.take(1)?;
        let stated = c.u16()?;
        let _references = c.u32()?;
        let len = c.u32()?;
        let block = file.block("object header", address, 16 + u64::from(len))?;
        self.push(block, 16, 0);
        Ok(stated.into())
    }

    fn start_new(&mut self, file: &mut File<'_>, address: u64, c: &mut Cursor<'_>) -> Parse<()> {
        c.take(4)?;
        if c.u8()? != 2 {
            return Err(c.refuse("unknown version"));
        }
        let flags = c.u8()?;
        self.version = 2;
        self.tracked = flags & 0x04 != 0;
        if flags & 0xC0 != 0 {
            return Err(c.refuse("unknown flags"));
        }
        let times = if flags & 0x20 != 0 { 16 } else { 0 };
        let phases = if flags & 0x10 != 0 { 4 } else { 0 };
        c.take(times + phases)?;
        let len = sized(c, flags & 3)?;
        let from = c.at();
        let total = len.saturating_add(from as u64 + 4);
        let block = file.block("object header", address, total)?;
        self.push_summed(block, from)
    }

    /// Keeps the messages of a block, which are behind `from` bytes and before `behind`.
    fn push(&mut self, block: Block, from: usize, behind: usize) {
        let Block { at, mut bytes } = block;
        bytes.truncate(bytes.len().saturating_sub(behind));
        bytes.drain(..from.min(bytes.len()));
        let at = at + from as u64;
        self.blocks.push(Part { at, bytes });
    }

    fn push_summed(&mut self, block: Block, from: usize) -> Parse<()> {
        let mut cursor = block.cursor(HEADER);
        let body = cursor.take((block.bytes.len() as u64).saturating_sub(4))?;
        if cursor.u32()? != lookup3(body) {
            return Err(cursor.refuse("wrong checksum"));
        }
        self.push(block, from, 4);
        Ok(())
    }

    fn part(&mut self, file: &mut File<'_>, part: &Part) -> Parse<()> {
        let mut cursor = Cursor::new(&part.bytes, part.at, HEADER);
        let header = match (self.version, self.tracked) {
            (1, _) => 1,
            (_, false) => 4,
            (_, true) => 6,
        };
        while cursor.remaining() >= header {
            self.message(file, &mut cursor)?;
        }
        Ok(())
    }

    fn message(&mut self, file: &mut File<'_>, cursor: &mut Cursor<'_>) -> Parse<()> {
        let start = cursor.clone();
        let old = self.version == 1;
        let kind = if old {
            cursor.u16()?
        } else {
            cursor.u8()?.into()
        };
        let len = cursor.u16()?;
        let flags = cursor.u8()?;
        cursor.take(match (old, self.tracked) {
            (true, _) => 3,
            (false, false) => 0,
            (false, true) => 2,
        })?;
        let at = cursor.position();
        let bytes = cursor.take(len.into())?;
        self.seen += 1;
        if kind > kind::LAST_KNOWN && flags & 0x80 != 0 {
            return Err(start.refuse("message that readers must know"));
        }
        if kind == kind::CONTINUATION {
            let mut inner = Cursor::new(bytes, at, HEADER);
            let (address, len) = (inner.u64()?, inner.u64()?);
            let block = file.block("object header continuation", address, len)?;
            if old {
                self.push(block, 0, 0);
                return Ok(());
            }
            if !block.bytes.starts_with(b"OCHK") {
                return Err(start.refuse("continuation without its signature"));
            }
            return self.push_summed(block, 4);
        }
        // Fillers are not kept: they take four bytes each.
        if kind != 0 {
            file.count(1)?;
            self.messages.push(Message {
                kind,
                shared: flags & 0x02 != 0,
                at,
                bytes: bytes.to_vec(),
            });
        }
        Ok(())
    }
}

/// A number of 1, 2, 4 or 8 bytes.
pub(super) fn sized(cursor: &mut Cursor<'_>, width: u8) -> Parse<u64> {
    Ok(match width {
        0 => cursor.u8()?.into(),
        1 => cursor.u16()?.into(),
        2 => cursor.u32()?.into(),
        _ => cursor.u64()?,
    })
}
