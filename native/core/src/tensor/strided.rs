//! Views: shape, strides and offset over a storage, in elements.

use super::Dtype;

/// Where the elements of a tensor are in its storage.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct View {
    /// Extents, slowest axis of the logical order first.
    pub shape: Vec<u64>,
    /// Distance in elements between neighbours along each axis; as long as `shape`.
    pub strides: Vec<u64>,
    /// Elements before the first one.
    pub offset: u64,
}

/// Elements of a shape; `None` on overflow.
#[must_use]
pub fn elements(shape: &[u64]) -> Option<u64> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1u64, |n, &dim| n.checked_mul(dim))
}

impl View {
    /// A C-contiguous view that starts at the storage's first byte.
    #[must_use]
    pub fn contiguous(shape: Vec<u64>) -> Self {
        let mut strides = vec![1u64; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis].saturating_mul(shape[axis].max(1));
        }
        Self {
            shape,
            strides,
            offset: 0,
        }
    }

    /// A view of one gapless run from the storage's first byte, with its axes in `order` from slowest
    /// to fastest in memory: the inverse of [`memory_order`]. Axes that `order` does not have get
    /// stride 0.
    #[must_use]
    pub fn ordered(shape: Vec<u64>, order: &[usize]) -> Self {
        let mut strides = vec![0; shape.len()];
        let mut next = 1u64;
        for &axis in order.iter().rev() {
            if let (Some(stride), Some(&dim)) = (strides.get_mut(axis), shape.get(axis)) {
                *stride = next;
                next = next.saturating_mul(dim.max(1));
            }
        }
        Self {
            shape,
            strides,
            offset: 0,
        }
    }

    /// Elements; `None` on overflow.
    #[must_use]
    pub fn elements(&self) -> Option<u64> {
        elements(&self.shape)
    }

    /// Bytes of the storage up to and including the last element; 0 for an empty tensor; `None` on
    /// overflow, on a rank mismatch, and for packed types that are not contiguous from the start.
    #[must_use]
    pub fn extent_bytes(&self, dtype: Dtype) -> Option<u64> {
        if self.shape.len() != self.strides.len() {
            return None;
        }
        if self.shape.contains(&0) {
            return Some(0);
        }
        let Some(size) = dtype.item_size() else {
            let plain = self.offset == 0 && is_c_contiguous(&self.shape, &self.strides);
            return if plain {
                dtype.byte_len(&self.shape)
            } else {
                None
            };
        };
        let mut last = self.offset;
        for (&dim, &stride) in self.shape.iter().zip(&self.strides) {
            last = last.checked_add((dim - 1).checked_mul(stride)?)?;
        }
        last.checked_add(1)?
            .checked_mul(size)
            .filter(|&n| n <= i64::MAX as u64)
    }
}

/// Are the elements one run in C order? Strides of axes of extent 1 do not matter, and none of them
/// when there are no elements.
#[must_use]
pub fn is_c_contiguous(shape: &[u64], strides: &[u64]) -> bool {
    if shape.contains(&0) {
        return true;
    }
    let mut expected = 1u64;
    for (&dim, &stride) in shape.iter().zip(strides).rev() {
        if dim != 1 && stride != expected {
            return false;
        }
        expected = expected.saturating_mul(dim);
    }
    true
}

/// The axes from slowest to fastest in memory, when the elements are one gapless run in some order
/// of the axes; `None` otherwise. C order is `[0, 1, …]`.
#[must_use]
pub fn memory_order(shape: &[u64], strides: &[u64]) -> Option<Vec<usize>> {
    if shape.len() != strides.len() {
        return None;
    }
    let mut order: Vec<usize> = (0..shape.len()).collect();
    if is_c_contiguous(shape, strides) {
        return Some(order);
    }
    // Axes of extent 1 stay where they are relative to their neighbours: their strides say nothing.
    let key = |axis: usize| {
        if shape[axis] == 1 {
            None
        } else {
            Some(strides[axis])
        }
    };
    let mut moving: Vec<usize> = order
        .iter()
        .copied()
        .filter(|&a| key(a).is_some())
        .collect();
    moving.sort_by(|&a, &b| strides[b].cmp(&strides[a]).then(a.cmp(&b)));
    let mut next = moving.into_iter();
    for slot in &mut order {
        if shape[*slot] != 1 {
            *slot = next.next()?;
        }
    }
    let permuted: (Vec<u64>, Vec<u64>) = order.iter().map(|&a| (shape[a], strides[a])).unzip();
    is_c_contiguous(&permuted.0, &permuted.1).then_some(order)
}
