//! The umbrella error: one enum per subsystem, gathered here, each variant with a stable code.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Result of every fallible function of this crate that its callers see.
pub type Result<T> = std::result::Result<T, Error>;

/// Everything that can go wrong between a file and its parts.
///
/// What a file *contains* is never an error of [`crate::decompose`]: content that cannot be split safely
/// is stored whole, with the reason. Errors are about input and output, damaged objects and misuse.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was attempted, as a verb: `reading`, `writing`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own error.
        #[source]
        source: io::Error,
    },
    /// The source file was not the same at the end as at the beginning.
    #[error("{} changed while it was read", path.display())]
    SourceChanged {
        /// The file.
        path: PathBuf,
    },
    /// An object that a record names is in none of the stores.
    #[error("object {oid} ({size} bytes) is missing")]
    MissingObject {
        /// SHA-256 in hexadecimal.
        oid: String,
        /// Size in bytes.
        size: u64,
    },
    /// An object's bytes are not the ones its name promises.
    #[error("object {oid} is corrupt: {rule}")]
    CorruptObject {
        /// SHA-256 in hexadecimal.
        oid: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// A tensor's values do not have the recorded hash.
    #[error("tensor {tensor}: {rule}")]
    CorruptTensor {
        /// The tensor's name.
        tensor: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// Records, skeleton or arguments contradict the format specification.
    #[error("{what}: {rule}")]
    Invalid {
        /// The record or argument.
        what: String,
        /// The rule that it breaks.
        rule: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A defect of this library: a panic that was caught, or a check of its own that failed.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// The stable code that crosses every language boundary unchanged.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => "ERR_THETA_NOT_FOUND",
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    "ERR_THETA_PERMISSION"
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "ERR_THETA_DISK_FULL",
                _ => "ERR_THETA_IO",
            },
            Self::SourceChanged { .. } => "ERR_THETA_SOURCE_CHANGED",
            Self::MissingObject { .. } => "ERR_THETA_MISSING_OBJECT",
            Self::CorruptObject { .. } => "ERR_THETA_CORRUPT_OBJECT",
            Self::CorruptTensor { .. } => "ERR_THETA_CORRUPT_TENSOR",
            Self::Invalid { .. } => "ERR_THETA_INVALID",
            Self::Cancelled => "ERR_THETA_CANCELLED",
            Self::Internal(_) => "ERR_THETA_INTERNAL",
        }
    }

    /// [`Error::Invalid`]: `what` breaks `rule`.
    pub fn invalid(what: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Invalid {
            what: what.into(),
            rule: rule.into(),
        }
    }

    /// For `map_err` on an [`io::Error`]: names the action and the path.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
