//! Reading little-endian fields from a slice, with checked bounds.

use super::{Parse, Refusal};

/// A position in a slice of a file. Every read is checked; a read past the end is a [`Refusal`] that
/// names the structure and the position in the file.
#[derive(Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    base: u64,
    what: &'static str,
    short: bool,
}

impl<'a> Cursor<'a> {
    /// Over `bytes`, which are at `base` in the file; `what` names them in refusals.
    #[must_use]
    pub fn new(bytes: &'a [u8], base: u64, what: &'static str) -> Self {
        Self {
            bytes,
            at: 0,
            base,
            what,
            short: false,
        }
    }

    /// Did a read fail because bytes were missing? A longer slice could help then.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.short
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Position in the file.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    /// Bytes left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The next byte, not taken.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// A refusal that names the structure and the position in the file.
    pub fn refuse(&self, rule: impl std::fmt::Display) -> Refusal {
        Refusal::new(format!("{}: {rule} at byte {}", self.what, self.position()))
    }

    /// Takes `len` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn take(&mut self, len: u64) -> Parse<&'a [u8]> {
        let taken = usize::try_from(len)
            .ok()
            .and_then(|len| self.at.checked_add(len))
            .and_then(|end| self.bytes.get(self.at..end));
        let Some(taken) = taken else {
            self.short = true;
            return Err(self.refuse("ends early"));
        };
        self.at += taken.len();
        Ok(taken)
    }

    /// Takes the bytes up to a newline, and the newline.
    ///
    /// # Errors
    /// When there is no newline.
    pub fn line(&mut self) -> Parse<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|&b| b == b'\n');
        let Some(len) = len else {
            self.short = true;
            return Err(self.refuse("has a line without an end"));
        };
        self.at += len + 1;
        Ok(&rest[..len])
    }

    fn array<const N: usize>(&mut self) -> Parse<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    /// Takes one byte.
    ///
    /// # Errors
    /// At the end.
    pub fn u8(&mut self) -> Parse<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// Takes two bytes.
    ///
    /// # Errors
    /// At the end.
    pub fn u16(&mut self) -> Parse<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Takes four bytes.
    ///
    /// # Errors
    /// At the end.
    pub fn u32(&mut self) -> Parse<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Takes eight bytes.
    ///
    /// # Errors
    /// At the end.
    pub fn u64(&mut self) -> Parse<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_and_stops_at_the_end() {
        let mut cursor = Cursor::new(&[1, 2, 0, b'a', b'\n', 9], 100, "test");
        assert_eq!(cursor.u8().unwrap(), 1);
        assert_eq!(cursor.u16().unwrap(), 2);
        assert_eq!(cursor.line().unwrap(), b"a");
        assert_eq!(cursor.position(), 105);
        assert!(!cursor.is_short());
        assert!(cursor.take(u64::MAX).is_err());
        assert!(cursor.is_short());
        let Err(Refusal::Content(reason)) = cursor.u32() else {
            panic!("read past the end");
        };
        assert_eq!(reason, "test: ends early at byte 105");
        assert_eq!(cursor.remaining(), 1);
    }
}
