//! Do boxes cover a tensor, each element once?
//!
//! In: a shape, and boxes by offsets and sizes. Out: nothing, or what is wrong. Refused: boxes outside the
//! shape, holes, overlaps; and cuts so irregular that finding out would take much longer than reading them.
//! Along each axis, the offsets of all boxes cut the shape into a grid. Boxes of a regular cut are one cell
//! each; no cell may be in two boxes, and together they must have as many elements as the shape.

use std::collections::HashSet;

use crate::tensor::elements;

/// A part of a tensor: its first element, and its extents.
pub(super) type Cell = (Vec<u64>, Vec<u64>);

/// Cells that may be looked at: for each box, and besides.
const CELLS: usize = 4;
const MORE_CELLS: usize = 4096;

/// # Errors
/// What is wrong, in words.
pub(super) fn check(shape: &[u64], boxes: &[Cell]) -> Result<(), &'static str> {
    let inside = |(offsets, sizes): &Cell| {
        offsets.len() == shape.len()
            && sizes.len() == shape.len()
            && (0..shape.len()).all(|axis| {
                let end = offsets[axis].checked_add(sizes[axis]);
                end.is_some_and(|end| end <= shape[axis])
            })
    };
    if !boxes.iter().all(inside) {
        return Err("a part lies outside the tensor");
    }
    let total = elements(shape).ok_or("the tensor is too large")?;
    let filled = boxes.iter().filter(|(_, sizes)| !sizes.contains(&0));
    let filled: Vec<&Cell> = filled.collect();
    let sum = filled
        .iter()
        .try_fold(0u64, |sum, (_, sizes)| sum.checked_add(elements(sizes)?));

    let cuts: Vec<Vec<u64>> = (0..shape.len())
        .map(|axis| {
            let mut cuts: Vec<u64> = filled.iter().map(|(offsets, _)| offsets[axis]).collect();
            cuts.sort_unstable();
            cuts.dedup();
            cuts
        })
        .collect();
    let mut taken = HashSet::with_capacity(filled.len());
    let mut budget = filled.len().saturating_mul(CELLS) + MORE_CELLS;
    for (offsets, sizes) in filled {
        // The cells of the box, along each axis.
        let ranges: Vec<(usize, usize)> = (0..shape.len())
            .map(|axis| {
                let end = offsets[axis] + sizes[axis];
                let from = cuts[axis].partition_point(|&cut| cut < offsets[axis]);
                let to = cuts[axis].partition_point(|&cut| cut < end);
                (from, to)
            })
            .collect();
        let mut cell: Vec<usize> = ranges.iter().map(|range| range.0).collect();
        loop {
            budget = budget
                .checked_sub(1)
                .ok_or("its parts are cut too irregularly to be checked")?;
            if !taken.insert(cell.clone()) {
                return Err("its parts overlap");
            }
            let next = (0..cell.len())
                .rev()
                .find(|&axis| cell[axis] + 1 < ranges[axis].1);
            let Some(axis) = next else {
                break;
            };
            cell[axis] += 1;
            for later in axis + 1..cell.len() {
                cell[later] = ranges[later].0;
            }
        }
    }
    if sum != Some(total) {
        return Err("its parts leave holes");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(list: &[(&[u64], &[u64])]) -> Vec<Cell> {
        list.iter().map(|(o, s)| (o.to_vec(), s.to_vec())).collect()
    }

    #[test]
    fn covers() {
        for (shape, boxes) in [
            (&[][..], &[(&[][..], &[][..])][..]),
            (&[4, 2], &[(&[0, 0], &[4, 2])]),
            (&[4, 2], &[(&[3, 0], &[1, 2]), (&[0, 0], &[3, 2])]),
            (&[0, 2], &[]),
            (&[0, 2], &[(&[0, 0], &[0, 2])]),
            (&[2], &[(&[0], &[2]), (&[2], &[0])]),
            // Rows of different cuts.
            (
                &[2, 3],
                &[
                    (&[0, 0], &[1, 1]),
                    (&[0, 1], &[1, 2]),
                    (&[1, 0], &[1, 2]),
                    (&[1, 2], &[1, 1]),
                ],
            ),
        ] {
            assert_eq!(check(shape, &cells(boxes)), Ok(()), "{shape:?} {boxes:?}");
        }
    }

    #[test]
    fn does_not_cover() {
        for (shape, boxes, rule) in [
            (&[4][..], &[][..], "holes"),
            (&[], &[], "holes"),
            (&[], &[(&[][..], &[][..]), (&[], &[])], "overlap"),
            (&[4], &[(&[0], &[3])], "holes"),
            (&[4], &[(&[0], &[2]), (&[3], &[1])], "holes"),
            (&[4], &[(&[0], &[3]), (&[2], &[2])], "overlap"),
            // As many elements as there should be.
            (&[4], &[(&[0], &[2]), (&[0], &[2])], "overlap"),
            (
                &[2, 2],
                &[(&[0, 0], &[2, 1]), (&[0, 0], &[1, 2])],
                "overlap",
            ),
            (&[4], &[(&[0], &[5])], "outside"),
            (&[4], &[(&[u64::MAX], &[2])], "outside"),
            (&[4], &[(&[0, 0], &[4, 1])], "outside"),
            (&[u64::MAX, 2], &[(&[0, 0], &[1, 1])], "too large"),
        ] {
            let broken = check(shape, &cells(boxes)).expect_err(rule);
            assert!(broken.contains(rule), "{shape:?} {boxes:?}: {broken}");
        }
    }

    #[test]
    fn many_parts() {
        let start = std::time::Instant::now();
        let n = 200_000;
        let rows: Vec<Cell> = (0..n).map(|row| (vec![row, 0], vec![1, 8])).collect();
        assert_eq!(check(&[n, 8], &rows), Ok(()));
        // Each a row, of which each of many columns is cut by another.
        let columns = (0..n).map(|column| (vec![n, column], vec![1, 1]));
        let irregular: Vec<Cell> = (0..n)
            .map(|row| (vec![row, 0], vec![1, n]))
            .chain(columns)
            .collect();
        let broken = check(&[n + 1, n], &irregular).unwrap_err();
        assert!(broken.contains("irregularly"));
        assert!(start.elapsed() < std::time::Duration::from_secs(20));
    }
}
