//! Reading structure from a source of any size, forwards, without holding it.

use super::{Parse, ReadAt, Refusal};

/// A position in a source, with the bytes around it. What is read counts against a budget; what is
/// skipped is not read at all. As with a [`super::Cursor`], a read past the end is a [`Refusal`].
pub struct Reader<'a> {
    source: &'a dyn ReadAt,
    what: &'static str,
    at: u64,
    end: u64,
    budget: u64,
    buffer: Vec<u8>,
    /// Position of the buffer's first byte.
    start: u64,
}

impl<'a> Reader<'a> {
    const BUFFER: u64 = 64 << 10;
    const FEW: u64 = 4 << 10;

    /// From the source's first byte; `what` names it in refusals, and `budget` is how much of it may be
    /// read.
    #[must_use]
    pub fn new(source: &'a dyn ReadAt, what: &'static str, budget: u64) -> Self {
        Self {
            source,
            what,
            at: 0,
            end: source.len(),
            budget,
            buffer: Vec::new(),
            start: 0,
        }
    }

    /// Position in the source.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Bytes left.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        self.end - self.at
    }

    /// A refusal that names the structure and the position in the source.
    pub fn refuse(&self, rule: impl std::fmt::Display) -> Refusal {
        Refusal::new(format!("{}: {rule} at byte {}", self.what, self.at))
    }

    /// Goes to a position, which may be behind.
    ///
    /// # Errors
    /// When it is past the end.
    pub fn seek(&mut self, to: u64) -> Parse<()> {
        if to > self.end {
            return Err(self.refuse("ends early"));
        }
        self.at = to;
        Ok(())
    }

    /// Goes over `len` bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub fn skip(&mut self, len: u64) -> Parse<()> {
        if len > self.remaining() {
            return Err(self.refuse("ends early"));
        }
        self.at += len;
        Ok(())
    }

    /// Takes `len` bytes.
    ///
    /// # Errors
    /// When fewer are left, or the budget is used up.
    pub fn take(&mut self, len: u64) -> Parse<Vec<u8>> {
        self.spend(len)?;
        // Within the source and within the budget.
        let mut bytes = vec![0; len as usize];
        if len <= Self::BUFFER {
            self.fill(len)?;
            bytes.copy_from_slice(self.buffered(len as usize));
        } else {
            self.source.read_exact_at(self.at, &mut bytes)?;
        }
        self.at += len;
        Ok(bytes)
    }

    /// Takes `N` bytes.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn array<const N: usize>(&mut self) -> Parse<[u8; N]> {
        self.spend(N as u64)?;
        self.fill(N as u64)?;
        let mut array = [0; N];
        array.copy_from_slice(self.buffered(N));
        self.at += N as u64;
        Ok(array)
    }

    /// Takes one byte.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn u8(&mut self) -> Parse<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn spend(&mut self, len: u64) -> Parse<()> {
        if len > self.remaining() {
            return Err(self.refuse("ends early"));
        }
        let left = self.budget.checked_sub(len);
        self.budget = left.ok_or_else(|| self.refuse("has more structure than is read"))?;
        Ok(())
    }

    /// The next `len` bytes, which are in the buffer.
    fn buffered(&self, len: usize) -> &[u8] {
        let at = (self.at - self.start) as usize;
        &self.buffer[at..at + len]
    }

    /// Brings the next `len` bytes, at most [`Reader::BUFFER`], into the buffer.
    fn fill(&mut self, len: u64) -> Parse<()> {
        let held = self.start + self.buffer.len() as u64;
        if self.at >= self.start && self.at + len <= held {
            return Ok(());
        }
        // Many bytes where reading goes on, few behind a leap: another one may follow.
        let goes_on = (self.start..=held).contains(&self.at);
        let next = if goes_on { Self::BUFFER } else { Self::FEW };
        let next = next.max(len).min(self.remaining());
        self.buffer.resize(next as usize, 0);
        self.start = self.at;
        Ok(self.source.read_exact_at(self.at, &mut self.buffer)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_skips_and_goes_back() {
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
        let mut reader = Reader::new(&bytes, "test", 150_000);
        assert_eq!(reader.array::<3>().unwrap(), [0, 1, 2]);
        reader.skip(99_997).unwrap();
        assert_eq!(reader.take(70_000).unwrap(), &bytes[100_000..170_000]);
        let mut at = 170_000;
        while at < 180_000 {
            assert_eq!(reader.take(97).unwrap(), &bytes[at..at + 97]);
            at += 97;
        }
        reader.seek(5).unwrap();
        assert_eq!((reader.u8().unwrap(), reader.position()), (5, 6));
        assert!(reader.seek(200_001).is_err());
        assert_eq!(reader.position(), 6);
    }

    #[test]
    fn ends_and_budgets() {
        let reason = |refusal: Refusal| match refusal {
            Refusal::Content(reason) => reason,
            Refusal::Io(error) => panic!("{error}"),
        };
        let bytes = vec![7; 100];
        let mut reader = Reader::new(&bytes, "test", 50);
        reader.skip(90).unwrap();
        let end = "test: ends early at byte 90";
        assert_eq!(reason(reader.skip(11).unwrap_err()), end);
        assert_eq!(reason(reader.take(u64::MAX).unwrap_err()), end);
        assert_eq!(reason(reader.array::<16>().unwrap_err()), end);
        reader.seek(0).unwrap();
        assert_eq!(reader.take(50).unwrap(), [7; 50]);
        assert!(reason(reader.u8().unwrap_err()).contains("more structure"));
    }
}
