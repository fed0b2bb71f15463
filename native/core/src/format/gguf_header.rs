//! The header of a GGUF file: its metadata, and names, types and positions of its tensors.
//!
//! In: a file from its first byte. Out: a [`Header`], with the metadata shortened for people to see.
//! Refused: versions other than 1 to 3, keys or names that occur twice, names that are not Unicode,
//! unknown types of metadata, arrays in arrays beyond the limit on axes, an alignment that is no power
//! of two.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::facts::{self, SHOWN_ENTRIES, SHOWN_ITEMS, TEXT_BYTES};
use crate::bytes::{Limits, Parse, ReadAt, Reader};
use crate::pickle::json_float;

/// What the header says.
#[derive(Debug)]
pub(crate) struct Header {
    /// Are numbers in the file, also those of tensors, big-endian?
    pub(crate) big_endian: bool,
    /// Every tensor begins at a multiple of it, counted from `data`.
    pub(crate) alignment: u64,
    /// The metadata, shortened.
    pub(crate) metadata: Map<String, Value>,
    /// In the order of the file.
    pub(crate) tensors: Vec<Info>,
    /// Where the tensors' data begin.
    pub(crate) data: u64,
    /// Version of the format.
    pub(crate) version: u32,
    /// How many keys there are.
    pub(crate) keys: u64,
    /// Position behind the metadata.
    pub(crate) keys_end: u64,
    /// Position behind what is said of the tensors; from there to `data` is padding.
    pub(crate) infos_end: u64,
    /// Keys of this program's, in the order of the file.
    pub(crate) own: Vec<Key>,
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// Position in the file.
    pub(crate) at: u64,
    /// Position behind its value.
    pub(crate) end: u64,
}

/// A tensor.
#[derive(Debug)]
pub(crate) struct Info {
    pub(crate) name: String,
    /// Slowest axis first, as in NumPy: the file has them in reverse.
    pub(crate) shape: Vec<u64>,
    /// Number of its type.
    pub(crate) kind: u32,
    /// Position, counted from [`Header::data`].
    pub(crate) offset: u64,
    /// Position in the file of what is said here.
    pub(crate) at: u64,
}

const DEFAULT_ALIGNMENT: u64 = 32;
const ALIGNMENT: &[u8] = b"general.alignment";
/// Keys of this program's begin with it.
const OWN: &str = "git_theta.";
/// More of them are not looked at.
const MOST_OWN: usize = 8;

const UINT32: u32 = 4;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Bytes of a value of metadata; `None` for strings, arrays and unknown types.
fn size(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | BOOL => 1,
        2 | 3 => 2,
        UINT32 | 5 | 6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

impl Header {
    /// Reads a header.
    ///
    /// # Errors
    /// See the module.
    pub(crate) fn read(source: &dyn ReadAt, limits: &Limits) -> Parse<Self> {
        let mut fields = Fields::new(source, limits)?;
        let tensors = fields.count()?;
        let keys = fields.count()?;
        if tensors > limits.tensors || keys > limits.tensors {
            let rule = format!("more than {} tensors or keys", limits.tensors);
            return Err(fields.reader.refuse(rule));
        }
        let mut alignment = DEFAULT_ALIGNMENT;
        let mut metadata = Map::new();
        let mut seen = HashSet::new();
        let mut own = Vec::new();
        for _ in 0..keys {
            let at = fields.reader.position();
            let key = fields.string()?;
            let kind = fields.u32()?;
            if key == ALIGNMENT {
                alignment = fields.alignment(kind)?;
                metadata.insert("general.alignment".into(), alignment.into());
            } else {
                let value = fields.value(kind)?;
                if metadata.len() < SHOWN_ENTRIES {
                    metadata.insert(facts::short(&String::from_utf8_lossy(&key)), value);
                }
            }
            let name = std::str::from_utf8(&key).ok();
            if let Some(name) = name.filter(|name| name.starts_with(OWN))
                && own.len() < MOST_OWN
            {
                own.push(Key {
                    name: name.to_owned(),
                    at,
                    end: fields.reader.position(),
                });
            }
            if !seen.insert(key) {
                return Err(fields.reader.refuse("a key occurs twice, the second ends"));
            }
        }
        let keys_end = fields.reader.position();
        let infos = fields.infos(tensors)?;
        let end = fields.reader.position();
        let data = end.checked_next_multiple_of(alignment);
        Ok(Self {
            big_endian: fields.big_endian,
            alignment,
            metadata,
            tensors: infos,
            version: fields.version,
            keys,
            keys_end,
            infos_end: end,
            own,
            data: data.ok_or_else(|| fields.reader.refuse("alignment too large"))?,
        })
    }
}

/// The fields of a header, in the file's version and byte order.
struct Fields<'a> {
    reader: Reader<'a>,
    limits: &'a Limits,
    big_endian: bool,
    version: u32,
    /// Are counts and lengths of 8 bytes? In version 1 they are of 4.
    wide: bool,
}

/// An array whose items are being read.
struct Open {
    kind: u32,
    items: u64,
    left: u64,
    first: Vec<Value>,
}

impl<'a> Fields<'a> {
    fn new(source: &'a dyn ReadAt, limits: &'a Limits) -> Parse<Self> {
        let mut reader = Reader::new(source, "gguf", limits.literal_bytes);
        reader.array::<4>()?;
        let version = reader.array()?;
        // Versions are small: the low half is zero only in the other byte order.
        let big_endian = u32::from_le_bytes(version) & 0xFFFF == 0;
        let version = if big_endian {
            u32::from_be_bytes(version)
        } else {
            u32::from_le_bytes(version)
        };
        if !(1..=3).contains(&version) {
            return Err(reader.refuse(format!("unknown version {version}, which ends")));
        }
        Ok(Self {
            reader,
            limits,
            big_endian,
            version,
            wide: version > 1,
        })
    }

