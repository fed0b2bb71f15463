//! The first 16 bytes of a chunk, and how its bytes are cut into blocks and streams.

use super::CodecError;

/// Bytes of the header.
pub(super) const HEADER: usize = 16;
/// Shorter chunks are always stored.
pub(super) const MIN_COMPRESSED: usize = 128;
/// Bytes of one plane of a block that the encoder aims at.
const PLANE: usize = 256 << 10;

/// Bytes of the elements are in planes.
const SHUFFLE: u8 = 0x01;
/// The raw bytes follow the header.
const STORED: u8 = 0x02;
/// Each block is one stream.
const SINGLE: u8 = 0x10;
/// Streams are zstd frames.
const ZSTD: u8 = 4 << 5;

/// A header that obeys the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of an element, at least 1.
    pub typesize: usize,
    /// Bytes of the decoded chunk.
    pub nbytes: usize,
    /// Bytes of every block but the last, which may be shorter; at most `nbytes`.
    pub blocksize: usize,
    /// Bytes of the encoded chunk.
    pub cbytes: usize,
    /// The raw bytes follow the header.
    pub stored: bool,
    /// Each block is one stream.
    pub single: bool,
}

/// Bytes of a block for a chunk of `nbytes`, a whole number of elements: equal blocks of about
/// 256 KiB per plane. A short last block would cost ratio on small tensors.
pub(super) fn blocksize(nbytes: usize, typesize: usize) -> usize {
    let blocks = nbytes.div_ceil(PLANE * typesize).max(1);
    nbytes / typesize / blocks * typesize
}

/// Do blocks of this size have to be single streams? Decoders take it for granted.
fn is_single(blocksize: usize, typesize: usize) -> bool {
    typesize == 1 || typesize > 16 || blocksize / typesize < 128
}

impl Header {
    /// The header of a chunk whose `cbytes` is not known yet.
    pub fn new(nbytes: usize, typesize: usize, blocksize: usize, stored: bool) -> Self {
        Self {
            typesize,
            nbytes,
            blocksize,
            cbytes: 0,
            stored,
            single: is_single(blocksize, typesize),
        }
    }

    /// Blocks of a chunk that is not stored.
    pub fn blocks(&self) -> usize {
        self.nbytes.div_ceil(self.blocksize.max(1))
    }

    /// The 16 bytes. Sizes were checked by the caller to fit in 31 bits.
    pub fn to_bytes(self) -> [u8; HEADER] {
        let mut flags = ZSTD;
        flags |= if self.typesize > 1 { SHUFFLE } else { 0 };
        flags |= if self.stored { STORED } else { 0 };
        flags |= if self.single { SINGLE } else { 0 };
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&[2, 1, flags, self.typesize as u8]);
        for (field, value) in bytes[4..].as_chunks_mut::<4>().0.iter_mut().zip([
            self.nbytes,
            self.blocksize,
            self.cbytes,
        ]) {
            *field = (value as u32).to_le_bytes();
        }
        bytes
    }

    /// Reads and checks the header of `chunk`, which is to decode to `nbytes` bytes.
    pub fn parse(chunk: &[u8], nbytes: usize) -> Result<Self, CodecError> {
        let refuse = |rule| Err(CodecError::Header { rule });
        let Some((bytes, _)) = chunk.split_first_chunk::<HEADER>() else {
            return refuse("a chunk has a header of 16 bytes");
        };
        let [version, versionlz, flags, typesize] = [bytes[0], bytes[1], bytes[2], bytes[3]];
        let field = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
        };
        let header = Self {
            typesize: usize::from(typesize),
            nbytes: field(4),
            blocksize: field(8),
            cbytes: field(12),
            stored: flags & STORED != 0,
            single: flags & SINGLE != 0,
        };
        if version != 2 || versionlz != 1 {
            return refuse("the versions are 2 and 1");
        }
        if flags & !(SHUFFLE | STORED | SINGLE) != ZSTD {
            return refuse("the codec is zstd, without bit shuffle");
        }
        if typesize == 0 || (flags & SHUFFLE != 0) != (typesize > 1) {
            return refuse("elements over one byte are shuffled, others are not");
        }
        if header.nbytes != nbytes {
            return refuse("the decoded size is that of the grid's chunks");
        }
        if !nbytes.is_multiple_of(header.typesize) {
            return refuse("the decoded size is a whole number of elements");
        }
        if header.cbytes != chunk.len() {
            return refuse("the encoded size is the object's size");
        }
        if header.blocksize > nbytes || !header.blocksize.is_multiple_of(header.typesize) {
            return refuse("a block is a whole number of elements, at most the chunk");
        }
        if header.stored {
            if header.blocksize != nbytes || header.cbytes - HEADER != nbytes {
                return refuse("a stored chunk is its raw bytes after the header");
            }
        } else if header.blocksize == 0 {
            return refuse("blocks are not empty");
        }
        if header.single != is_single(header.blocksize, header.typesize) {
            return refuse("exactly blocks of under 128 elements are not split into planes");
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_parse_back() {
        for (nbytes, typesize, stored) in [(0, 1, true), (64, 4, true), (1 << 24, 2, false)] {
            let size = if stored {
                nbytes
            } else {
                blocksize(nbytes, typesize)
            };
            let mut header = Header::new(nbytes, typesize, size, stored);
            let mut chunk = vec![0; HEADER + nbytes];
            header.cbytes = chunk.len();
            chunk[..HEADER].copy_from_slice(&header.to_bytes());
            assert_eq!(Header::parse(&chunk, nbytes).unwrap(), header);
            assert!(Header::parse(&chunk, nbytes + 8).is_err());
            assert!(Header::parse(&chunk[..chunk.len() - 1], nbytes).is_err());
            // Whether a chunk is stored can be a matter of its blocks alone.
            for bit in (0..8).filter(|&bit| bit != 1) {
                chunk[2] ^= 1 << bit;
                let changed = Header::parse(&chunk, nbytes);
                assert!(changed.is_err(), "{nbytes} {bit} {changed:?}");
                chunk[2] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn blocks_are_equal() {
        assert_eq!(blocksize(1 << 24, 2), 1 << 19);
        assert_eq!(blocksize((1 << 19) + 2, 2), (1 << 18) & !1);
        assert_eq!(blocksize(100, 4), 100);
        assert_eq!(blocksize(0, 4), 0);
        assert_eq!(blocksize(3 * (1 << 19) - 2, 2), (1 << 19) - 2);
    }
}
