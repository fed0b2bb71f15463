//! Counting what is read.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ReadAt;

/// Another source, and how many bytes were read from it.
pub struct Counted<'a> {
    inner: &'a dyn ReadAt,
    read: AtomicU64,
}

impl<'a> Counted<'a> {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(inner: &'a dyn ReadAt) -> Self {
        Self {
            inner,
            read: AtomicU64::new(0),
        }
    }

    /// Bytes that were read so far; those that were read twice count twice.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

impl ReadAt for Counted<'_> {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact_at(offset, buf)?;
        self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn origin(&self) -> &Path {
        self.inner.origin()
    }

    fn has_values(&self) -> bool {
        self.inner.has_values()
    }
}
