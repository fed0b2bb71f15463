//! Writing a checkpoint to a file, which appears whole or not at all.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Stream;
use crate::progress::Progress;
use crate::{Error, Result};

impl Stream {
    /// Writes the rest of the stream beside `path` and renames it; returns its size in bytes. A file
    /// that is there already is replaced and passes on its permissions.
    ///
    /// # Errors
    /// As [`Stream::read`]; [`Error::Io`] when the file cannot be written. Nothing is left behind.
    pub fn write_file(mut self, path: &Path, sync: bool, progress: &Progress) -> Result<u64> {
        progress.expect(self.size(), self.arrays());
        let (mut file, temp) = create_beside(path)?;
        let result = self
            .for_each(|block, ended| {
                file.write_all(block).map_err(Error::io("writing", path))?;
                progress.add_bytes(block.len() as u64);
                if ended {
                    progress.add_tensor();
                }
                Ok(())
            })
            .and_then(|()| {
                if let Ok(old) = fs::metadata(path) {
                    file.set_permissions(old.permissions())
                        .map_err(Error::io("writing", path))?;
                }
                if sync {
                    file.sync_all().map_err(Error::io("writing", path))?;
                }
                Ok(())
            });
        drop(file);
        let result =
            result.and_then(|()| fs::rename(&temp, path).map_err(Error::io("writing", path)));
        if result.is_err() {
            // Best effort: the error that matters is the first one.
            let _ = fs::remove_file(&temp);
        }
        result.map(|()| self.size())
    }
}

fn create_beside(path: &Path) -> Result<(fs::File, PathBuf)> {
    let name = path.file_name().ok_or_else(|| Error::Invalid {
        what: path.display().to_string(),
        rule: "it is no file name".into(),
    })?;
    for number in 0u32.. {
        let mut temp = OsString::from(".");
        temp.push(name);
        temp.push(format!(".git-theta-{}-{number}", std::process::id()));
        let temp = path.with_file_name(temp);
        match OpenOptions::new().write(true).create_new(true).open(&temp) {
            Ok(file) => return Ok((file, temp)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(Error::io("writing", path)(e)),
        }
    }
    Err(Error::Internal("no free name for a temporary file".into()))
}
