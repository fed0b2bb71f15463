//! The grid: which range of an array's memory each chunk holds, and what its key is.
//!
//! Of the axes in memory order, those before one are cut into single steps, that one into rows, and
//! those after it not at all; so a chunk is a contiguous range of memory. Zarr stores chunks at the
//! end of an axis at full size. Only the split axis can have such an end, hence what is missing is
//! missing at the end of the chunk: its raw bytes are the range and then zero bits.

use std::fmt::Write as _;
use std::ops::Range;

use super::StoredArray;

/// Bytes that a chunk is to have, about: 16 MiB. No chunk has twice as many.
const TARGET: u64 = 1 << 24;

/// The chunks of an array, in order of memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    /// In the order of the array's axes.
    chunk_shape: Vec<u64>,
    /// Position in memory order -> axis.
    order: Vec<usize>,
    /// Number of chunks along each axis in memory order.
    counts: Vec<u64>,
    /// Chunks along the split axis.
    rows: u64,
    /// Bytes from one step of the axes before the split axis to the next.
    step: u64,
    /// Bytes of a full chunk.
    chunk: u64,
    /// All chunks; 0 without elements.
    count: u64,
}

impl Grid {
    pub(super) fn new(stored: &StoredArray) -> Self {
        Self::with_target(stored, TARGET)
    }

    fn with_target(stored: &StoredArray, target: u64) -> Self {
        let shape = stored.shape();
        let rank = shape.len();
        let order = stored
            .order()
            .map_or_else(|| (0..rank).collect(), <[usize]>::to_vec);
        let element = stored.element_size() as u64;
        if stored.size() == 0 {
            return Self {
                chunk_shape: vec![1; rank],
                order,
                counts: vec![0; rank],
                rows: 0,
                step: 0,
                chunk: element,
                count: 0,
            };
        }
        // No overflow below: with all extents at least 1, every product is at most the size.
        let mut chunk_shape = shape.to_vec();
        let mut counts = vec![1; rank];
        let (mut step, mut chunk, mut rows, mut count) = (stored.size(), stored.size(), 1, 1);
        for (position, &axis) in order.iter().enumerate() {
            if step <= target {
                break;
            }
            let row = step / shape[axis];
            if row <= target {
                let extent = shape[axis].div_ceil(step.div_ceil(target));
                rows = shape[axis].div_ceil(extent);
                chunk_shape[axis] = extent;
                counts[position] = rows;
                chunk = extent * row;
                count *= rows;
                break;
            }
            chunk_shape[axis] = 1;
            counts[position] = shape[axis];
            count *= shape[axis];
            step = row;
            chunk = row;
        }
        Self {
            chunk_shape,
            order,
            counts,
            rows,
            step,
            chunk,
            count,
        }
    }

    /// Zarr's `chunk_shape`, in the order of the array's axes.
    #[must_use]
    pub fn chunk_shape(&self) -> &[u64] {
        &self.chunk_shape
    }

    /// Number of chunks. A list of chunks from outside is to be compared with it before anything
    /// is allocated by it.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of every decoded chunk, padding included; under 32 MiB.
    #[must_use]
    pub fn chunk_bytes(&self) -> usize {
        self.chunk as usize
    }

    /// The bytes of memory that chunk `i` holds; what is missing to [`Self::chunk_bytes`] is
    /// padding, zero bits at the end. Empty for an `i` that is no chunk.
    #[must_use]
    pub fn range(&self, i: u64) -> Range<u64> {
        if i >= self.count {
            return 0..0;
        }
        let base = i / self.rows * self.step;
        let start = base + i % self.rows * self.chunk;
        start..(start + self.chunk).min(base + self.step)
    }

    /// The key of chunk `i`: `c`, and its indices along the array's own axes, joined by `.`.
    #[must_use]
    pub fn key(&self, i: u64) -> String {
        let mut indices = vec![0; self.order.len()];
        let mut rest = i;
        for (&axis, &count) in self.order.iter().zip(&self.counts).rev() {
            let count = count.max(1);
            indices[axis] = rest % count;
            rest /= count;
        }
        let mut key = String::from("c");
        for index in indices {
            let _ = write!(key, ".{index}");
        }
        key
    }

    /// All keys, in order of memory.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        (0..self.count).map(|i| self.key(i)).collect()
    }
}

#[cfg(test)]
mod tests;
