//! Opening files by names that other files state: only inside a folder.
//!
//! In: a folder, and a name with `/` between its components. Out: the open file. Refused: names that lead
//! out of the folder on any system, links that do, and what is no regular file.

use std::path::{Path, PathBuf};

use crate::bytes::FileSource;
use crate::{Error, Result};

/// A folder, by the path without links.
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// # Errors
    /// [`Error::Io`] when there is no such folder.
    pub(super) fn new(path: &Path) -> Result<Self> {
        let root = path.canonicalize().map_err(Error::io("reading", path))?;
        Ok(Self { root })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Opens a file, or says which rule it breaks.
    pub(super) fn open(&self, name: &str) -> std::result::Result<FileSource, String> {
        if let Some(rule) = broken_rule(name) {
            return Err(rule.into());
        }
        let missing = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => "the file is missing".to_owned(),
            _ => format!("the file cannot be read: {error}"),
        };
        let path = self.root.join(name).canonicalize().map_err(missing)?;
        if !path.starts_with(&self.root) {
            return Err("a link leads out of the folder".into());
        }
        FileSource::open(&path).map_err(|error| match error {
            Error::Io { source, .. } => missing(source),
            _ => "it is no regular file".into(),
        })
    }
}

/// The rule that a name breaks. The same on all systems: a folder is looked at on one and used on another.
fn broken_rule(name: &str) -> Option<&'static str> {
    let drive = || {
        let bytes = name.as_bytes();
        bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':'
    };
    if name.is_empty() {
        Some("the name is empty")
    } else if name.contains('\0') {
        Some("the name holds a zero byte")
    } else if name.contains('\\') {
        Some("the name holds a backslash")
    } else if name.starts_with('/') || drive() {
        Some("the path is absolute")
    } else if name.split('/').any(|part| part == "..") {
        Some("the path leads out of the folder")
    } else if cfg!(windows) && name.contains(':') {
        Some("the name holds a colon")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, rule) in [
            ("", "empty"),
            ("/etc/passwd", "absolute"),
            ("//server/share", "absolute"),
            ("C:/a", "absolute"),
            ("c:a", "absolute"),
            ("..", "leads out"),
            ("../a", "leads out"),
            ("a/../../b", "leads out"),
            ("a/..", "leads out"),
            ("\\\\server\\share\\a", "backslash"),
            ("..\\a", "backslash"),
            ("a\0b", "zero byte"),
        ] {
            let broken = broken_rule(name).unwrap_or_default();
            assert!(broken.contains(rule), "{name:?}: {broken}");
        }
        for name in ["a", "a.b/c", "...", "a..b", "./a", "déjà vu"] {
            assert_eq!(broken_rule(name), None, "{name}");
        }
    }

    #[test]
    fn files() {
        let scratch = tempfile::tempdir().unwrap();
        let inside = scratch.path().join("model");
        std::fs::create_dir_all(inside.join("sub")).unwrap();
        std::fs::write(inside.join("sub/w.bin"), b"w").unwrap();
        std::fs::write(scratch.path().join("outside"), b"o").unwrap();
        let folder = Folder::new(&inside).unwrap();
        assert!(folder.open("sub/w.bin").is_ok());
        assert!(folder.open("./sub/w.bin").is_ok());
        assert!(folder.open("sub").unwrap_err().contains("regular"));
        assert!(folder.open("none").unwrap_err().contains("missing"));
        assert!(folder.open("../outside").unwrap_err().contains("leads out"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            symlink("sub/w.bin", inside.join("fine")).unwrap();
            symlink("../outside", inside.join("link")).unwrap();
            symlink("..", inside.join("up")).unwrap();
            symlink("loop", inside.join("loop")).unwrap();
            symlink("/dev/null", inside.join("device")).unwrap();
            assert!(folder.open("fine").is_ok());
            for name in ["link", "up/outside", "device"] {
                let rule = folder.open(name).unwrap_err();
                assert!(rule.contains("a link leads out"), "{name}: {rule}");
            }
            assert!(folder.open("loop").unwrap_err().contains("cannot be read"));
        }
    }
}
