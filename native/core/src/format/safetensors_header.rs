//! The JSON header of a safetensors file, with the positions of its entries.
//!
//! In: the header's bytes. Out: one [`Info`] per tensor, and the metadata, in the order of the text. The grammar is fixed
//! and shallow, so the parser has no stack: an object of objects, whose values are a string and two lists
//! of integers. Refused, besides what is no JSON: keys that occur twice or are unknown, numbers that are not
//! plain integers below 2^53, lone surrogates, metadata other than strings, anything but spaces behind.

use std::collections::HashSet;

use crate::bytes::{Limits, MAX_INTEGER, Parse, Refusal};

/// What the header says of one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) name: String,
    pub(crate) dtype: String,
    pub(crate) shape: Vec<u64>,
    pub(crate) data_offsets: [u64; 2],
    /// Position of the entry in the file.
    pub(crate) at: u64,
}

/// Bytes before the header.
const BASE: u64 = 8;

/// What a header says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// In the order of the text.
    pub(crate) infos: Vec<Info>,
    /// Keys and values of `__metadata__`, in the order of the text.
    pub(crate) metadata: Vec<(String, String)>,
    /// Position in the text of the first byte inside the braces of `__metadata__`, if it is an object.
    pub(crate) metadata_at: Option<usize>,
    /// Is `__metadata__` there, and `null`?
    pub(crate) metadata_null: bool,
}

/// Parses a header.
///
/// # Errors
/// See the module.
pub(crate) fn parse(bytes: &[u8], limits: &Limits) -> Parse<Header> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = BASE + error.valid_up_to() as u64;
        Refusal::new(format!("safetensors: header is not UTF-8 at byte {at}"))
    })?;
    let mut lexer = Lexer { text, at: 0 };
    if bytes.first() != Some(&b'{') {
        return Err(lexer.refuse("header does not begin with {"));
    }
    let mut header = Header::default();
    let mut names = HashSet::new();
    let mut first = true;
    lexer.expect(b'{')?;
    while let Some((key, at)) = lexer.key(&mut first)? {
        if !names.insert(key.clone()) {
            return Err(lexer.refuse("key that occurs twice"));
        }
        if key == "__metadata__" {
            metadata(&mut lexer, &mut header)?;
            header.metadata_null = header.metadata_at.is_none();
            continue;
        }
        if header.infos.len() as u64 >= limits.tensors {
            return Err(lexer.refuse("too many tensors"));
        }
        header.infos.push(info(&mut lexer, key, at, limits)?);
    }
    lexer.space();
    if lexer.peek().is_some() {
        return Err(lexer.refuse("header has text after its end"));
    }
    Ok(header)
}

/// `null`, or strings by key.
fn metadata(lexer: &mut Lexer<'_>, header: &mut Header) -> Parse<()> {
    lexer.space();
    if lexer.rest().starts_with("null") {
        lexer.at += 4;
        return Ok(());
    }
    lexer.expect(b'{')?;
    header.metadata_at = Some(lexer.at);
    let mut keys = HashSet::new();
    let mut first = true;
    while let Some((key, _)) = lexer.key(&mut first)? {
        lexer.space();
        let value = lexer.string()?;
        if !keys.insert(key.clone()) {
            return Err(lexer.refuse("key of __metadata__ that occurs twice"));
        }
        header.metadata.push((key, value));
    }
    Ok(())
}

