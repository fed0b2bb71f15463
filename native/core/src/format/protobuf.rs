//! Protocol buffers on the wire: the fields of a message, one behind the other.
//!
//! In: a source and where in it a message is. Out: numbers and values of its fields; of those that have a
//! length only where they are, so that payloads are never read. Refused: fields that reach outside their
//! message, integers of more than 64 bits, groups and unknown wire types.
//! Specification: `https://protobuf.dev/programming-guides/encoding/`.

use crate::bytes::{Parse, ReadAt, Refusal, read_vec, varint};

/// A run of bytes of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) at: u64,
    pub(crate) len: u64,
}

/// A value, or where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// A string, bytes, a message, or numbers without tags between them.
    Bytes(Span),
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Varint,
    Fixed64,
    Fixed32,
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) value: Value,
    /// Position of its tag.
    pub(crate) at: u64,
}

impl Value {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Varint(_) => Kind::Varint,
            Self::Fixed64(_) => Kind::Fixed64,
            Self::Fixed32(_) => Kind::Fixed32,
            Self::Bytes(_) => Kind::Bytes,
        }
    }

    /// Zero for what is none.
    pub(crate) fn varint(self) -> u64 {
        match self {
            Self::Varint(value) => value,
            _ => 0,
        }
    }

    /// Empty for what is none.
    pub(crate) fn span(self) -> Span {
        match self {
            Self::Bytes(span) => span,
            _ => Span::default(),
        }
    }
}

/// Reads fields, through a window on the source.
pub(crate) struct Wire<'a> {
    source: &'a dyn ReadAt,
    what: &'static str,
    window: Vec<u8>,
    start: u64,
}

impl<'a> Wire<'a> {
    const WINDOW: u64 = 64 << 10;
    /// Behind a leap: another one may follow.
    const FEW: u64 = 1 << 10;

    /// `what` names the format in refusals.
    pub(crate) fn new(source: &'a dyn ReadAt, what: &'static str) -> Self {
        Self {
            source,
            what,
            window: Vec::new(),
            start: 0,
        }
    }

    pub(crate) fn refuse(&self, rule: impl std::fmt::Display, at: u64) -> Refusal {
        Refusal::new(format!("{}: {rule} at byte {at}", self.what))
    }

