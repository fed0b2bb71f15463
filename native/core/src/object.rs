//! Content-addressed objects in folders laid out as Git LFS does: `ab/cd/abcd…`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use crate::record::ObjectRef;
use crate::{Error, Result};

/// Objects are back-dated by this much: git hashes a file again on every `git status` while it is as
/// new as the index, and store files in work trees are links to objects.
const BACK_DATED: Duration = Duration::from_secs(3);

/// SHA-256 of `bytes`, with their length.
#[must_use]
pub fn object_ref(bytes: &[u8]) -> ObjectRef {
    ObjectRef {
        oid: Sha256::digest(bytes).into(),
        size: bytes.len() as u64,
    }
}

/// Where an object is inside a store.
#[must_use]
pub fn object_path(store: &Path, object: &ObjectRef) -> PathBuf {
    let hex = object.hex();
    store.join(&hex[..2]).join(&hex[2..4]).join(&hex)
}

/// Puts objects into one store.
#[derive(Debug)]
pub struct ObjectWriter {
    store: PathBuf,
    temp: PathBuf,
    sync: bool,
    next: AtomicU64,
    written: AtomicU64,
    bytes: AtomicU64,
}

impl ObjectWriter {
    /// Files are made in `temp`, which must be on the store's file system, and renamed; with `sync`
    /// they reach the disk first.
    ///
    /// # Errors
    /// [`Error::Io`] when a folder cannot be made.
    pub fn new(store: &Path, temp: &Path, sync: bool) -> Result<Self> {
        for folder in [store, temp] {
            fs::create_dir_all(folder).map_err(Error::io("making", folder))?;
        }
        let (store, temp) = (store.to_owned(), temp.to_owned());
        let zero = AtomicU64::default;
        Ok(Self {
            store,
            temp,
            sync,
            next: zero(),
            written: zero(),
            bytes: zero(),
        })
    }

    /// Stores `bytes`. An object that is there already is compared, and replaced if it is damaged.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, bytes: &[u8]) -> Result<ObjectRef> {
        let object = object_ref(bytes);
        let path = object_path(&self.store, &object);
        if holds(&path, bytes) {
            return Ok(object);
        }
        let (mut file, temp) = self.create()?;
        let result = self.fill(&mut file, &temp, &path, bytes);
        drop(file);
        if result.is_err() {
            // Best effort: the error that matters is the first one.
            let _ = fs::remove_file(&temp);
        }
        result?;
        self.written.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(object.size, Ordering::Relaxed);
        Ok(object)
    }

    fn create(&self) -> Result<(File, PathBuf)> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let temp = self
                .temp
                .join(format!("git-theta-{}-{number}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&temp) {
                Ok(file) => return Ok((file, temp)),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(Error::io("writing", temp)(e)),
            }
        }
    }

    fn fill(&self, file: &mut File, temp: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
        file.write_all(bytes).map_err(Error::io("writing", path))?;
        let time = SystemTime::now() - BACK_DATED;
        file.set_modified(time)
            .map_err(Error::io("writing", path))?;
        if self.sync {
            file.sync_all().map_err(Error::io("writing", path))?;
        }
        match fs::rename(temp, path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let folder = path.parent().unwrap_or(&self.store);
                fs::create_dir_all(folder).map_err(Error::io("making", folder))?;
                fs::rename(temp, path)
            }
            other => other,
        }
        .map_err(Error::io("writing", path))
    }

    /// Objects that were not there before, and their bytes.
    #[must_use]
    pub fn written(&self) -> (u64, u64) {
        (
            self.written.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }
}

/// Does the file hold exactly these bytes?
fn holds(path: &Path, bytes: &[u8]) -> bool {
    let same = || -> io::Result<bool> {
        let mut file = File::open(path)?;
        if file.metadata()?.len() != bytes.len() as u64 {
            return Ok(false);
        }
        let mut buf = vec![0; bytes.len().clamp(1, 256 << 10)];
        for part in bytes.chunks(buf.len()) {
            let read = &mut buf[..part.len()];
            file.read_exact(read)?;
            if read != part {
                return Ok(false);
            }
        }
        Ok(true)
    };
    same().unwrap_or(false)
}

