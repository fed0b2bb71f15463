//! The header of a `.npy` array: a Python literal with type, order and shape, of which only what NumPy
//! writes is understood.
//!
//! In: an array from its first byte. Out: a [`Header`]. Refused: versions other than 1.0, 2.0 and 3.0,
//! headers longer than NumPy reads, anything but a dict of exactly the three keys `descr`,
//! `fortran_order` and `shape`, strings with escapes, numbers that are not plain decimal ones.
//! Specification: NumPy's documentation of `numpy.lib.format`.

use crate::bytes::{Cursor, Limits, MAX_INTEGER, Parse, ReadAt, Refusal, read_vec};
use crate::layout::{Listed, Values};
use crate::tensor::{Dtype, View};

/// How the elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// As elements of this type.
    Plain(Dtype),
    /// As so many bytes of a type that is known by its name alone: `V2`, `<U5`, `<M8[ns]`, `>f4`.
    Bytes { size: u64, big_endian: bool },
    /// In a way that is not read; this is why.
    Unread(&'static str),
}

/// What the header says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) element: Element,
    /// The name of the type, as it is in the file.
    pub(super) descr: String,
    pub(super) shape: Vec<u64>,
    /// Is the first axis the fastest?
    pub(super) fortran: bool,
    /// Where the data begin.
    pub(super) data: u64,
}

pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// Magic number, version, and the longer of the two lengths.
pub(super) const START: u64 = 12;
/// NumPy's own bound.
const MAX_HEADER: u64 = 10_000;

/// The length of the header with everything before it, by the array's first [`START`] bytes.
///
/// # Errors
/// When they are no such bytes.
pub(super) fn header_len(start: &[u8]) -> Parse<u64> {
    let mut cursor = Cursor::new(start, 0, "npy");
    if cursor.take(MAGIC.len() as u64)? != MAGIC {
        return Err(Refusal::new("npy: no magic number"));
    }
    let len = match (cursor.u8()?, cursor.u8()?) {
        (1, 0) => cursor.u16()?.into(),
        (2 | 3, 0) => u64::from(cursor.u32()?),
        (major, minor) => {
            return Err(cursor.refuse(format!("unknown version {major}.{minor}, which ends")));
        }
    };
    if len > MAX_HEADER {
        return Err(cursor.refuse(format!(
            "header of more than {MAX_HEADER} bytes, whose length ends"
        )));
    }
    Ok(cursor.position() + len)
}

impl Header {
    /// Reads the header of an array that begins at the source's first byte. How much of the array's
    /// values is there is not looked at.
    ///
    /// # Errors
    /// See the module.
    pub(super) fn read(source: &dyn ReadAt, limits: &Limits) -> Parse<Self> {
        let start = read_vec(source, 0, source.len().min(START))?;
        let data = header_len(&start)?;
        if data > source.len() {
            return Err(Refusal::new("npy: the header is longer than the file"));
        }
        let bytes = read_vec(source, 0, data)?;
        let mut text = Literal {
            cursor: Cursor::new(&bytes, 0, "npy"),
        };
        text.cursor.take(if bytes[6] == 1 { 10 } else { START })?;
        text.header(data, limits)
    }

    /// Type and view of what the values are stored as, and their length in bytes.
    ///
    /// # Errors
    /// When they are not read, or too many.
    pub(super) fn stored(&self) -> Parse<(Dtype, View, u64)> {
        let mut shape = self.shape.clone();
        let mut order: Vec<usize> = (0..shape.len()).collect();
        if self.fortran {
            order.reverse();
        }
        let dtype = match self.element {
            Element::Plain(dtype) => dtype,
            Element::Bytes { size, .. } => {
                order.push(shape.len());
                shape.push(size);
                Dtype::UInt8
            }
            Element::Unread(why) => {
                let rule = format!("npy: array of type {:?}: {why}", self.descr);
                return Err(Refusal::new(rule));
            }
        };
        match dtype.byte_len(&shape) {
            Some(len) => Ok((dtype, View::ordered(shape, &order), len)),
            None => Err(Refusal::new("npy: shape too large")),
        }
    }

