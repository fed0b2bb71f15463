//! The walk through a Flax file: from the map's first byte to the file's last, over the values of arrays.
//!
//! In: a file. Out: its arrays with their names, and for people what else is in it. Refused: see
//! `flax_msgpack`. Nothing recurses; what is open is on a stack.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Value};

use super::facts::{self, SHOWN_ITEMS, TEXT_BYTES};
use super::flax_array::{Array, dimension};
use super::msgpack::{Item, next};
use crate::bytes::{Limits, Parse, ReadAt, Reader};
use crate::layout::{Bytes, Listed, Packed, Values};
use crate::pickle::json_float;
use crate::tensor::{View, push_component};

/// Levels that Python's `msgpack` reads.
const DEPTH: usize = 1024;
/// Levels that are shown.
const SHOWN_DEPTH: usize = 32;

/// Types of extensions.
const NDARRAY: i8 = 1;
const SCALAR: i8 = 3;

/// A key that marks a map as an array in chunks, whatever its value is.
const CHUNKED: &str = "__msgpack_chunked_array__";

/// What a file holds.
pub(super) struct Found {
    /// In the order of the file.
    pub(super) arrays: Vec<Array>,
    /// Arrays that are in chunks, as a whole.
    pub(super) chunked: Vec<Listed>,
    /// What is no array, shortened.
    pub(super) objects: Value,
}

/// A map or list whose items are being read.
struct Frame {
    /// Keys that were seen; `None` in a list.
    keys: Option<HashSet<String>>,
    /// The key that was read last.
    key: String,
    items: u64,
    left: u64,
    /// Length of its name, to which those of its items are appended.
    prefix: usize,
    shown: Vec<(String, Value)>,
    /// Is it in a list, where Flax does not look for chunks?
    in_list: bool,
    /// Does it have the mark of an array in chunks?
    chunked: bool,
    /// Position of the value of its key `shape`.
    shape: Option<u64>,
    /// How many arrays and values there were before it.
    before: (usize, u64),
}

/// See the module.
pub(super) struct Walk<'a> {
    reader: Reader<'a>,
    limits: &'a Limits,
    stack: Vec<Frame>,
    arrays: Vec<Array>,
    chunked: Vec<Listed>,
    /// Name of the item that is being read.
    name: Vec<u8>,
    name_bytes: u64,
    keys: u64,
    values: u64,
    /// Entries that may still be shown.
    show: usize,
}

impl<'a> Walk<'a> {
    /// Walks over a file, and keeps `show` entries for people to see.
    ///
    /// # Errors
    /// See the module.
    pub(super) fn over(source: &'a dyn ReadAt, limits: &'a Limits, show: usize) -> Parse<Found> {
        let mut walk = Self {
            reader: Reader::new(source, "flax msgpack", limits.literal_bytes),
            limits,
            stack: Vec::new(),
            arrays: Vec::new(),
            chunked: Vec::new(),
            name: Vec::new(),
            name_bytes: 0,
            keys: 0,
            values: 0,
            show,
        };
        let Item::Map(entries) = next(&mut walk.reader)? else {
            return Err(walk.reader.refuse("no map, where its head ends,"));
        };
        walk.open(entries, true)?;
        let objects = loop {
            if let Some(objects) = walk.step()? {
                break objects;
            }
        };
        if walk.reader.remaining() > 0 {
            return Err(walk.reader.refuse("something behind the map,"));
        }
        Ok(Found {
            arrays: walk.arrays,
            chunked: walk.chunked,
            objects,
        })
    }

    fn open(&mut self, items: u64, map: bool) -> Parse<()> {
        if self.stack.len() >= DEPTH {
            let rule = format!("nesting deeper than {DEPTH},");
            return Err(self.reader.refuse(rule));
        }
        self.name_item();
        let around = self.stack.last();
        self.stack.push(Frame {
            keys: map.then(HashSet::new),
            key: String::new(),
            items,
            left: items,
            prefix: self.name.len(),
            shown: Vec::new(),
            in_list: around.is_some_and(|frame| frame.in_list || frame.keys.is_none()),
            chunked: false,
            shape: None,
            before: (self.arrays.len(), self.values),
        });
        Ok(())
    }

