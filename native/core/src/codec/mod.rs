//! The chunk container: a chunk's raw bytes in, one object's bytes out, and back.
//!
//! The format is a blosc-1 chunk with codec zstd, as `docs/format/encoding.md` narrows it; every
//! blosc decoder opens it. Elements are split into byte planes, and each plane of each block is
//! compressed by itself, in the way that suits it: that is what stock encoders do not do.
//!
//! The encoder's output is a function of the chunk's bytes and [`ChunkClass`] alone. The decoder takes
//! any chunk that obeys the format, and refuses, without panic and without allocating more than a
//! block, everything else: headers that contradict the object or the grid, blocks that are not one
//! after the other, streams that are neither raw nor one zstd frame of the right size, bytes that are
//! left over. A stored plane has no checksum: whoever decodes has checked the object's SHA-256.

mod decode;
mod encode;
mod entropy;
mod header;
mod planes;

pub use decode::Decoder;
pub use encode::Encoder;

use thiserror::Error;

use crate::Error;
use crate::tensor::Class;

/// What the encoder knows of a chunk besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChunkClass {
    /// Bytes of an element (of each part of a complex number); 1 to 255.
    pub typesize: u8,
    /// How the elements behave.
    pub class: Class,
    /// The chunk is of the skeleton: one block, compressed harder.
    pub text: bool,
}

/// The largest chunk: what stock decoders accept, and far more than a grid asks for.
pub const MAX_CHUNK: usize = (1 << 31) - 1 - 16;

/// Bytes of a block of a full chunk of `nbytes`, as its header and the array's metadata say.
#[must_use]
pub fn blocksize(nbytes: usize, class: ChunkClass) -> usize {
    if class.text || nbytes < header::MIN_COMPRESSED {
        nbytes
    } else {
        header::blocksize(nbytes, usize::from(class.typesize.max(1)))
    }
}

/// Why a chunk could not be encoded or decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The raw bytes are not a chunk of that class.
    #[error("raw chunk: {rule}")]
    Raw {
        /// The rule that is broken.
        rule: &'static str,
    },
    /// The header breaks a rule, or contradicts the chunk.
    #[error("chunk header: {rule}")]
    Header {
        /// The rule that is broken.
        rule: &'static str,
    },
    /// A block is not where or what it has to be.
    #[error("chunk block {block}: {rule}")]
    Block {
        /// Counted from 0.
        block: usize,
        /// The rule that is broken.
        rule: &'static str,
    },
    /// zstd failed: out of memory, or a defect.
    #[error("zstd: {message}")]
    Zstd {
        /// What it says.
        message: &'static str,
    },
}

impl From<CodecError> for Error {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Zstd { .. } | CodecError::Raw { .. } => Self::Internal(error.to_string()),
            CodecError::Header { .. } | CodecError::Block { .. } => Self::Invalid {
                what: "chunk".into(),
                rule: error.to_string(),
            },
        }
    }
}

/// For `map_err` on a zstd call.
fn zstd(code: zstd_safe::ErrorCode) -> CodecError {
    CodecError::Zstd {
        message: zstd_safe::get_error_name(code),
    }
}

#[cfg(test)]
mod tests;
