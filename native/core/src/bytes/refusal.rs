//! How a parser says no.

use std::io;

use super::ReadAt;

/// Why parsing stopped.
#[derive(Debug)]
pub enum Refusal {
    /// The content breaks a rule: one line for people, which names the rule and, where there is one,
    /// the position. The file is stored whole.
    Content(String),
    /// Reading failed.
    Io(io::Error),
}

impl Refusal {
    /// A refusal of content.
    pub fn new(reason: impl Into<String>) -> Self {
        Self::Content(reason.into())
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Result of a parser.
pub type Parse<T> = Result<T, Refusal>;

/// `None` for what is refused.
///
/// # Errors
/// When reading fails.
pub fn unless_refused<T>(parsed: Parse<T>) -> io::Result<Option<T>> {
    match parsed {
        Ok(value) => Ok(Some(value)),
        Err(Refusal::Content(_)) => Ok(None),
        Err(Refusal::Io(error)) => Err(error),
    }
}

/// Reads a range into memory. The range must have been checked against the source's length and a
/// limit, so that nothing is allocated that the file does not justify.
///
/// # Errors
/// What the system says; `UnexpectedEof` for a range outside the source.
pub fn read_vec(source: &dyn ReadAt, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    if offset.checked_add(len).is_none_or(|end| end > source.len()) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    let mut bytes = vec![0; len];
    source.read_exact_at(offset, &mut bytes)?;
    Ok(bytes)
}
