//! Raw bytes to a chunk.

use zstd_safe::{CCtx, CParameter, ParamSwitch, Strategy, compress_bound};

use super::entropy::{Advice, advise};
use super::header::{HEADER, Header, MIN_COMPRESSED};
use super::{ChunkClass, CodecError, MAX_CHUNK, blocksize, planes, zstd};
use crate::tensor::Class;

/// Level for the skeleton, which is text: names and structure.
const TEXT_LEVEL: i32 = 12;

/// Encodes chunks. Keep one per thread: it holds compression contexts and scratch memory, at most
/// a few times the size of a block.
pub struct Encoder {
    huffman: CCtx<'static>,
    level1: CCtx<'static>,
    /// Made when the first skeleton comes; it needs more memory than the others.
    text: Option<CCtx<'static>>,
    /// The planes of the block at hand.
    planes: Vec<u8>,
    /// Where zstd writes a stream.
    packed: Vec<u8>,
    /// The other way to encode a first block.
    other: Vec<u8>,
}

/// How the streams of a chunk are compressed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    /// Each plane in the way that a sample of it suggests.
    Planes,
    /// zstd level 1 for all.
    Level1,
    /// The level for text, for all.
    Text,
}

impl Encoder {
    /// # Errors
    /// [`CodecError::Zstd`] when there is no memory for the contexts.
    pub fn new() -> Result<Self, CodecError> {
        let mut huffman = context()?;
        // Weights have no repetitions, only skewed bytes: a search as careless as zstd knows, and
        // Huffman codes, which for such searches have to be demanded.
        for parameter in [
            CParameter::Strategy(Strategy::ZSTD_fast),
            CParameter::TargetLength(131_072),
            CParameter::HashLog(6),
            CParameter::MinMatch(7),
            CParameter::LiteralCompressionMode(ParamSwitch::Enable),
        ] {
            huffman.set_parameter(parameter).map_err(zstd)?;
        }
        Ok(Self {
            huffman,
            level1: at_level(1)?,
            text: None,
            planes: Vec::new(),
            packed: Vec::new(),
            other: Vec::new(),
        })
    }

    /// The chunk of `raw`, a whole number of elements.
    ///
    /// # Errors
    /// [`CodecError::Raw`] when it is not that, or is over [`MAX_CHUNK`] bytes;
    /// [`CodecError::Zstd`] when memory runs out.
    pub fn encode(&mut self, raw: &[u8], class: ChunkClass) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::new();
        self.encode_into(raw, class, &mut out)?;
        Ok(out)
    }

    /// Like [`Self::encode`], into a vector whose contents are replaced and whose memory is reused.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub fn encode_into(
        &mut self,
        raw: &[u8],
        class: ChunkClass,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let typesize = usize::from(class.typesize);
        let refuse = |rule| Err(CodecError::Raw { rule });
        if raw.len() > MAX_CHUNK {
            return refuse("a chunk has at most 2^31 - 17 bytes");
        }
        if typesize == 0 || !raw.len().is_multiple_of(typesize) {
            return refuse("a chunk is a whole number of elements");
        }
        if class.text && typesize != 1 {
            return refuse("text has elements of one byte");
        }
        out.clear();
        if raw.len() >= MIN_COMPRESSED {
            self.blocks(raw, class, out)?;
            if out.len() < HEADER + raw.len() {
                return Ok(());
            }
        }
        let mut header = Header::new(raw.len(), typesize, raw.len(), true);
        header.cbytes = HEADER + raw.len();
        out.clear();
        out.extend_from_slice(&header.to_bytes());
        out.extend_from_slice(raw);
        Ok(())
    }

    /// The chunk as blocks. What comes out is of no use when it is not smaller than stored.
    fn blocks(
        &mut self,
        raw: &[u8],
        class: ChunkClass,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let typesize = usize::from(class.typesize);
        let mut header = Header::new(raw.len(), typesize, blocksize(raw.len(), class), false);
        let mut effort = match (class.text, class.class) {
            (true, _) => Effort::Text,
            (false, Class::Integer) => Effort::Level1,
            (false, Class::Float) => Effort::Planes,
        };
        let starts = HEADER;
        out.resize(HEADER + 4 * header.blocks(), 0);
        for (i, block) in raw.chunks(header.blocksize).enumerate() {
            let start = out.len();
            if start >= HEADER + raw.len() {
                return Ok(());
            }
            out[starts + 4 * i..][..4].copy_from_slice(&(start as u32).to_le_bytes());
            let streams = if header.single || block.len() != header.blocksize {
                1
            } else {
                typesize
            };
            let mut scratch = std::mem::take(&mut self.planes);
            let shuffled = if typesize == 1 {
                block
            } else {
                if scratch.len() < block.len() {
                    scratch.resize(block.len(), 0);
                }
                planes::split(block, typesize, &mut scratch[..block.len()]);
                &scratch[..block.len()]
            };
            self.block(shuffled, streams, effort, out)?;
            if i == 0 && effort == Effort::Planes {
                // Rows that repeat and tables of constants: there a search pays.
                let mut other = std::mem::take(&mut self.other);
                other.clear();
                self.block(shuffled, streams, Effort::Level1, &mut other)?;
                if other.len() * 10 < (out.len() - start) * 9 {
                    effort = Effort::Level1;
                    out.truncate(start);
                    out.extend_from_slice(&other);
                }
                self.other = other;
            }
            self.planes = scratch;
        }
        header.cbytes = out.len();
        out[..HEADER].copy_from_slice(&header.to_bytes());
        Ok(())
    }

    /// One block, already in planes, as equal streams.
    fn block(
        &mut self,
        shuffled: &[u8],
        streams: usize,
        effort: Effort,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        for raw in shuffled.chunks_exact(shuffled.len() / streams) {
            let context = match effort {
                Effort::Level1 => Some(&mut self.level1),
                Effort::Planes => match advise(raw) {
                    Advice::Store => None,
                    Advice::Repetitive => Some(&mut self.level1),
                    Advice::Skewed => Some(&mut self.huffman),
                },
                Effort::Text => {
                    if self.text.is_none() {
                        self.text = Some(at_level(TEXT_LEVEL)?);
                    }
                    self.text.as_mut()
                }
            };
            let mut data = raw;
            if let Some(context) = context {
                let bound = compress_bound(raw.len());
                if self.packed.len() < bound {
                    self.packed.resize(bound, 0);
                }
                // The bound, not all of the scratch: room must not change what zstd does.
                let packed = &mut self.packed[..bound];
                let len = context.compress2(packed, raw).map_err(zstd)?;
                // As long as the raw bytes means: these are the raw bytes.
                if len < raw.len() {
                    data = &packed[..len];
                }
            }
            out.extend_from_slice(&(data.len() as u32).to_le_bytes());
            out.extend_from_slice(data);
        }
        Ok(())
    }
}

/// A context that writes frames with their content size and without checksum.
fn context() -> Result<CCtx<'static>, CodecError> {
    let mut context = CCtx::try_create().ok_or(CodecError::Zstd {
        message: "no memory for a context",
    })?;
    for parameter in [
        CParameter::ContentSizeFlag(true),
        CParameter::ChecksumFlag(false),
    ] {
        context.set_parameter(parameter).map_err(zstd)?;
    }
    Ok(context)
}

/// A context for one of zstd's levels.
fn at_level(level: i32) -> Result<CCtx<'static>, CodecError> {
    let mut context = context()?;
    context
        .set_parameter(CParameter::CompressionLevel(level))
        .map_err(zstd)?;
    Ok(context)
}
