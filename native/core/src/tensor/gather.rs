//! Gathering: the values of any view, in C order, through bounded memory.
//!
//! In go a view, a way to read its storage, and a budget; out come its bytes in logical order, tile by
//! tile. A tile is a box of the logical tensor, as many of the slowest rows as the budget holds, so
//! that a run of memory which crosses the rows is read in pieces as long as possible. Inside a tile,
//! axes whose neighbours are close together in memory are read through in one window, with their
//! gaps; windows are collected in a stage that fits the processor's cache, and `ndarray` moves the
//! elements from there. Refused: element sizes other than 1, 2, 4, 8 and 16, and views that overflow.

use ndarray::{ArrayView, ArrayViewMut, Axis as NdAxis, IxDyn, ShapeBuilder, Slice};

use super::View;
use crate::{Error, Result};

/// Memory for a tile when the caller does not say: 8 MiB.
pub const GATHER_BUDGET: usize = 8 << 20;

/// Memory that is read before elements are moved; fits the second-level cache.
const STAGE: usize = 256 << 10;
/// Gaps up to this many bytes are read rather than skipped: a call costs as much.
const GAP: u64 = 2048;

/// Feeds the values of `view` to `sink` in C order, in pieces of whole elements.
///
/// `read(offset, out)` fills `out` with the bytes of the storage from `offset`; it is only asked for
/// bytes inside [`View::extent_bytes`]. Memory in use is [`GATHER_BUDGET`] and 256 KiB.
///
/// # Errors
/// Those of `read` and `sink`; [`Error::Invalid`] for what the module refuses.
pub fn gather(
    view: &View,
    element_size: usize,
    read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    sink: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    gather_within(view, element_size, GATHER_BUDGET, read, sink)
}

/// [`gather`] with another budget, in bytes. A matrix of `c` columns that is stored by columns is read
/// in runs of about `budget / c` bytes, so this is what its speed depends on.
///
/// # Errors
/// As [`gather`].
pub fn gather_within(
    view: &View,
    element_size: usize,
    budget: usize,
    read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    sink: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    match element_size {
        1 => tiles::<1>(view, budget, read, sink),
        2 => tiles::<2>(view, budget, read, sink),
        4 => tiles::<4>(view, budget, read, sink),
        8 => tiles::<8>(view, budget, read, sink),
        16 => tiles::<16>(view, budget, read, sink),
        _ => Err(invalid("elements have 1, 2, 4, 8 or 16 bytes")),
    }
}

fn invalid(rule: &str) -> Error {
    Error::invalid("view", rule)
}

/// An axis: extent, and distance of neighbours in the storage, in elements.
#[derive(Clone, Copy)]
struct Axis {
    dim: usize,
    stride: u64,
}

/// The axes of a view without those of extent 1, neighbours that are one run joined; or an error when
/// the last element's position in bytes is no 63-bit number.
fn axes<const N: usize>(view: &View) -> Result<Vec<Axis>> {
    let overflow = || invalid("positions are at most 2^63 - 1");
    if view.shape.len() != view.strides.len() {
        return Err(invalid("there is a stride for each extent"));
    }
    let mut last = view.offset;
    let mut axes: Vec<Axis> = Vec::new();
    for (&dim, &stride) in view.shape.iter().zip(&view.strides) {
        let reach = (dim - 1).checked_mul(stride).ok_or_else(overflow)?;
        last = last.checked_add(reach).ok_or_else(overflow)?;
        let dim = usize::try_from(dim).map_err(|_| overflow())?;
        match axes.last_mut() {
            _ if dim == 1 => {}
            Some(outer) if stride.checked_mul(dim as u64) == Some(outer.stride) => {
                outer.dim = outer.dim.checked_mul(dim).ok_or_else(overflow)?;
                outer.stride = stride;
            }
            _ => axes.push(Axis { dim, stride }),
        }
    }
    last.checked_add(1)
        .and_then(|n| n.checked_mul(N as u64))
        .filter(|&n| n <= i64::MAX as u64)
        .ok_or_else(overflow)?;
    Ok(axes)
}