    /// The array as it is listed; `None` where the tensor of this name shows it as it is.
    pub(super) fn listed(&self, name: &str) -> Option<Listed> {
        let values = match self.element {
            Element::Plain(_) => return None,
            Element::Bytes {
                big_endian: true, ..
            } => Values::Unread("its numbers are big-endian"),
            Element::Bytes { .. } => Values::Tensor,
            Element::Unread(why) => Values::Unread(why),
        };
        Some(self.listed_as(name, values))
    }

    /// The array, listed with these values.
    pub(super) fn listed_as(&self, name: &str, values: Values) -> Listed {
        Listed {
            name: name.into(),
            dtype: match self.element {
                Element::Plain(dtype) => dtype.name().into(),
                _ => self.descr.clone(),
            },
            shape: self.shape.clone(),
            values,
        }
    }
}

/// The element type of this name.
fn element(descr: &str) -> Element {
    const UNKNOWN: Element = Element::Unread("its type is not known");
    let (name, unit) = match descr.split_once('[') {
        Some((name, unit)) => (name, Some(unit)),
        None => (descr, None),
    };
    let mut chars = name.chars();
    let (Some(order), Some(kind)) = (chars.next(), chars.next()) else {
        return UNKNOWN;
    };
    let digits = chars.as_str();
    if order == '|' && kind == 'O' {
        return Element::Unread("it holds Python objects");
    }
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let size = digits.parse::<u32>().ok().filter(|&n| n > 0 && plain);
    let (Some(size), '<' | '>' | '|') = (size, order) else {
        return UNKNOWN;
    };
    let size = u64::from(size);
    let dtype = match (kind, size) {
        ('b', 1) => Some(Dtype::Bool),
        ('i', 1) => Some(Dtype::Int8),
        ('i', 2) => Some(Dtype::Int16),
        ('i', 4) => Some(Dtype::Int32),
        ('i', 8) => Some(Dtype::Int64),
        ('u', 1) => Some(Dtype::UInt8),
        ('u', 2) => Some(Dtype::UInt16),
        ('u', 4) => Some(Dtype::UInt32),
        ('u', 8) => Some(Dtype::UInt64),
        ('f', 2) => Some(Dtype::Float16),
        ('f', 4) => Some(Dtype::Float32),
        ('f', 8) => Some(Dtype::Float64),
        ('c', 8) => Some(Dtype::Complex64),
        ('c', 16) => Some(Dtype::Complex128),
        // Extended precision, of one machine or another.
        ('f', 12 | 16) | ('c', 24 | 32) | ('V' | 'S' | 'U', _) => None,
        ('M' | 'm', 8) if unit.is_none_or(|unit| unit.ends_with(']')) => None,
        _ => return UNKNOWN,
    };
    let size = if kind == 'U' { 4 * size } else { size };
    // Without an order, only what has none.
    let has_order = size > 1 && !matches!(kind, 'V' | 'S');
    match (dtype, order) {
        (_, '|') if has_order => UNKNOWN,
        _ if unit.is_some() && !matches!(kind, 'M' | 'm') => UNKNOWN,
        (Some(dtype), _) if order != '>' || !has_order => Element::Plain(dtype),
        _ => Element::Bytes {
            size,
            big_endian: order == '>' && has_order,
        },
    }
}

/// A Python literal, from which tokens are taken.
struct Literal<'a> {
    cursor: Cursor<'a>,
}