    /// Bytes of a number, the least significant first.
    fn little<const N: usize>(&mut self) -> Parse<[u8; N]> {
        let mut bytes = self.reader.array()?;
        if self.big_endian {
            bytes.reverse();
        }
        Ok(bytes)
    }

    fn u32(&mut self) -> Parse<u32> {
        self.little().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Parse<u64> {
        self.little().map(u64::from_le_bytes)
    }

    fn count(&mut self) -> Parse<u64> {
        if self.wide {
            self.u64()
        } else {
            self.u32().map(u64::from)
        }
    }

    fn string(&mut self) -> Parse<Vec<u8>> {
        let len = self.count()?;
        self.reader.take(len)
    }

    fn alignment(&mut self, kind: u32) -> Parse<u64> {
        if kind != UINT32 {
            return Err(self.reader.refuse("general.alignment is no uint32"));
        }
        let alignment = self.u32()?;
        if !alignment.is_power_of_two() {
            let rule = format!("general.alignment is {alignment}, no power of two, which ends");
            return Err(self.reader.refuse(rule));
        }
        Ok(alignment.into())
    }

    /// A value of metadata, shortened.
    fn value(&mut self, kind: u32) -> Parse<Value> {
        match kind {
            STRING => self.text(),
            ARRAY => self.array(),
            _ => self.scalar(kind),
        }
    }

    fn text(&mut self) -> Parse<Value> {
        let len = self.count()?;
        let seen = self.reader.take(len.min(TEXT_BYTES))?;
        self.reader.skip(len - seen.len() as u64)?;
        Ok(facts::text(&seen))
    }

    fn scalar(&mut self, kind: u32) -> Parse<Value> {
        Ok(match kind {
            0 => self.reader.u8()?.into(),
            1 => i8::from_le_bytes(self.little()?).into(),
            2 => u16::from_le_bytes(self.little()?).into(),
            3 => i16::from_le_bytes(self.little()?).into(),
            UINT32 => self.u32()?.into(),
            5 => i32::from_le_bytes(self.little()?).into(),
            // By way of text, so that 0.1 stays 0.1.
            6 => {
                let text = f32::from_le_bytes(self.little()?).to_string();
                json_float(text.parse().unwrap_or(f64::NAN))
            }
            BOOL => (self.reader.u8()? != 0).into(),
            10 => self.u64()?.into(),
            11 => i64::from_le_bytes(self.little()?).into(),
            12 => json_float(f64::from_le_bytes(self.little()?)),
            _ => {
                let rule = format!("unknown type {kind} of metadata, which ends");
                return Err(self.reader.refuse(rule));
            }
        })
    }

    fn open(&mut self) -> Parse<Open> {
        let kind = self.u32()?;
        let items = self.count()?;
        Ok(Open {
            kind,
            items,
            left: items,
            first: Vec::new(),
        })
    }

    /// An array, without recursion: arrays may hold arrays.
    fn array(&mut self) -> Parse<Value> {
        let mut outer: Vec<Open> = Vec::new();
        let mut array = self.open()?;
        loop {
            if array.left > 0 && array.kind == ARRAY {
                if outer.len() >= self.limits.rank {
                    let rule = format!("arrays in arrays, deeper than {}", self.limits.rank);
                    return Err(self.reader.refuse(rule));
                }
                array.left -= 1;
                let inner = self.open()?;
                outer.push(std::mem::replace(&mut array, inner));
                continue;
            }
            self.items(&mut array)?;
            let done = facts::list(array.items, array.first);
            let Some(around) = outer.pop() else {
                return Ok(done);
            };
            array = around;
            // What lies deeper is not shown, so that few values are held.
            if outer.is_empty() && (array.first.len() as u64) < SHOWN_ITEMS {
                array.first.push(done);
            }
        }
    }

    /// The items of an array that holds no arrays, or no more of them.
    fn items(&mut self, array: &mut Open) -> Parse<()> {
        while array.left > 0 && (array.first.len() as u64) < SHOWN_ITEMS {
            array.first.push(self.value(array.kind)?);
            array.left -= 1;
        }
        if let Some(size) = size(array.kind) {
            let rest = array.left.checked_mul(size);
            return self.reader.skip(rest.unwrap_or(u64::MAX));
        }
        for _ in 0..array.left {
            let len = self.count()?;
            self.reader.skip(len)?;
        }
        Ok(())
    }

    fn infos(&mut self, tensors: u64) -> Parse<Vec<Info>> {
        let mut infos = Vec::new();
        let mut seen = HashSet::new();
        for _ in 0..tensors {
            let at = self.reader.position();
            let name = self.string()?;
            let name = String::from_utf8(name);
            let name =
                name.map_err(|_| self.reader.refuse("name that is not UTF-8, which ends"))?;
            let axes = self.u32()?;
            if axes as usize > self.limits.rank {
                let rule = format!("tensor of {axes} axes, whose number ends");
                return Err(self.reader.refuse(rule));
            }
            let mut shape = Vec::new();
            for _ in 0..axes {
                shape.push(self.count()?);
            }
            shape.reverse();
            let (kind, offset) = (self.u32()?, self.u64()?);
            if !seen.insert(name.clone()) {
                let rule = format!("a second tensor {name:?}, which ends");
                return Err(self.reader.refuse(rule));
            }
            infos.push(Info {
                name,
                shape,
                kind,
                offset,
                at,
            });
        }
        Ok(infos)
    }
}