    /// Reads one item, or closes what has no more. The objects of the file when that was the file's map.
    fn step(&mut self) -> Parse<Option<Value>> {
        let Some(frame) = self.stack.last_mut() else {
            return Ok(Some(Value::Null));
        };
        if frame.left == 0 {
            return self.close();
        }
        frame.left -= 1;
        if frame.keys.is_some() {
            self.key()?;
        }
        self.values += 1;
        match next(&mut self.reader)? {
            Item::Map(entries) => self.open(entries, true)?,
            Item::Array(items) => self.open(items, false)?,
            Item::Ext(NDARRAY | SCALAR, len) => self.array(len)?,
            item => self.leaf(item)?,
        }
        Ok(None)
    }

    /// Reads the key of the next item of a map.
    fn key(&mut self) -> Parse<()> {
        self.keys += 1;
        if self.keys > self.limits.tensors {
            let rule = format!("more than {} keys,", self.limits.tensors);
            return Err(self.reader.refuse(rule));
        }
        let Item::Str(len) = next(&mut self.reader)? else {
            return Err(self.reader.refuse("a key that is no text, ends"));
        };
        let key = String::from_utf8(self.reader.take(len)?);
        let key = key.map_err(|_| self.reader.refuse("a key that is not UTF-8 ends"))?;
        let Some(frame) = self.stack.last_mut() else {
            return Ok(());
        };
        frame.chunked |= key == CHUNKED;
        if key == "shape" {
            frame.shape = Some(self.reader.position());
        }
        let seen = frame.keys.get_or_insert_default();
        if !seen.insert(key.clone()) {
            return Err(self.reader.refuse("a key occurs twice, the second ends"));
        }
        frame.key = key;
        Ok(())
    }

    /// Sets the name to that of the item that is being read.
    fn name_item(&mut self) {
        let Some(frame) = self.stack.last() else {
            return;
        };
        self.name.truncate(frame.prefix);
        if self.stack.len() > 1 {
            self.name.push(b'/');
        }
        push_component(&mut self.name, frame.label().as_bytes());
    }

    fn array(&mut self, len: u64) -> Parse<()> {
        self.name_item();
        self.name_bytes += self.name.len() as u64;
        if self.name_bytes > self.limits.name_bytes {
            return Err(self.reader.refuse("names too long together,"));
        }
        // Keys are UTF-8.
        let name = String::from_utf8_lossy(&self.name).into_owned();
        let array = Array::read(&mut self.reader, len, name, self.limits)?;
        self.arrays.push(array);
        Ok(())
    }

    /// Goes over an item that holds no items, and shows it.
    fn leaf(&mut self, item: Item) -> Parse<()> {
        let show = self.shows();
        let value = match item {
            Item::Nil => Value::Null,
            Item::Bool(value) => value.into(),
            Item::Int(value) => match i64::try_from(value) {
                Ok(value) => value.into(),
                Err(_) => (value as u64).into(),
            },
            Item::Float(value) => json_float(value),
            Item::Str(len) => {
                let seen = if show { len.min(TEXT_BYTES) } else { 0 };
                let text = facts::text(&self.reader.take(seen)?);
                self.reader.skip(len - seen)?;
                text
            }
            Item::Bin(len) => {
                self.reader.skip(len)?;
                serde_json::json!({ "bytes": len })
            }
            Item::Ext(kind, len) => {
                self.reader.skip(len)?;
                serde_json::json!({ "extension": kind, "bytes": len })
            }
            Item::Array(_) | Item::Map(_) => Value::Null,
        };
        if let Some(frame) = self.stack.last_mut().filter(|_| show) {
            frame.shown.push((facts::short(&frame.label()), value));
            self.show -= 1;
        }
        Ok(())
    }

    /// Is the next item shown?
    fn shows(&self) -> bool {
        self.show > 0
            && self.stack.len() <= SHOWN_DEPTH
            && self.stack.last().is_some_and(Frame::has_room)
    }

    fn close(&mut self) -> Parse<Option<Value>> {
        let Some(frame) = self.stack.pop() else {
            return Ok(Some(Value::Null));
        };
        if frame.chunked && !frame.in_list {
            self.chunks(&frame)?;
        }
        let empty = frame.items == 0;
        let value = frame.value();
        // What is not empty is shown for entries that have been counted.
        let show = if empty { self.shows() } else { true };
        let Some(around) = self.stack.last_mut() else {
            return Ok(Some(value.unwrap_or(Value::Null)));
        };
        if let Some(value) = value.filter(|_| show && around.has_room()) {
            around.shown.push((facts::short(&around.label()), value));
            self.show -= usize::from(empty);
        }
        Ok(None)
    }

