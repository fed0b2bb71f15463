//! A chunk to raw bytes.

use std::ops::Range;

use smallvec::SmallVec;
use zstd_safe::{DCtx, find_frame_compressed_size, get_frame_content_size};

use super::header::{HEADER, Header};
use super::planes::{self, Planes};
use super::{CodecError, zstd};

/// Decodes chunks. Keep one per thread: it holds a decompression context and the memory of a block.
pub struct Decoder {
    context: DCtx<'static>,
    /// The decompressed planes of the block at hand.
    scratch: Vec<u8>,
}

/// Where the raw bytes of a stream are.
enum Stream {
    /// In the chunk itself.
    Stored(Range<usize>),
    /// In the scratch memory.
    Unpacked(Range<usize>),
}

impl Decoder {
    /// # Errors
    /// [`CodecError::Zstd`] when there is no memory for the context.
    pub fn new() -> Result<Self, CodecError> {
        let context = DCtx::try_create().ok_or(CodecError::Zstd {
            message: "no memory for a context",
        })?;
        Ok(Self {
            context,
            scratch: Vec::new(),
        })
    }

    /// Fills `out`, which is as long as the decoded chunk has to be.
    ///
    /// # Errors
    /// [`CodecError::Header`] and [`CodecError::Block`] when the chunk breaks the format; `out` may
    /// then be partly written.
    pub fn decode(&mut self, chunk: &[u8], out: &mut [u8]) -> Result<(), CodecError> {
        let header = Header::parse(chunk, out.len())?;
        if header.stored {
            out.copy_from_slice(&chunk[HEADER..]);
            return Ok(());
        }
        let blocks = header.blocks();
        let refuse = |block, rule| Err(CodecError::Block { block, rule });
        let starts = blocks
            .checked_mul(4)
            .and_then(|len| chunk.get(HEADER..HEADER.checked_add(len)?));
        let Some(starts) = starts else {
            return refuse(0, "the table of blocks is inside the chunk");
        };
        let mut at = HEADER + starts.len();
        let starts = starts.as_chunks::<4>().0;
        for (i, (block, start)) in out.chunks_mut(header.blocksize).zip(starts).enumerate() {
            if u32::from_le_bytes(*start) as usize != at {
                return refuse(i, "blocks follow each other without gaps");
            }
            let streams = if header.single || block.len() != header.blocksize {
                1
            } else {
                header.typesize
            };
            at = self
                .block(chunk, at, header.typesize, streams, block)
                .map_err(|rule| CodecError::Block { block: i, rule })?;
        }
        if at == chunk.len() {
            Ok(())
        } else {
            refuse(blocks, "nothing follows the last block")
        }
    }

    /// Decodes the block whose streams begin at `at`; returns where they end.
    fn block(
        &mut self,
        chunk: &[u8],
        mut at: usize,
        typesize: usize,
        streams: usize,
        out: &mut [u8],
    ) -> Result<usize, &'static str> {
        let len = out.len() / streams;
        if typesize == 1 {
            let (data, end) = stream(chunk, at)?;
            if data.len() == len {
                out.copy_from_slice(&chunk[data]);
            } else {
                unpack(&mut self.context, &chunk[data], out)?;
            }
            return Ok(end);
        }
        if self.scratch.len() < out.len() {
            self.scratch.resize(out.len(), 0);
        }
        let mut sources: SmallVec<[Stream; 8]> = SmallVec::new();
        for k in 0..streams {
            let (data, end) = stream(chunk, at)?;
            at = end;
            if data.len() == len {
                sources.push(Stream::Stored(data));
            } else {
                let place = k * len..(k + 1) * len;
                unpack(
                    &mut self.context,
                    &chunk[data],
                    &mut self.scratch[place.clone()],
                )?;
                sources.push(Stream::Unpacked(place));
            }
        }
        // Stored planes are read where they are. A single stream has all planes one after the other.
        let elements = out.len() / typesize;
        let mut planes: Planes<'_> = SmallVec::new();
        for source in sources {
            let bytes = match source {
                Stream::Stored(range) => &chunk[range],
                Stream::Unpacked(range) => &self.scratch[range],
            };
            planes.extend(bytes.chunks_exact(elements));
        }
        planes::join(&planes, out);
        Ok(at)
    }
}

/// The data of the stream at `at`, and where it ends.
fn stream(chunk: &[u8], at: usize) -> Result<(Range<usize>, usize), &'static str> {
    let size = chunk
        .get(at..)
        .and_then(|rest| rest.first_chunk::<4>())
        .ok_or("a stream has a size")?;
    let size = i32::from_le_bytes(*size);
    let size = usize::try_from(size)
        .ok()
        .filter(|&s| s > 0)
        .ok_or("a stream has at least one byte")?;
    let start = at + 4;
    let end = start
        .checked_add(size)
        .filter(|&end| end <= chunk.len())
        .ok_or("a stream ends inside the chunk")?;
    Ok((start..end, end))
}

/// Decompresses exactly one frame to exactly `out`.
fn unpack(context: &mut DCtx<'_>, frame: &[u8], out: &mut [u8]) -> Result<(), &'static str> {
    match get_frame_content_size(frame) {
        Ok(Some(size)) if size == out.len() as u64 => {}
        Ok(_) => return Err("a frame has the size of its plane"),
        Err(_) => return Err("a stream is raw bytes or a zstd frame"),
    }
    if find_frame_compressed_size(frame) != Ok(frame.len()) {
        return Err("a stream is exactly one frame");
    }
    match context.decompress(out, frame) {
        Ok(len) if len == out.len() => Ok(()),
        Ok(_) => Err("a frame has the size of its plane"),
        Err(code) => match zstd(code) {
            CodecError::Zstd { message } => Err(message),
            _ => Err("zstd failed"),
        },
    }
}
