//! Values of tensors that are listed and not stored: decoded within bounds.
//!
//! In: a file and where its values are. Out: elements in C order. Refused: what does not decode to the
//! size that the file states, and more than the caller allows.

mod chunks;
mod place;

pub(crate) use place::copy_box;

use std::io::Read;

use flate2::bufread::DeflateDecoder;

use crate::bytes::{Parse, ReadAt, Refusal, read_vec};
use crate::layout::{Bytes, Packed};
use crate::tensor::gather;

/// Reads the values, holding at most `most` bytes of them, and of what they are selected from.
///
/// # Errors
/// See the module.
pub fn read(source: &dyn ReadAt, packed: &Packed, most: u64) -> Parse<Vec<u8>> {
    let size = packed.dtype.byte_len(&packed.view.shape);
    if size.is_none_or(|size| size > most) {
        return refuse(format!("more than {most} bytes"));
    }
    if size == Some(0) {
        return Ok(Vec::new());
    }
    let bytes = decode(source, &packed.bytes, most)?;
    let extent = packed.view.extent_bytes(packed.dtype);
    if extent.is_none_or(|needed| needed > bytes.len() as u64) {
        return refuse("they end early");
    }
    let Some(item) = packed.dtype.item_size() else {
        return Ok(bytes);
    };
    let mut out = Vec::new();
    gather(
        &packed.view,
        item as usize,
        |at, part| {
            let at = at as usize;
            part.copy_from_slice(&bytes[at..at + part.len()]);
            Ok(())
        },
        |part| {
            out.extend_from_slice(part);
            Ok(())
        },
    )
    .map_err(|error| Refusal::new(error.to_string()))?;
    Ok(out)
}

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("values: {rule}")))
}

fn decode(source: &dyn ReadAt, bytes: &Bytes, most: u64) -> Parse<Vec<u8>> {
    match bytes {
        Bytes::Runs(runs) => {
            let total = runs
                .iter()
                .try_fold(0u64, |sum, run| sum.checked_add(run.1));
            if total.is_none_or(|total| total > most) {
                return refuse(format!("more than {most} bytes"));
            }
            let mut out = Vec::new();
            for &(offset, len) in runs {
                out.extend(read_vec(source, offset, len)?);
            }
            Ok(out)
        }
        Bytes::Deflated {
            offset,
            len,
            skip,
            size,
        } => {
            if skip.checked_add(*size).is_none_or(|total| total > most) {
                return refuse(format!("more than {most} bytes"));
            }
            inflate(source, *offset, *len, skip + size).map(|mut out| out.split_off(*skip as usize))
        }
        Bytes::Chunks(chunks) => chunks::read(source, chunks, most),
    }
}

/// Inflates the first `size` bytes of the raw DEFLATE stream at `offset`, which must yield as many. The
/// caller has bounded `size`.
///
/// # Errors
/// When the stream is damaged or yields less; when reading fails.
pub fn inflate(source: &dyn ReadAt, offset: u64, len: u64, size: u64) -> Parse<Vec<u8>> {
    let out = inflate_start(source, offset, len, size)?;
    if out.len() as u64 != size {
        return refuse(format!("damaged DEFLATE stream at byte {offset}"));
    }
    Ok(out)
}

/// Inflates the beginning of a stream: `most` bytes, or as many as it yields.
///
/// # Errors
/// When the stream is damaged before that; when reading fails.
pub fn inflate_start(source: &dyn ReadAt, offset: u64, len: u64, most: u64) -> Parse<Vec<u8>> {
    let stream = Stream {
        source,
        at: offset,
        end: offset.saturating_add(len),
        failed: None,
    };
    let mut stream = std::io::BufReader::with_capacity(64 << 10, stream);
    let mut out = Vec::new();
    let done = DeflateDecoder::new(&mut stream)
        .take(most)
        .read_to_end(&mut out);
    if let Some(error) = stream.into_inner().failed {
        return Err(Refusal::Io(error));
    }
    if done.is_err() {
        return refuse(format!("damaged DEFLATE stream at byte {offset}"));
    }
    Ok(out)
}

/// A range of a source as a stream; keeps an error of reading apart from those of decoding.
struct Stream<'a> {
    source: &'a dyn ReadAt,
    at: u64,
    end: u64,
    failed: Option<std::io::Error>,
}

impl Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let len = (buf.len() as u64).min(self.end.saturating_sub(self.at)) as usize;
        if let Err(error) = self.source.read_exact_at(self.at, &mut buf[..len]) {
            let kind = error.kind();
            self.failed = Some(error);
            return Err(kind.into());
        }
        self.at += len as u64;
        Ok(len)
    }
}
