//! What a sample of a byte plane says about how well it compresses.
//!
//! Whole numbers only, and the same positions every time: the answer decides the bytes of a chunk,
//! which must not depend on the machine.

/// Bytes that are looked at; planes up to this long are looked at as a whole.
const SAMPLE: usize = 8192;
/// The sample is this many runs, spread evenly over the plane.
const RUNS: usize = 64;
/// Fraction bits of the logarithms.
const FRACTION: u32 = 16;

/// How to compress a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// It is noise: over 7.9 bits of entropy per byte.
    Store,
    /// One value makes up over 90 % of it: look for repetitions.
    Repetitive,
    /// Values have different frequencies: Huffman codes, no search for repetitions.
    Skewed,
}

/// Looks at a plane.
pub(super) fn advise(plane: &[u8]) -> Advice {
    let mut counts = [[0u32; 256]; 2];
    let mut count = |run: &[u8]| {
        // Two tables, so that equal neighbours do not wait for each other.
        let (pairs, rest) = run.as_chunks::<2>();
        for [a, b] in pairs {
            counts[0][usize::from(*a)] += 1;
            counts[1][usize::from(*b)] += 1;
        }
        for a in rest {
            counts[0][usize::from(*a)] += 1;
        }
    };
    let total = if plane.len() <= SAMPLE {
        count(plane);
        plane.len()
    } else {
        let run = SAMPLE / RUNS;
        for i in 0..RUNS {
            let at = (plane.len() - run) / (RUNS - 1) * i;
            count(&plane[at..at + run]);
        }
        SAMPLE
    };
    let [first, second] = counts;
    let counts = first.iter().zip(&second).map(|(a, b)| u64::from(a + b));
    let total = total as u64;

    // entropy × total = total × log2(total) − Σ count × log2(count)
    let (mut most, mut sum) = (0, 0);
    for count in counts.filter(|&c| c > 0) {
        most = most.max(count);
        sum += count * log2(count);
    }
    let entropy = (total * log2(total.max(1))).saturating_sub(sum);
    if most * 10 > total * 9 {
        Advice::Repetitive
    } else if entropy * 10 > total * (79 << FRACTION) {
        Advice::Store
    } else {
        Advice::Skewed
    }
}

/// Logarithm to base 2 with [`FRACTION`] bits after the point, of the eight highest bits of `n > 0`.
fn log2(n: u64) -> u64 {
    let exponent = n.ilog2();
    let leading = if exponent >= 8 {
        n >> (exponent - 8)
    } else {
        n << (8 - exponent)
    };
    (u64::from(exponent) << FRACTION) + u64::from(LOG2[(leading & 255) as usize])
}

/// `log2(1 + i / 256)`, [`FRACTION`] bits after the point.
const LOG2: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        // x in [1, 2) with 31 bits after the point; each squaring yields one bit of the logarithm.
        let mut x = (256 + i as u64) << 23;
        let mut bit = 0;
        while bit < FRACTION {
            x = (x * x) >> 31;
            table[i] <<= 1;
            if x >> 32 != 0 {
                x >>= 1;
                table[i] |= 1;
            }
            bit += 1;
        }
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms() {
        for n in [1u64, 2, 3, 5, 32, 33, 100, 511, 8192] {
            let exact = (n as f64).log2();
            let ours = log2(n) as f64 / f64::from(1u32 << FRACTION);
            assert!((exact - ours).abs() < 0.006, "{n}: {exact} {ours}");
        }
        assert_eq!(log2(4096), 12 << FRACTION);
    }

    /// A linear congruential generator; the high byte is as good as noise.
    fn noise(len: usize) -> Vec<u8> {
        let mut x = 1u64;
        let mut next = || {
            x = x
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (x >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn advice() {
        assert_eq!(advise(&[]), Advice::Skewed);
        assert_eq!(advise(&[7]), Advice::Repetitive);
        assert_eq!(advise(&noise(1 << 18)), Advice::Store);
        assert_eq!(advise(&[0; 100_000]), Advice::Repetitive);
        let mut mostly: Vec<u8> = noise(100_000).iter().map(|b| b & 127).collect();
        assert_eq!(advise(&mostly), Advice::Skewed);
        for (i, b) in mostly.iter_mut().enumerate() {
            if i % 20 != 0 {
                *b = 9;
            }
        }
        assert_eq!(advise(&mostly), Advice::Repetitive);
    }
}
