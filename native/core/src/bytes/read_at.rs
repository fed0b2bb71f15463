//! Positional readers over files, slices and parts of either.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Bytes that can be read at any position, from several threads at once.
pub trait ReadAt: Send + Sync {
    /// Length in bytes; fixed when the source was opened.
    fn len(&self) -> u64;

    /// Fills `buf` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when fewer bytes are there; otherwise what the system says.
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// True when there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What to call the source in error messages.
    fn origin(&self) -> &Path {
        Path::new("(memory)")
    }

    /// Are values of tensors there? Without them, what follows from values, such as the CRCs of an archive, is
    /// not what it should be.
    fn has_values(&self) -> bool {
        true
    }
}

impl ReadAt for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset)
            .ok()
            .and_then(|at| self.get(at..))
            .unwrap_or(&[]);
        let from = from.get(..buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(from);
        Ok(())
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_exact_at(offset, buf)
    }
}

/// A part of another source.
#[derive(Clone, Copy)]
pub struct SubSource<'a> {
    inner: &'a dyn ReadAt,
    start: u64,
    len: u64,
}

impl<'a> SubSource<'a> {
    /// `len` bytes of `inner` from `start`; `None` when they are not all there.
    #[must_use]
    pub fn new(inner: &'a dyn ReadAt, start: u64, len: u64) -> Option<Self> {
        (start.checked_add(len)? <= inner.len()).then_some(Self { inner, start, len })
    }
}

impl ReadAt for SubSource<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        match offset.checked_add(buf.len() as u64) {
            Some(end) if end <= self.len => self.inner.read_exact_at(self.start + offset, buf),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn origin(&self) -> &Path {
        self.inner.origin()
    }

    fn has_values(&self) -> bool {
        self.inner.has_values()
    }
}

/// An open regular file, with what is needed to notice that it changed.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    path: PathBuf,
    opened: Metadata,
}

impl FileSource {
    /// Opens a regular file.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be opened; [`Error::Invalid`] for folders, pipes and devices.
    pub fn open(path: &Path) -> Result<Self> {
        let kind = std::fs::metadata(path).map_err(Error::io("reading", path))?;
        if !kind.is_file() {
            return Err(Error::Invalid {
                what: path.display().to_string(),
                rule: "a checkpoint is a regular file".into(),
            });
        }
        let file = File::open(path).map_err(Error::io("reading", path))?;
        let opened = file.metadata().map_err(Error::io("reading", path))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            opened,
        })
    }

    /// # Errors
    /// [`Error::SourceChanged`] when size or modification time differ from those at opening.
    pub fn check_unchanged(&self) -> Result<()> {
        let now = self
            .file
            .metadata()
            .map_err(Error::io("reading", &self.path))?;
        if now.len() == self.opened.len() && now.modified().ok() == self.opened.modified().ok() {
            Ok(())
        } else {
            Err(Error::SourceChanged {
                path: self.path.clone(),
            })
        }
    }

    /// The path that it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl ReadAt for FileSource {
    fn len(&self) -> u64 {
        self.opened.len()
    }

    fn origin(&self) -> &Path {
        &self.path
    }

    #[cfg(unix)]
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buf, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut offset: u64, mut buf: &mut [u8]) -> io::Result<()> {
        use std::os::windows::fs::FileExt;
        while !buf.is_empty() {
            match self.file.seek_read(buf, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buf = &mut buf[n..];
                    offset += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}