fn info(lexer: &mut Lexer<'_>, name: String, at: u64, limits: &Limits) -> Parse<Info> {
    let mut dtype = None;
    let mut shape = None;
    let mut offsets = None;
    let mut first = true;
    lexer.space();
    lexer.expect(b'{')?;
    while let Some((key, _)) = lexer.key(&mut first)? {
        lexer.space();
        let twice = match key.as_str() {
            "dtype" => dtype.replace(lexer.string()?).is_some(),
            "shape" => shape.replace(lexer.integers(limits.rank)?).is_some(),
            "data_offsets" => offsets.replace(lexer.integers(2)?).is_some(),
            _ => return Err(lexer.refuse("unknown key of a tensor")),
        };
        if twice {
            return Err(lexer.refuse("key of a tensor that occurs twice"));
        }
    }
    let offsets = offsets.and_then(|list| <[u64; 2]>::try_from(list).ok());
    match (dtype, shape, offsets) {
        (Some(dtype), Some(shape), Some(data_offsets)) => Ok(Info {
            name,
            dtype,
            shape,
            data_offsets,
            at,
        }),
        _ => Err(lexer.refuse("tensor without dtype, shape or two data_offsets")),
    }
}

struct Lexer<'a> {
    text: &'a str,
    /// Always between two characters.
    at: usize,
}

impl<'a> Lexer<'a> {
    fn refuse(&self, rule: &str) -> Refusal {
        let at = BASE + self.at as u64;
        Refusal::new(format!("safetensors: {rule}, near byte {at}"))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Parse<()> {
        if self.peek() != Some(byte) {
            return Err(self.refuse(&format!("no {:?} in its place", char::from(byte))));
        }
        self.at += 1;
        Ok(())
    }

    /// The next key of an object and its position, up to the colon; `None` after the closing brace.
    fn key(&mut self, first: &mut bool) -> Parse<Option<(String, u64)>> {
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(None);
        }
        if !std::mem::replace(first, false) {
            self.expect(b',')?;
            self.space();
        }
        let at = BASE + self.at as u64;
        let key = self.string()?;
        self.space();
        self.expect(b':')?;
        Ok(Some((key, at)))
    }

    /// A list of at most `most` integers.
    fn integers(&mut self, most: usize) -> Parse<Vec<u64>> {
        let mut list = Vec::new();
        self.expect(b'[')?;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(list);
        }
        loop {
            self.space();
            if list.len() >= most {
                return Err(self.refuse("list that is too long"));
            }
            list.push(self.integer()?);
            self.space();
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(list);
            }
            self.expect(b',')?;
        }
    }

    fn integer(&mut self) -> Parse<u64> {
        let len = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let digits = &self.rest()[..len];
        let next = self.rest().as_bytes().get(len);
        let plain = (len == 1 || !digits.starts_with('0')) && len <= 16;
        let value = digits.parse().ok().filter(|&value| value <= MAX_INTEGER);
        match value {
            Some(value)
                if plain && matches!(next, Some(b',' | b']' | b' ' | b'\t' | b'\n' | b'\r')) =>
            {
                self.at += len;
                Ok(value)
            }
            _ => Err(self.refuse("number that is no integer from 0 to 2^53 - 1")),
        }
    }

    fn string(&mut self) -> Parse<String> {
        self.expect(b'"')?;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let special = |b: u8| b == b'"' || b == b'\\' || b < 0x20;
            let Some(len) = rest.bytes().position(special) else {
                return Err(self.refuse("string without an end"));
            };
            out.push_str(&rest[..len]);
            self.at += len;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                _ => return Err(self.refuse("control character in a string")),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Parse<char> {
        let code = self.peek();
        self.at += usize::from(code.is_some_and(|c| c.is_ascii()));
        Ok(match code {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unit = self.hex()?;
                let mut units = vec![unit];
                if (0xD800..0xDC00).contains(&unit) && self.rest().starts_with("\\u") {
                    self.at += 2;
                    units.push(self.hex()?);
                }
                let mut chars = char::decode_utf16(units);
                match (chars.next(), chars.next()) {
                    (Some(Ok(c)), None) => c,
                    _ => return Err(self.refuse("lone surrogate")),
                }
            }
            _ => return Err(self.refuse("unknown escape")),
        })
    }

    fn hex(&mut self) -> Parse<u16> {
        let digits = self
            .rest()
            .get(..4)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .ok_or_else(|| self.refuse("damaged escape"))?;
        self.at += 4;
        u16::from_str_radix(digits, 16).map_err(|_| self.refuse("damaged escape"))
    }
}