    /// Lists the array whose chunks a map holds.
    fn chunks(&mut self, frame: &Frame) -> Parse<()> {
        let end = self.reader.position();
        let Some(at) = frame.shape else {
            return Err(self.reader.refuse("array in chunks without a shape ends"));
        };
        self.reader.seek(at)?;
        let shape = self.shape_in_map()?;
        self.reader.seek(end)?;
        let (arrays_before, values_before) = frame.before;
        let held = &self.arrays[arrays_before..];
        // The mark, the shape and its dimensions, the chunks: nothing else.
        let values = self.values - values_before;
        if values != 3 + shape.len() as u64 + held.len() as u64 {
            return Err(self
                .reader
                .refuse("array in chunks with something else ends"));
        }
        let prefix = String::from_utf8_lossy(&self.name[..frame.prefix]).into_owned();
        let within = if self.stack.is_empty() {
            "chunks/".into()
        } else {
            format!("{prefix}/chunks/")
        };
        let mut chunks: Vec<Option<&Array>> = vec![None; held.len()];
        for chunk in held {
            let number = chunk.name.strip_prefix(&within);
            let number = number.and_then(|number| {
                let parsed: usize = number.parse().ok()?;
                (parsed.to_string() == number).then_some(parsed)
            });
            if let Some(slot) = number.and_then(|number| chunks.get_mut(number)) {
                *slot = Some(chunk);
            }
        }
        let chunks: Option<Vec<&Array>> = chunks.into_iter().collect();
        let Some(chunks) = chunks.filter(|chunks| !chunks.is_empty()) else {
            return Err(self
                .reader
                .refuse("array in chunks of which one is missing ends"));
        };
        let first = chunks[0];
        let alike = |chunk: &&Array| {
            chunk.shape.len() == 1
                && chunk.type_name == first.type_name
                && (chunk.item == first.item || chunk.len == 0)
        };
        let stored: Vec<u64> = shape.iter().copied().chain(first.item).collect();
        let total = chunks.iter().map(|chunk| chunk.len).sum();
        if !chunks.iter().all(alike) || first.dtype.byte_len(&stored) != Some(total) {
            return Err(self.reader.refuse("array whose chunks do not fit ends"));
        }
        self.chunked.push(Listed {
            name: prefix,
            dtype: first.type_name.clone(),
            shape,
            values: Values::Parts(
                chunks.iter().map(|chunk| chunk.name.clone()).collect(),
                Packed {
                    bytes: Bytes::Runs(chunks.iter().map(|c| (c.offset, c.len)).collect()),
                    dtype: first.dtype,
                    view: View::contiguous(stored),
                },
            ),
        });
        Ok(())
    }

    /// A shape that is a map of `"0"`, `"1"`, … to dimensions.
    fn shape_in_map(&mut self) -> Parse<Vec<u64>> {
        let Item::Map(axes) = next(&mut self.reader)? else {
            return Err(self.reader.refuse("shape that is no map, whose head ends"));
        };
        if axes > self.limits.rank as u64 {
            return Err(self
                .reader
                .refuse("shape of too many axes, whose number ends"));
        }
        let mut shape = vec![None; axes as usize];
        for _ in 0..axes {
            let Item::Str(len) = next(&mut self.reader)? else {
                return Err(self.reader.refuse("a key that is no text, ends"));
            };
            let key = self.reader.take(len)?;
            let dim = dimension(&mut self.reader)?;
            let axis = (0..shape.len()).find(|axis| axis.to_string().as_bytes() == key);
            if let Some(axis) = axis {
                shape[axis] = Some(dim);
            }
        }
        let shape: Option<Vec<u64>> = shape.into_iter().collect();
        shape.ok_or_else(|| self.reader.refuse("shape of which an axis is missing ends"))
    }
}

impl Frame {
    /// What the item that was read last is called: by its key, in a list by its number.
    fn label(&self) -> Cow<'_, str> {
        if self.keys.is_some() {
            return Cow::Borrowed(&self.key);
        }
        Cow::Owned((self.items - self.left).saturating_sub(1).to_string())
    }

    /// May one more of its items be shown?
    fn has_room(&self) -> bool {
        self.keys.is_some() || (self.shown.len() as u64) < SHOWN_ITEMS
    }

    /// What is shown of it; `None` when it holds arrays alone.
    fn value(self) -> Option<Value> {
        if self.shown.is_empty() && self.items > 0 {
            return None;
        }
        if self.keys.is_none() {
            let first = self.shown.into_iter().map(|(_, value)| value).collect();
            return Some(facts::list(self.items, first));
        }
        Some(
            self.shown
                .into_iter()
                .collect::<Map<String, Value>>()
                .into(),
        )
    }
}