/// Cuts the view into tiles and gathers each.
fn tiles<const N: usize>(
    view: &View,
    budget: usize,
    mut read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    mut sink: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    if view.shape.contains(&0) {
        return Ok(());
    }
    let axes = axes::<N>(view)?;
    // The last axes are whole in a tile, as many as fit; one is cut into rows; those before it are
    // taken step by step.
    let (mut cut, mut row) = (axes.len(), 1usize);
    while cut > 0 {
        match row.checked_mul(axes[cut - 1].dim) {
            Some(more) if more <= budget / N => row = more,
            _ => break,
        }
        cut -= 1;
    }
    let mut tile = axes[cut.saturating_sub(1)..].to_vec();
    let (outer, rows, stride) = match cut.checked_sub(1) {
        Some(cut) => (&axes[..cut], axes[cut].dim, axes[cut].stride),
        None => (&axes[..0], 1, 0),
    };
    let step = if cut == 0 {
        1
    } else {
        (budget / N / row).clamp(1, rows)
    };
    let mut out = vec![0; step * row * N];
    let mut stage = Vec::new();
    let mut index = vec![0; outer.len()];
    loop {
        let base = index.iter().zip(outer).map(|(&i, a)| i as u64 * a.stride);
        let base = view.offset + base.sum::<u64>();
        for first in (0..rows).step_by(step) {
            let count = step.min(rows - first);
            if cut > 0 {
                tile[0].dim = count;
            }
            let out = &mut out[..count * row * N];
            let origin = base + first as u64 * stride;
            boxed::<N>(&tile, origin, out, &mut stage, &mut read)?;
            sink(out)?;
        }
        if !advance(&mut index, outer.iter().map(|a| (a.dim, 1))) {
            return Ok(());
        }
    }
}

/// Steps to the next index, last axis fastest, given extents and steps; false after the last.
fn advance(
    index: &mut [usize],
    extents: impl DoubleEndedIterator<Item = (usize, usize)> + ExactSizeIterator,
) -> bool {
    for (i, (dim, step)) in index.iter_mut().zip(extents).rev() {
        *i += step;
        if *i < dim {
            return true;
        }
        *i = 0;
    }
    false
}

/// Gathers a box, whose C-order bytes are `out`. `origin` is the element it begins with.
fn boxed<const N: usize>(
    axes: &[Axis],
    origin: u64,
    out: &mut [u8],
    stage: &mut Vec<u8>,
    read: &mut impl FnMut(u64, &mut [u8]) -> Result<()>,
) -> Result<()> {
    if axes.is_empty() || (axes.len() == 1 && axes[0].stride == 1) {
        return read(origin * N as u64, out);
    }
    let plan = Plan::new::<N>(axes);
    let dims: Vec<usize> = axes.iter().map(|a| a.dim).collect();
    let mut out = ArrayViewMut::from_shape(IxDyn(&dims), out.as_chunks_mut::<N>().0)
        .map_err(|e| Error::Internal(e.to_string()))?;
    let mut index = vec![0; axes.len()];
    loop {
        let mut part = out.view_mut();
        let mut shape = vec![0; axes.len()];
        let mut start = origin;
        for (a, axis) in axes.iter().enumerate() {
            shape[a] = plan.steps[a].min(axis.dim - index[a]);
            part.slice_axis_inplace(NdAxis(a), Slice::from(index[a]..index[a] + shape[a]));
            start += index[a] as u64 * axis.stride;
        }
        // A window that was cut short at the end of its axis ends earlier.
        let mut window = 1;
        for (a, axis) in axes.iter().enumerate() {
            if Some(a) != plan.batch {
                window += (shape[a] - 1) * axis.stride as usize;
            }
        }
        let (windows, apart, batch_stride) = match plan.batch {
            Some(a) => (shape[a], plan.apart, axes[a].stride),
            None => (1, window, 0),
        };
        let bytes = ((windows - 1) * apart + window) * N;
        if stage.len() < bytes {
            stage.resize(bytes, 0);
        }
        for i in 0..windows {
            let at = start + i as u64 * batch_stride;
            read(at * N as u64, &mut stage[i * apart * N..][..window * N])?;
        }
        let strides: Vec<usize> = axes
            .iter()
            .enumerate()
            .map(|(a, axis)| match plan.batch {
                Some(batch) if a == batch => apart,
                // Strides of axes of extent 1 are not used, and may be larger than the stage.
                _ if shape[a] == 1 => 0,
                _ => axis.stride as usize,
            })
            .collect();
        let staged = stage[..bytes].as_chunks::<N>().0;
        let staged = ArrayView::from_shape(IxDyn(&shape).strides(IxDyn(&strides)), staged)
            .map_err(|e| Error::Internal(e.to_string()))?;
        part.assign(&staged);
        let extents = axes.iter().zip(&plan.steps).map(|(a, &step)| (a.dim, step));
        if !advance(&mut index, extents) {
            return Ok(());
        }
    }
}

