//! Byte shuffle: elements to byte planes, and back.
//!
//! Plane `k` is the `k`-th byte of each element. For 2, 4 and 8 bytes the planes are reached by
//! taking every other byte, one, two and three times over, on tiles that stay in registers: that
//! is the form which compilers turn into vector code, also for the oldest x86-64.

use smallvec::SmallVec;

/// The planes of one block, in order.
pub(super) type Planes<'a> = SmallVec<[&'a [u8]; 8]>;

/// Even bytes of `x` to `a`, odd ones to `b`. All lengths fit by construction of the callers.
#[inline(always)]
fn unzip(x: &[u8], a: &mut [u8], b: &mut [u8]) {
    for ((pair, a), b) in x.as_chunks::<2>().0.iter().zip(a).zip(b) {
        // Truncating a number is vectorized, picking bytes of an array is not.
        let pair = u16::from_le_bytes(*pair);
        *a = pair as u8;
        *b = (pair >> 8) as u8;
    }
}

/// The inverse of [`unzip`].
#[inline(always)]
fn zip(a: &[u8], b: &[u8], x: &mut [u8]) {
    for ((pair, a), b) in x.as_chunks_mut::<2>().0.iter_mut().zip(a).zip(b) {
        *pair = [*a, *b];
    }
}

/// Elements that the tiled loops take at once. With fewer, compilers unroll the loops instead of
/// vectorizing them, which costs four fifths of the speed.
const TILE: usize = 64;

/// Writes the planes of `raw` to `planes`, one after the other.
///
/// `raw` has a whole number of elements, and `planes` is as long as `raw`.
pub(super) fn split(raw: &[u8], typesize: usize, planes: &mut [u8]) {
    debug_assert!(raw.len() == planes.len() && raw.len().is_multiple_of(typesize));
    let elements = raw.len() / typesize;
    if elements == 0 {
        return;
    }
    let done = match typesize {
        1 => {
            planes.copy_from_slice(raw);
            elements
        }
        2 => {
            let (a, b) = planes.split_at_mut(elements);
            unzip(raw, a, b);
            elements
        }
        4 => split4(raw, planes),
        8 => split8(raw, planes),
        _ => 0,
    };
    for (k, plane) in planes.chunks_exact_mut(elements).enumerate() {
        let rest = raw.chunks_exact(typesize).skip(done);
        for (out, element) in plane[done..].iter_mut().zip(rest) {
            *out = element[k];
        }
    }
}

/// As many whole tiles as there are; returns the elements done.
fn split4(raw: &[u8], planes: &mut [u8]) -> usize {
    let tiles = raw.as_chunks::<{ 4 * TILE }>().0;
    let mut out = tiled::<4>(planes, raw.len() / 4);
    let (mut even, mut odd) = ([0; 2 * TILE], [0; 2 * TILE]);
    for (i, tile) in tiles.iter().enumerate() {
        unzip(tile, &mut even, &mut odd);
        let [p0, p1, p2, p3] = &mut out;
        unzip(&even, &mut p0[i], &mut p2[i]);
        unzip(&odd, &mut p1[i], &mut p3[i]);
    }
    tiles.len() * TILE
}

/// As many whole tiles as there are; returns the elements done.
fn split8(raw: &[u8], planes: &mut [u8]) -> usize {
    let tiles = raw.as_chunks::<{ 8 * TILE }>().0;
    let mut out = tiled::<8>(planes, raw.len() / 8);
    for (i, tile) in tiles.iter().enumerate() {
        let (mut even, mut odd) = ([0; 4 * TILE], [0; 4 * TILE]);
        unzip(tile, &mut even, &mut odd);
        // Quarter `k` holds the bytes `k` and `k + 4` of each element.
        let mut quarters = [[0; 2 * TILE]; 4];
        let [q0, q1, q2, q3] = &mut quarters;
        unzip(&even, q0, q2);
        unzip(&odd, q1, q3);
        let (low, high) = out.split_at_mut(4);
        for ((quarter, low), high) in quarters.iter().zip(low).zip(high) {
            unzip(quarter, &mut low[i], &mut high[i]);
        }
    }
    tiles.len() * TILE
}

/// The planes, each as its whole tiles.
fn tiled<const N: usize>(planes: &mut [u8], elements: usize) -> [&mut [[u8; TILE]]; N] {
    let mut each = planes.chunks_exact_mut(elements);
    std::array::from_fn(|_| {
        each.next()
            .map_or(&mut [][..], |p| p.as_chunks_mut::<TILE>().0)
    })
}

/// Puts the elements together again. All planes have the same length, and `out` holds that many
/// elements of as many bytes as there are planes.
pub(super) fn join(planes: &Planes<'_>, out: &mut [u8]) {
    let typesize = planes.len();
    let done = match planes.as_slice() {
        [p] => {
            out.copy_from_slice(p);
            p.len()
        }
        [a, b] => {
            zip(a, b, out);
            a.len()
        }
        [a, b, c, d] => join4([a, b, c, d], out),
        [a, b, c, d, e, f, g, h] => join8([a, b, c, d, e, f, g, h], out),
        _ => 0,
    };
    for (k, plane) in planes.iter().enumerate() {
        let rest = out.chunks_exact_mut(typesize).skip(done);
        for (element, byte) in rest.zip(&plane[done..]) {
            element[k] = *byte;
        }
    }
}

/// As many whole tiles as there are; returns the elements done.
fn join4(planes: [&[u8]; 4], out: &mut [u8]) -> usize {
    let tiles = out.as_chunks_mut::<{ 4 * TILE }>().0;
    let [p0, p1, p2, p3] = planes.map(|p| p.as_chunks::<TILE>().0);
    for (i, tile) in tiles.iter_mut().enumerate() {
        let (mut even, mut odd) = ([0; 2 * TILE], [0; 2 * TILE]);
        zip(&p0[i], &p2[i], &mut even);
        zip(&p1[i], &p3[i], &mut odd);
        zip(&even, &odd, tile);
    }
    tiles.len() * TILE
}

/// As many whole tiles as there are; returns the elements done.
fn join8(planes: [&[u8]; 8], out: &mut [u8]) -> usize {
    let tiles = out.as_chunks_mut::<{ 8 * TILE }>().0;
    let planes = planes.map(|p| p.as_chunks::<TILE>().0);
    for (i, tile) in tiles.iter_mut().enumerate() {
        let mut quarters = [[0; 2 * TILE]; 4];
        for (k, quarter) in quarters.iter_mut().enumerate() {
            zip(&planes[k][i], &planes[k + 4][i], quarter);
        }
        let (mut even, mut odd) = ([0; 4 * TILE], [0; 4 * TILE]);
        zip(&quarters[0], &quarters[2], &mut even);
        zip(&quarters[1], &quarters[3], &mut odd);
        zip(&even, &odd, tile);
    }
    tiles.len() * TILE
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn planes_are_the_bytes_of_the_elements(
            typesize in 1usize..20,
            bytes in proptest::collection::vec(any::<u8>(), 0..3000),
        ) {
            let raw = &bytes[..bytes.len() / typesize * typesize];
            let elements = raw.len() / typesize;
            let mut planes = vec![0; raw.len()];
            split(raw, typesize, &mut planes);
            for (i, &byte) in raw.iter().enumerate() {
                prop_assert_eq!(planes[i % typesize * elements + i / typesize], byte);
            }
            let mut back = vec![0; raw.len()];
            if elements > 0 {
                join(&planes.chunks_exact(elements).collect(), &mut back);
            }
            prop_assert_eq!(back, raw);
        }
    }
}
