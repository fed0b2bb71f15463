use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::tensor::{Dtype, View};

fn grid(dtype: Dtype, shape: &[u64], order: Option<&[usize]>) -> Grid {
    StoredArray::tensor(dtype, shape, order).unwrap().grid()
}

#[test]
fn shapes_of_the_specification() {
    let chunks = |shape: &[u64]| grid(Dtype::Float32, shape, None).chunk_shape().to_vec();
    assert_eq!(chunks(&[]), [0u64; 0]);
    assert_eq!(chunks(&[2048, 2048]), [2048, 2048]);
    // 16 MiB and a row: two chunks of equal rows.
    assert_eq!(chunks(&[2049, 2048]), [1025, 2048]);
    assert_eq!(chunks(&[5_000_000]), [2_500_000]);
    // A row over the target.
    assert_eq!(chunks(&[3, 4096, 2048]), [1, 2048, 2048]);
    assert_eq!(chunks(&[3, 2, 4096, 2048]), [1, 1, 2048, 2048]);
    assert_eq!(chunks(&[0, 5]), [1, 1]);
    let g = grid(Dtype::Float32, &[4096, 2048, 3], Some(&[2, 0, 1]));
    assert_eq!(g.chunk_shape(), [2048, 2048, 1]);
    assert_eq!(
        g.keys(),
        [
            "c.0.0.0", "c.1.0.0", "c.0.0.1", "c.1.0.1", "c.0.0.2", "c.1.0.2"
        ]
    );
    assert_eq!(grid(Dtype::UInt8, &[], None).keys(), ["c"]);
    assert_eq!(grid(Dtype::UInt8, &[3, 0], None).count(), 0);
    assert_eq!(grid(Dtype::UInt8, &[3, 0], None).range(0), 0..0);
}

/// Extents whose products are around powers of the target.
fn shape() -> impl Strategy<Value = Vec<u64>> {
    let extent = prop_oneof![
        2 => 1u64..5,
        2 => 1u64..300,
        1 => 1u64..70_000,
        1 => Just(1u64),
        1 => Just(4096u64),
    ];
    prop::collection::vec(extent, 0..6).prop_filter("at most 64 GiB", |s| {
        s.iter()
            .try_fold(1u64, |n, &d| n.checked_mul(d).filter(|&n| n < 1 << 32))
            .is_some()
    })
}

/// A random order that says something, from a shuffle of the axes of extents over 1.
fn order(shape: &[u64], seed: u64) -> Option<Vec<usize>> {
    let moving: Vec<usize> = (0..shape.len()).filter(|&a| shape[a] != 1).collect();
    let mut shuffled = moving.clone();
    let mut x = seed;
    for i in (1..shuffled.len()).rev() {
        x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        shuffled.swap(i, (x >> 33) as usize % (i + 1));
    }
    let mut order: Vec<usize> = (0..shape.len()).collect();
    for (slot, axis) in moving.into_iter().zip(shuffled) {
        order[slot] = axis;
    }
    (!order.is_sorted()).then_some(order)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn ranges_tile_the_memory_in_order(
        shape in shape(),
        seed in any::<u64>(),
        dtype in prop::sample::select(Dtype::ALL),
    ) {
        let order = dtype.item_size().and_then(|_| order(&shape, seed));
        let Ok(stored) = StoredArray::tensor(dtype, &shape, order.as_deref()) else {
            return Ok(());
        };
        let grid = stored.grid();
        let elements: u64 = grid.chunk_shape().iter().product();
        prop_assert_eq!(elements * stored.element_size() as u64, grid.chunk_bytes() as u64);
        prop_assert!(grid.chunk_bytes() < 2 << 24);
        prop_assert!(grid.chunk_bytes().is_multiple_of(usize::from(stored.class().typesize)));
        let by_axes: u64 = stored.shape().iter().zip(grid.chunk_shape())
            .map(|(s, c)| s.div_ceil(*c)).product();
        prop_assert_eq!(by_axes, grid.count());
        let mut at = 0;
        for i in 0..grid.count().min(5000) {
            let range = grid.range(i);
            prop_assert_eq!(range.start, at);
            prop_assert!(range.end > at && range.end - at <= grid.chunk_bytes() as u64);
            at = range.end;
        }
        if grid.count() <= 5000 {
            prop_assert_eq!(at, stored.size());
        }
    }

    /// What a Zarr reader does, element by element: regular grid, transpose, C order, padding. The
    /// target is too large for that, so the shape of the cut is scaled down: it is the same code.
    #[test]
    fn chunks_are_those_of_zarr(
        shape in prop::collection::vec(1u64..7, 0..5),
        seed in any::<u64>(),
        target in 1u64..200,
    ) {
        let order = order(&shape, seed);
        let stored = StoredArray::tensor(Dtype::UInt16, &shape, order.as_deref()).unwrap();
        let grid = Grid::with_target(&stored, target);
        let axes = order.unwrap_or_else(|| (0..shape.len()).collect());
        let memory = View::ordered(shape.clone(), &axes);
        let chunk = View::ordered(grid.chunk_shape().to_vec(), &axes);
        let positions: HashMap<String, u64> =
            (0..grid.count()).map(|i| (grid.key(i), i)).collect();
        prop_assert_eq!(positions.len() as u64, grid.count());
        let elements: u64 = shape.iter().product();
        for n in 0..elements {
            let mut rest = n;
            let (mut in_memory, mut in_chunk, mut indices) = (0, 0, vec![0; shape.len()]);
            for a in (0..shape.len()).rev() {
                let i = rest % shape[a];
                rest /= shape[a];
                in_memory += i * memory.strides[a];
                in_chunk += i % grid.chunk_shape()[a] * chunk.strides[a];
                indices[a] = i / grid.chunk_shape()[a];
            }
            let key: String = indices.iter().map(|i| format!(".{i}")).collect();
            let range = grid.range(positions[&format!("c{key}")]);
            prop_assert_eq!(range.start + 2 * in_chunk, 2 * in_memory);
            prop_assert!(range.contains(&(2 * in_memory)));
        }
    }
}