/// How a box is read.
struct Plan {
    /// Along each axis, how much of it one filling of the stage has.
    steps: Vec<usize>,
    /// The axis along which the stage holds several windows.
    batch: Option<usize>,
    /// Distance of windows in the stage, in elements.
    apart: usize,
}

impl Plan {
    fn new<const N: usize>(axes: &[Axis]) -> Self {
        let mut nearest: Vec<usize> = (0..axes.len()).collect();
        nearest.sort_by_key(|&a| axes[a].stride);
        let limit = (STAGE / N) as u64;
        // The window: from the nearest neighbours outwards, while the gaps are small.
        let mut window = 1u64;
        let mut steps = vec![1; axes.len()];
        let mut loops = Vec::new();
        let mut open = true;
        for a in nearest {
            let Axis { dim, stride } = axes[a];
            if !open || stride.saturating_sub(window).saturating_mul(N as u64) > GAP {
                open = false;
                loops.push(a);
                continue;
            }
            let fit = limit.saturating_sub(window).checked_div(stride);
            let fit = fit.map_or(dim, |n| n.saturating_add(1).min(dim as u64) as usize);
            steps[a] = fit;
            window += (fit as u64 - 1) * stride;
            open = fit == dim;
        }
        // Several windows at once, so that what is moved together is near in the output too: along
        // the axis that is fastest there. Their distance in the stage is no power of two, which
        // would put them all into the same lines of the cache.
        let batch = loops.into_iter().max();
        let apart = window as usize + 64 / N.min(64);
        if let Some(a) = batch {
            steps[a] = (limit as usize / apart).clamp(1, axes[a].dim);
        }
        Self {
            steps,
            batch,
            apart,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::memory_order;
    use proptest::prelude::*;

    /// Element by element.
    fn naive(view: &View, n: usize, storage: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let count = view.elements().unwrap();
        for mut i in 0..count {
            let mut at = view.offset;
            for (&dim, &stride) in view.shape.iter().zip(&view.strides).rev() {
                at += i % dim * stride;
                i /= dim;
            }
            out.extend_from_slice(&storage[at as usize * n..][..n]);
        }
        out
    }

    fn check(view: &View, n: usize, budget: usize) {
        let mut last = view.offset;
        for (&d, &s) in view.shape.iter().zip(&view.strides) {
            last += d.saturating_sub(1) * s;
        }
        let storage: Vec<u8> = (0..(last as usize + 1) * n)
            .map(|i| (i * 31 + i / 251) as u8)
            .collect();
        let (mut out, mut largest) = (Vec::new(), 0);
        gather_within(
            view,
            n,
            budget,
            |offset, buf| {
                buf.copy_from_slice(&storage[offset as usize..][..buf.len()]);
                Ok(())
            },
            |bytes| {
                largest = largest.max(bytes.len());
                out.extend_from_slice(bytes);
                Ok(())
            },
        )
        .unwrap();
        assert!(out == naive(view, n, &storage), "{view:?} {n} {budget}");
        assert!(largest <= budget.max(n));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn like_the_naive_gather(
            axes in prop::collection::vec((0u64..9, 0u64..40), 0..5),
            offset in 0u64..20,
            n in prop::sample::select(&[1usize, 2, 4, 8, 16]),
            budget in prop::sample::select(&[1usize, 100, 1000, 1 << 20]),
        ) {
            let (shape, strides) = axes.into_iter().unzip();
            check(&View { shape, strides, offset }, n, budget);
        }

        #[test]
        fn permuted_and_stepped(
            shape in prop::collection::vec(1u64..30, 1..4),
            order in any::<prop::sample::Index>(),
            step in 1u64..4,
            n in prop::sample::select(&[1usize, 2, 4, 8, 16]),
            budget in prop::sample::select(&[64usize, 5000, 1 << 20]),
        ) {
            let mut axes: Vec<usize> = (0..shape.len()).collect();
            axes.rotate_left(order.index(shape.len()));
            if order.index(2) == 1 {
                axes.reverse();
            }
            let mut view = View::ordered(shape.clone(), &axes);
            let found = memory_order(&view.shape, &view.strides).unwrap();
            let again = View::ordered(shape, &found);
            for (a, &dim) in view.shape.iter().enumerate() {
                prop_assert!(dim == 1 || again.strides[a] == view.strides[a]);
            }
            check(&view, n, budget);
            for stride in &mut view.strides {
                *stride *= step;
            }
            check(&view, n, budget);
        }
    }

    #[test]
    fn windows_larger_than_the_stage() {
        for (shape, strides) in [
            // A transposed matrix of many tiles, with long and with short gaps.
            (vec![700, 900], vec![1, 700]),
            (vec![3000, 300], vec![1, 3000]),
            (vec![40, 20_000], vec![1, 40]),
            // Steps that spread one row over more than the stage.
            (vec![2, 70_000], vec![140_001, 2]),
            (vec![50, 3000], vec![1, 1000]),
            // Channels last, expanded, overlapping.
            (vec![5, 64, 300], vec![19_200, 1, 64]),
            (vec![1000, 300], vec![0, 1]),
            (vec![300, 1000], vec![1, 0]),
            (vec![900, 1000], vec![1, 1]),
            (vec![10, 3, 200, 5], vec![7, 5000, 20, 4001]),
        ] {
            for (n, budget) in [(2, 100_000), (4, 1 << 20), (16, 300_000)] {
                check(
                    &View {
                        shape: shape.clone(),
                        strides: strides.clone(),
                        offset: 3,
                    },
                    n,
                    budget,
                );
            }
        }
    }

    #[test]
    fn refused() {
        let run = |view: &View, n| gather(view, n, |_, _| Ok(()), |_| Ok(()));
        let view = |shape: &[u64], strides: &[u64]| View {
            shape: shape.to_vec(),
            strides: strides.to_vec(),
            offset: 0,
        };
        assert!(run(&view(&[2], &[1]), 3).is_err());
        assert!(run(&view(&[2], &[1, 1]), 2).is_err());
        assert!(run(&view(&[2, 3], &[u64::MAX, 1]), 2).is_err());
        assert!(run(&view(&[2, 3], &[1 << 62, 1]), 2).is_err());
        let fail = |_: u64, _: &mut [u8]| Err(Error::Cancelled);
        assert!(gather(&view(&[2, 2], &[1, 2]), 2, fail, |_| Ok(())).is_err());
    }
}
