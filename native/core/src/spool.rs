//! Bytes that arrive as a stream and should be read as a file.
//!
//! A clean filter gets the content of a work-tree file through a pipe, while the file itself is right
//! there. [`CleanStream`] compares the two as the bytes arrive: as long as they agree nothing is
//! copied, and the file serves as the source. From the first difference on, the content goes to a
//! temporary file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::bytes::{FileSource, ReadAt};
use crate::{Error, Result};

/// What arrived.
#[derive(Debug)]
pub struct Spooled {
    /// A file that holds exactly the bytes that arrived (when it was last read).
    pub source: PathBuf,
    /// Is it a temporary file, for the caller to remove?
    pub temporary: bool,
    /// BLAKE3 of the bytes, in hexadecimal.
    pub hash: String,
    /// Their number.
    pub size: u64,
}

/// Takes a stream and finds or makes a file with the same bytes.
pub struct CleanStream {
    twin: Option<(FileSource, PathBuf)>,
    spool: Option<(File, PathBuf)>,
    folder: PathBuf,
    hasher: blake3::Hasher,
    size: u64,
    buf: Vec<u8>,
}

impl CleanStream {
    /// `twin` is the file that probably has the same bytes; temporary files are made in `folder`.
    #[must_use]
    pub fn new(twin: Option<&Path>, folder: &Path) -> Self {
        let twin = twin.and_then(|path| Some((FileSource::open(path).ok()?, path.to_owned())));
        Self {
            twin,
            spool: None,
            folder: folder.to_owned(),
            hasher: blake3::Hasher::new(),
            size: 0,
            buf: Vec::new(),
        }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Error::Io`] when the temporary file cannot be written.
    pub fn write(&mut self, data: &[u8]) -> Result<()> {
        self.hasher.update(data);
        if self.spool.is_none() && !self.twin_has(data) {
            self.start_spool()?;
        }
        if let Some((file, path)) = &mut self.spool {
            file.write_all(data).map_err(Error::io("writing", &*path))?;
        }
        self.size += data.len() as u64;
        Ok(())
    }

    fn twin_has(&mut self, data: &[u8]) -> bool {
        let Some((twin, _)) = &self.twin else {
            return false;
        };
        self.buf.resize(data.len(), 0);
        twin.read_exact_at(self.size, &mut self.buf).is_ok() && self.buf == data
    }

    /// Copies what agreed so far into a new temporary file.
    fn start_spool(&mut self) -> Result<()> {
        fs::create_dir_all(&self.folder).map_err(Error::io("making", &self.folder))?;
        let mut number = 0u32;
        let (mut file, path) = loop {
            let path = self
                .folder
                .join(format!("git-theta-spool-{}-{number}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => break (file, path),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(e) => return Err(Error::io("writing", path)(e)),
            }
        };
        if let Some((twin, twin_path)) = self.twin.take() {
            let mut at = 0;
            let mut buf = vec![0; 1 << 20];
            while at < self.size {
                let part = (self.size - at).min(buf.len() as u64) as usize;
                twin.read_exact_at(at, &mut buf[..part])
                    .map_err(Error::io("reading", &twin_path))?;
                file.write_all(&buf[..part])
                    .map_err(Error::io("writing", &path))?;
                at += part as u64;
            }
        }
        self.spool = Some((file, path));
        Ok(())
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::SourceChanged`] when the file changed since its bytes were compared.
    pub fn finish(mut self) -> Result<Spooled> {
        let longer = self
            .twin
            .as_ref()
            .is_some_and(|(twin, _)| twin.len() != self.size);
        if self.spool.is_none() && (longer || self.twin.is_none()) {
            self.start_spool()?;
        }
        if let Some((twin, _)) = &self.twin {
            twin.check_unchanged()?;
        }
        let hash = self.hasher.finalize().to_hex().to_string();
        let size = self.size;
        // Taken out, so that dropping `self` leaves the file to the caller.
        Ok(match (self.spool.take(), self.twin.take()) {
            (Some((_, source)), _) => Spooled {
                source,
                temporary: true,
                hash,
                size,
            },
            (None, Some((_, source))) => Spooled {
                source,
                temporary: false,
                hash,
                size,
            },
            (None, None) => return Err(Error::Internal("a stream without a file".into())),
        })
    }
}

impl Drop for CleanStream {
    fn drop(&mut self) {
        if let Some((_, path)) = self.spool.take() {
            // Best effort: it is a temporary file.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(twin: Option<&[u8]>, parts: &[&[u8]]) -> (Spooled, Vec<u8>, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.pt");
        if let Some(bytes) = twin {
            fs::write(&path, bytes).unwrap();
        }
        let mut stream = CleanStream::new(twin.map(|_| path.as_path()), &dir.path().join("tmp"));
        for part in parts {
            stream.write(part).unwrap();
        }
        let spooled = stream.finish().unwrap();
        let bytes = fs::read(&spooled.source).unwrap();
        assert_eq!(spooled.size, bytes.len() as u64);
        assert_eq!(spooled.hash, blake3::hash(&bytes).to_hex().to_string());
        (spooled, bytes, dir)
    }

    #[test]
    fn the_file_itself_serves_when_it_agrees() {
        let (spooled, bytes, _dir) = run(Some(b"abcdef"), &[b"abc", b"", b"def"]);
        assert!(!spooled.temporary);
        assert_eq!(bytes, b"abcdef");
    }

    #[test]
    fn every_difference_is_spooled() {
        type Case<'a> = (Option<&'a [u8]>, &'a [&'a [u8]]);
        let cases: [Case<'_>; 6] = [
            (None, &[b"abc", b"def"]),
            (None, &[]),
            (Some(b"abcxef"), &[b"abc", b"def"]),
            (Some(b"abcdefg"), &[b"abc", b"def"]),
            (Some(b"abcd"), &[b"abc", b"def"]),
            (Some(b""), &[b"abcdef"]),
        ];
        for (twin, parts) in cases {
            let (spooled, bytes, _dir) = run(twin, parts);
            assert!(spooled.temporary);
            assert_eq!(bytes, parts.concat());
        }
    }

    #[test]
    fn a_stream_that_is_dropped_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut stream = CleanStream::new(None, dir.path());
        stream.write(b"abc").unwrap();
        drop(stream);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