    /// The field at `at`, which moves behind it; `None` at the end of the message.
    pub(crate) fn field(&mut self, at: &mut u64, end: u64) -> Parse<Option<Field>> {
        let tag_at = *at;
        if tag_at >= end {
            return Ok(None);
        }
        let tag = self.varint(at, end)?;
        let number = u32::try_from(tag)
            .ok()
            .map(|tag| tag >> 3)
            .filter(|&number| number != 0);
        let number = number.ok_or_else(|| self.refuse("bad tag", tag_at))?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint(at, end)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed(at, end)?)),
            2 => {
                let len = self.varint(at, end)?;
                let span = Span { at: *at, len };
                let behind = at.checked_add(len).filter(|&behind| behind <= end);
                *at = behind.ok_or_else(|| {
                    self.refuse(format!("field of {len} bytes in a shorter message"), tag_at)
                })?;
                Value::Bytes(span)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.fixed(at, end)?)),
            3 | 4 => return Err(self.refuse("group", tag_at)),
            _ => return Err(self.refuse("unknown wire type", tag_at)),
        };
        Ok(Some(Field {
            number,
            value,
            at: tag_at,
        }))
    }

    /// The integer at `at`, which moves behind it.
    pub(crate) fn varint(&mut self, at: &mut u64, end: u64) -> Parse<u64> {
        let first = *at;
        let value = varint(|| self.fixed(at, end).map(|[byte]| byte))?;
        value.ok_or_else(|| self.refuse("integer of more than 64 bits", first))
    }

    /// A string of at most `most` bytes.
    pub(crate) fn text(&self, span: Span, most: u64) -> Parse<String> {
        if span.len > most {
            return Err(self.refuse(format!("text of more than {most} bytes"), span.at));
        }
        let bytes = read_vec(self.source, span.at, span.len)?;
        String::from_utf8(bytes).map_err(|_| self.refuse("text that is not UTF-8", span.at))
    }

    /// The first bytes of a string, at most `most`.
    pub(crate) fn beginning(&self, span: Span, most: u64) -> Parse<Vec<u8>> {
        Ok(read_vec(self.source, span.at, span.len.min(most))?)
    }

    fn fixed<const N: usize>(&mut self, at: &mut u64, end: u64) -> Parse<[u8; N]> {
        let behind = at.checked_add(N as u64).filter(|&behind| behind <= end);
        let behind = behind.ok_or_else(|| self.refuse("message ends early", *at))?;
        if *at < self.start || behind > self.start + self.window.len() as u64 {
            self.fill(*at, end)?;
        }
        let from = (*at - self.start) as usize;
        let mut bytes = [0; N];
        // `end` may be past the end of the source, if that shrank.
        let here = self.window.get(from..from + N);
        bytes.copy_from_slice(
            here.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?,
        );
        *at = behind;
        Ok(bytes)
    }

    fn fill(&mut self, at: u64, end: u64) -> Parse<()> {
        let held = self.start + self.window.len() as u64;
        let goes_on = !self.window.is_empty() && (self.start..=held).contains(&at);
        let len = if goes_on { Self::WINDOW } else { Self::FEW };
        let len = len.min(end.min(self.source.len()).saturating_sub(at));
        self.window.resize(len as usize, 0);
        self.start = at;
        Ok(self.source.read_exact_at(at, &mut self.window)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(bytes: &[u8]) -> Parse<Vec<(u32, Value)>> {
        let mut wire = Wire::new(&bytes, "test");
        let (mut at, end) = (0, bytes.len() as u64);
        let mut all = Vec::new();
        while let Some(field) = wire.field(&mut at, end)? {
            all.push((field.number, field.value));
        }
        Ok(all)
    }

    #[test]
    fn all_kinds() {
        let bytes = b"\x08\x96\x01\x12\x02hi\x1d\x01\0\0\0\x21\x02\0\0\0\0\0\0\0\xa8\x06\x01";
        let hi = Span { at: 5, len: 2 };
        assert_eq!(
            fields(bytes).unwrap(),
            [
                (1, Value::Varint(150)),
                (2, Value::Bytes(hi)),
                (3, Value::Fixed32(1)),
                (4, Value::Fixed64(2)),
                (101, Value::Varint(1)),
            ]
        );
        let most = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(fields(most).unwrap(), [(1, Value::Varint(u64::MAX))]);
    }

    #[test]
    fn what_is_refused() {
        for (bytes, rule) in [
            (&b"\x08"[..], "ends early"),
            (b"\x08\x80", "ends early"),
            (b"\x0d\0\0\0", "ends early"),
            (b"\x09\0\0\0\0\0\0\0", "ends early"),
            (b"\x0a\x03hi", "shorter message"),
            (
                b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                "shorter message",
            ),
            (
                b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                "more than 64 bits",
            ),
            (
                b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
                "more than 64 bits",
            ),
            (b"\x00\x00", "bad tag"),
            (b"\x88\x80\x80\x80\x80\x01\x00", "bad tag"),
            (b"\x0b\x0c", "group"),
            (b"\x0c", "group"),
            (b"\x0e", "unknown wire type"),
        ] {
            let Err(Refusal::Content(reason)) = fields(bytes) else {
                panic!("{bytes:?}");
            };
            assert!(reason.contains(rule), "{bytes:?}: {reason}");
        }
    }

    /// Reads are counted: payloads are leapt over.
    #[test]
    fn payloads_are_not_read() {
        struct Counted(Vec<u8>, std::sync::atomic::AtomicU64);
        impl ReadAt for Counted {
            fn len(&self) -> u64 {
                self.0.len() as u64
            }
            fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
                self.1
                    .fetch_add(buf.len() as u64, std::sync::atomic::Ordering::Relaxed);
                self.0.read_exact_at(offset, buf)
            }
        }
        let one = [&b"\x0a\x80\x80\x40"[..], &vec![7; 1 << 20]].concat();
        let source = Counted(one.repeat(8), 0.into());
        let mut wire = Wire::new(&source, "test");
        let (mut at, mut count) = (0, 0);
        while wire.field(&mut at, source.len()).unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 8);
        assert_eq!(source.1.into_inner(), 8 * Wire::FEW);
    }
}
