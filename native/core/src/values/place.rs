//! Boxes of elements, copied to their places in an array.
//!
//! In: a box and an array in C order, and where the box begins in the array. Out: the array with the
//! elements. Refused: elements that are outside either.

/// Copies the first `extents` of a box to `origin` in an array; an element has `item` bytes. `None` when
/// not all of them are in both.
pub(crate) fn copy_box(
    (values, sizes): (&[u8], &[u64]),
    (out, shape): (&mut [u8], &[u64]),
    origin: &[u64],
    extents: &[u64],
    item: usize,
) -> Option<()> {
    if extents.contains(&0) {
        return Some(());
    }
    let rank = shape.len();
    if sizes.len() != rank || origin.len() != rank || extents.len() != rank {
        return None;
    }
    for axis in 0..rank {
        let end = origin[axis].checked_add(extents[axis])?;
        if extents[axis] > sizes[axis] || end > shape[axis] {
            return None;
        }
    }
    let (&width, outer) = extents.split_last().unwrap_or((&1, &[]));
    let width = usize::try_from(width).ok()?.checked_mul(item)?;
    let mut index = vec![0; rank];
    loop {
        let there = index.iter().zip(origin).map(|(i, start)| i + start);
        let to = position(shape, there, item)?;
        let from = position(sizes, index.iter().copied(), item)?;
        let row = values.get(from..from.checked_add(width)?)?;
        out.get_mut(to..to.checked_add(width)?)?
            .copy_from_slice(row);
        let next = (0..outer.len())
            .rev()
            .find(|&axis| index[axis] + 1 < outer[axis]);
        let Some(axis) = next else {
            return Some(());
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}

/// Bytes before an element.
fn position(shape: &[u64], index: impl Iterator<Item = u64>, item: usize) -> Option<usize> {
    let at = shape
        .iter()
        .zip(index)
        .try_fold(0u64, |at, (&dim, i)| at.checked_mul(dim)?.checked_add(i))?;
    usize::try_from(at).ok()?.checked_mul(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(sizes: &[u64], shape: &[u64], origin: &[u64], extents: &[u64]) -> Option<Vec<u8>> {
        let bytes = |shape: &[u64]| 2 * shape.iter().product::<u64>() as usize;
        let values: Vec<u8> = (1..).take(bytes(sizes)).collect();
        let mut out = vec![0; bytes(shape)];
        copy_box((&values, sizes), (&mut out, shape), origin, extents, 2)?;
        Some(out)
    }

    #[test]
    fn inside() {
        assert_eq!(copied(&[], &[], &[], &[]), Some(vec![1, 2]));
        let all = copied(&[2, 2], &[2, 3], &[0, 1], &[2, 2]);
        assert_eq!(all, Some(vec![0, 0, 1, 2, 3, 4, 0, 0, 5, 6, 7, 8]));
        let column = copied(&[2, 2], &[2, 3], &[0, 2], &[2, 1]);
        assert_eq!(column, Some(vec![0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 6]));
        let planes = copied(&[2, 1, 1], &[3, 1, 1], &[1, 0, 0], &[2, 1, 1]);
        assert_eq!(planes, Some(vec![0, 0, 1, 2, 3, 4]));
        assert_eq!(copied(&[0], &[1], &[1], &[0]), Some(vec![0, 0]));
    }

    #[test]
    fn outside() {
        for (sizes, shape, origin, extents) in [
            (&[2][..], &[3][..], &[2][..], &[2][..]),
            (&[2, 2], &[2, 3], &[0, 2], &[2, 2]),
            (&[2], &[3], &[0], &[3]),
            (&[2], &[3], &[u64::MAX], &[2]),
            (&[2], &[3], &[0, 0], &[2]),
            (&[2], &[3, 1], &[0], &[2]),
        ] {
            assert_eq!(copied(sizes, shape, origin, extents), None, "{shape:?}");
        }
        let mut out = [0; 4];
        assert_eq!(
            copy_box((&[1], &[2]), (&mut out, &[4]), &[0], &[2], 1),
            None
        );
    }
}