impl Literal<'_> {
    /// The next byte behind white space.
    fn peek(&mut self) -> Parse<Option<u8>> {
        while matches!(self.cursor.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.cursor.u8()?;
        }
        Ok(self.cursor.peek())
    }

    /// Takes the next byte if it is this one.
    fn accept(&mut self, byte: u8) -> Parse<bool> {
        let found = self.peek()? == Some(byte);
        if found {
            self.cursor.u8()?;
        }
        Ok(found)
    }

    fn expect(&mut self, byte: u8) -> Parse<()> {
        if self.accept(byte)? {
            return Ok(());
        }
        let rule = format!("header without {:?} in its place", char::from(byte));
        Err(self.cursor.refuse(rule))
    }

    fn header(&mut self, data: u64, limits: &Limits) -> Parse<Header> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while !self.accept(b'}')? {
            let at = self.cursor.clone();
            let key = self.string()?;
            self.expect(b':')?;
            let twice = match key.as_str() {
                "descr" => descr.replace(self.descr()?).is_some(),
                "fortran_order" => fortran.replace(self.bool()?).is_some(),
                "shape" => shape.replace(self.shape(limits)?).is_some(),
                _ => return Err(at.refuse("header with an unknown key")),
            };
            if twice {
                return Err(at.refuse(format!("header with a second {key}")));
            }
            if !self.accept(b',')? {
                self.expect(b'}')?;
                break;
            }
        }
        if self.peek()?.is_some() {
            return Err(self.cursor.refuse("header with text after its end"));
        }
        let (Some((descr, element)), Some(fortran), Some(shape)) = (descr, fortran, shape) else {
            return Err(self.cursor.refuse("header without one of its keys, ends"));
        };
        Ok(Header {
            element,
            descr,
            shape,
            fortran,
            data,
        })
    }

    fn string(&mut self) -> Parse<String> {
        let quote = self.peek()?;
        if !matches!(quote, Some(b'\'' | b'"')) {
            return Err(self.cursor.refuse("header without a string in its place"));
        }
        self.cursor.u8()?;
        let mut text = String::new();
        while self.cursor.peek() != quote {
            match self.cursor.u8()? {
                b'\\' => return Err(self.cursor.refuse("header with an escape, which ends")),
                byte @ b' '..=b'~' => text.push(byte.into()),
                _ => return Err(self.cursor.refuse("header with a string that is not ASCII")),
            }
        }
        self.cursor.u8()?;
        Ok(text)
    }

    /// The name of the type and what it means. Types with fields are not looked into.
    fn descr(&mut self) -> Parse<(String, Element)> {
        if !matches!(self.peek()?, Some(b'[' | b'(')) {
            let name = self.string()?;
            let element = element(&name);
            return Ok((name, element));
        }
        let mut closing = Vec::new();
        loop {
            match self.peek()? {
                Some(b'[') => closing.push(b']'),
                Some(b'(') => closing.push(b')'),
                Some(b'\'' | b'"') => {
                    self.string()?;
                    continue;
                }
                Some(byte @ (b']' | b')')) if closing.pop() == Some(byte) => {}
                Some(b',' | b'0'..=b'9') => {}
                _ => return Err(self.cursor.refuse("header whose descr is no literal")),
            }
            self.cursor.u8()?;
            if closing.is_empty() {
                let why = Element::Unread("it has fields");
                return Ok(("structured".into(), why));
            }
        }
    }

    fn bool(&mut self) -> Parse<bool> {
        self.peek()?;
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            let mut ahead = self.cursor.clone();
            if ahead
                .take(word.len() as u64)
                .is_ok_and(|taken| taken == word)
            {
                self.cursor = ahead;
                return Ok(value);
            }
        }
        Err(self.cursor.refuse("header whose fortran_order is no bool"))
    }

    fn shape(&mut self, limits: &Limits) -> Parse<Vec<u64>> {
        let mut shape = Vec::new();
        self.expect(b'(')?;
        while !self.accept(b')')? {
            if shape.len() >= limits.rank {
                return Err(self.cursor.refuse("shape with too many axes"));
            }
            shape.push(self.integer()?);
            if !self.accept(b',')? {
                self.expect(b')')?;
                if shape.len() == 1 {
                    return Err(self.cursor.refuse("shape that is no tuple, which ends"));
                }
                break;
            }
        }
        Ok(shape)
    }

    /// A decimal number; Python 2 has put an `L` behind some.
    fn integer(&mut self) -> Parse<u64> {
        self.peek()?;
        let at = self.cursor.clone();
        let mut value: Option<u64> = None;
        while let Some(digit @ b'0'..=b'9') = self.cursor.peek() {
            if value == Some(0) {
                return Err(at.refuse("shape with a number that begins with 0"));
            }
            let next = value.unwrap_or(0) * 10 + u64::from(digit - b'0');
            if next > MAX_INTEGER {
                return Err(at.refuse("shape too large"));
            }
            value = Some(next);
            self.cursor.u8()?;
        }
        if value.is_some() && self.cursor.peek() == Some(b'L') {
            self.cursor.u8()?;
        }
        value.ok_or_else(|| at.refuse("shape without a number in its place"))
    }
}