/// Takes objects out of several stores; the first that has one counts.
#[derive(Clone, Debug)]
pub struct ObjectReader {
    stores: Vec<PathBuf>,
}

impl ObjectReader {
    /// Looks into `stores` in order.
    #[must_use]
    pub fn new(stores: Vec<PathBuf>) -> Self {
        Self { stores }
    }

    /// Reads an object into `buf` (replacing what it holds) and checks its SHA-256. Nothing is
    /// allocated before the file's size is known to be the recorded one.
    ///
    /// # Errors
    /// [`Error::MissingObject`]; [`Error::CorruptObject`] when the only copies are damaged.
    pub fn read(&self, object: &ObjectRef, buf: &mut Vec<u8>) -> Result<()> {
        let mut corrupt = None;
        for store in &self.stores {
            let path = object_path(store, object);
            let mut file = match File::open(&path) {
                Ok(file) => file,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Error::io("reading", path)(e)),
            };
            let size = file.metadata().map_err(Error::io("reading", &path))?.len();
            if size != object.size {
                corrupt = Some(format!("it has {size} bytes instead of {}", object.size));
                continue;
            }
            buf.clear();
            buf.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX))
                .map_err(|_| Error::Io {
                    action: "reading",
                    path: path.clone(),
                    source: io::ErrorKind::OutOfMemory.into(),
                })?;
            (&mut file)
                .take(size)
                .read_to_end(buf)
                .map_err(Error::io("reading", &path))?;
            if object_ref(buf) == *object {
                return Ok(());
            }
            corrupt = Some("its SHA-256 is another".into());
        }
        let oid = object.hex();
        Err(match corrupt {
            Some(rule) => Error::CorruptObject { oid, rule },
            None => Error::MissingObject {
                oid,
                size: object.size,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, ObjectWriter, ObjectReader) {
        let dir = tempfile::tempdir().unwrap();
        let objects = dir.path().join("objects");
        let writer = ObjectWriter::new(&objects, &dir.path().join("tmp"), false).unwrap();
        (dir, writer, ObjectReader::new(vec![objects]))
    }

    #[test]
    fn an_object_is_written_once_and_read_back() {
        let (dir, writer, reader) = store();
        let object = writer.write(b"abc").unwrap();
        assert_eq!(writer.write(b"abc").unwrap(), object);
        assert_eq!(writer.written(), (1, 3));
        assert!(object.hex().starts_with("ba7816bf"));
        let path = dir.path().join("objects/ba/78").join(object.hex());
        assert!(path.is_file(), "git-lfs's own place");
        assert!(path.metadata().unwrap().modified().unwrap() < SystemTime::now() - BACK_DATED / 2);
        let mut buf = vec![9];
        reader.read(&object, &mut buf).unwrap();
        assert_eq!(buf, b"abc");
        assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn damage_is_found_and_healed_by_writing_again() {
        let (dir, writer, reader) = store();
        let object = writer.write(b"abc").unwrap();
        let path = object_path(&dir.path().join("objects"), &object);
        let mut buf = Vec::new();
        for damage in [b"abd".as_slice(), b"ab"] {
            fs::write(&path, damage).unwrap();
            assert_eq!(
                reader.read(&object, &mut buf).unwrap_err().code(),
                "ERR_THETA_CORRUPT_OBJECT"
            );
        }
        writer.write(b"abc").unwrap();
        reader.read(&object, &mut buf).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(
            reader.read(&object, &mut buf).unwrap_err().code(),
            "ERR_THETA_MISSING_OBJECT"
        );
    }

    #[test]
    fn a_second_store_is_a_fallback_also_for_damage() {
        let (a, first, _) = store();
        let (b, second, _) = store();
        let object = second.write(b"abc").unwrap();
        let stores = [&a, &b].map(|d| d.path().join("objects"));
        let reader = ObjectReader::new(stores.to_vec());
        let mut buf = Vec::new();
        reader.read(&object, &mut buf).unwrap();
        first.write(b"abc").unwrap();
        fs::write(object_path(&stores[0], &object), b"xyz").unwrap();
        reader.read(&object, &mut buf).unwrap();
        assert_eq!(buf, b"abc");
    }
}
