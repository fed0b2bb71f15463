//! Arrays in chunks, which filters may have changed.
//!
//! In: a file and where the chunks are. Out: the array in C order; elements of chunks that are not there have
//! the fill value. Refused: chunks that do not decode to their size, or whose checksum is wrong.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::{copy_box, refuse};
use crate::bytes::{Parse, ReadAt, read_vec};
use crate::layout::{Chunk, Chunks, Filter};

/// Bytes that filters add to a chunk at most, besides those that grow with it.
const ROOM: u64 = 1024;

pub(super) fn read(source: &dyn ReadAt, array: &Chunks, most: u64) -> Parse<Vec<u8>> {
    let item = array.fill.len() as u64;
    let bytes = |shape: &[u64]| {
        let size = shape.iter().try_fold(item, |n, &dim| n.checked_mul(dim));
        size.filter(|&size| size <= most)
    };
    let (Some(total), Some(size)) = (bytes(&array.shape), bytes(&array.chunk)) else {
        return refuse(format!("more than {most} bytes"));
    };
    if item == 0 || total == 0 || array.shape.len() != array.chunk.len() {
        return refuse("an array without elements");
    }
    let mut out = array.fill.repeat((total / item) as usize);
    for chunk in &array.chunks {
        let decoded = decode(source, array, chunk, size)?;
        if place(array, chunk, &decoded, &mut out).is_none() {
            return refuse(format!("chunk at byte {} outside the array", chunk.offset));
        }
    }
    Ok(out)
}

/// The bytes of a chunk of `size` bytes, its filters undone.
fn decode(source: &dyn ReadAt, array: &Chunks, chunk: &Chunk, size: u64) -> Parse<Vec<u8>> {
    let at = chunk.offset;
    let room = size.saturating_add(ROOM);
    // DEFLATE makes nothing longer by more than a small part.
    if chunk.len > room.saturating_mul(2) {
        return refuse(format!("chunk at byte {at} is too long"));
    }
    let mut bytes = read_vec(source, at, chunk.len)?;
    let used = |index: usize| index >= 32 || chunk.skipped >> index & 1 == 0;
    for (index, filter) in array.filters.iter().enumerate().rev() {
        if !used(index) {
            continue;
        }
        bytes = match filter {
            Filter::Zlib => {
                let mut out = Vec::new();
                let done = ZlibDecoder::new(&bytes[..])
                    .take(room)
                    .read_to_end(&mut out);
                if done.is_err() {
                    return refuse(format!("damaged zlib stream at byte {at}"));
                }
                out
            }
            Filter::Shuffle(item) => unshuffle(&bytes, *item as usize),
            Filter::Fletcher32 => match bytes.split_last_chunk::<4>() {
                Some((values, sum)) if fletcher32(values) == u32::from_le_bytes(*sum) => {
                    values.to_vec()
                }
                _ => return refuse(format!("wrong checksum of the chunk at byte {at}")),
            },
        };
    }
    if bytes.len() as u64 != size {
        return refuse(format!("chunk at byte {at} has another size"));
    }
    Ok(bytes)
}

/// Puts the bytes of all elements together again; those behind the last whole element were not moved.
fn unshuffle(bytes: &[u8], item: usize) -> Vec<u8> {
    let count = bytes.len().checked_div(item).unwrap_or(0);
    let mut out = bytes.to_vec();
    for (index, &byte) in bytes.iter().enumerate().take(count * item) {
        let (plane, element) = (index / count, index % count);
        out[element * item + plane] = byte;
    }
    out
}

/// Sums of big-endian words of 16 bits, modulo 65535; a last byte alone is the upper half of a word.
fn fletcher32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (0u32, 0u32);
    for word in bytes.chunks(2) {
        let low = word.get(1).copied().unwrap_or(0);
        a = (a + u32::from(u16::from_be_bytes([word[0], low]))) % 0xFFFF;
        b = (b + a) % 0xFFFF;
    }
    b << 16 | a
}

/// Copies a chunk into the array, without what is beyond the array's end.
fn place(array: &Chunks, chunk: &Chunk, bytes: &[u8], out: &mut [u8]) -> Option<()> {
    let axes = array.shape.iter().zip(&chunk.origin).zip(&array.chunk);
    let extents = axes.map(|((dim, start), len)| Some(dim.checked_sub(*start)?.min(*len)));
    let extents: Vec<u64> = extents.collect::<Option<_>>()?;
    if extents.contains(&0) {
        return None;
    }
    let (from, to) = ((bytes, &array.chunk[..]), (out, &array.shape[..]));
    copy_box(from, to, &chunk.origin, &extents, array.fill.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the checksum's literature for the words, not the bytes, of these strings.
    #[test]
    fn checksums() {
        let swapped = |text: &str| -> Vec<u8> {
            let words = text.as_bytes().chunks(2);
            words
                .flat_map(|w| [w.get(1).copied().unwrap_or(0), w[0]])
                .collect()
        };
        assert_eq!(fletcher32(&swapped("abcde")), 0xF04F_C729);
        assert_eq!(fletcher32(&swapped("abcdefgh")), 0xEBE1_9591);
        assert_eq!(fletcher32(&[]), 0);
    }

    #[test]
    fn shuffled_bytes() {
        assert_eq!(unshuffle(b"acebdfX", 2), b"abcdefX");
        assert_eq!(unshuffle(b"ab", 3), b"ab");
        assert_eq!(unshuffle(b"", 4), b"");
    }

    #[test]
    fn chunks_at_the_edges_and_missing_ones() {
        let array = Chunks {
            shape: vec![3, 3],
            chunk: vec![2, 2],
            fill: vec![9],
            filters: vec![],
            chunks: [([0, 0], 0), ([0, 2], 4), ([2, 2], 8)]
                .map(|(origin, offset)| Chunk {
                    origin: origin.into(),
                    offset,
                    len: 4,
                    skipped: 0,
                })
                .into(),
        };
        let file = [1, 2, 4, 5, 3, 0, 6, 0, 7, 0, 0, 0u8];
        let read = |array: &Chunks, most| read(&&file[..], array, most);
        assert_eq!(read(&array, 9).unwrap(), [1, 2, 3, 4, 5, 6, 9, 9, 7]);
        assert!(read(&array, 8).is_err());
        let mut outside = array.clone();
        outside.chunks[1].origin = vec![0, 4];
        assert!(read(&outside, 100).is_err());
        let mut short = array;
        short.chunks[0].len = 3;
        assert!(read(&short, 100).is_err());
    }
}
