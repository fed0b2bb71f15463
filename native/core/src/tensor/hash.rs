//! The tensor hash: identity of a value. Specification: `docs/format/tensor-hash.md`.

use std::fmt;
use std::str::FromStr;

use super::Dtype;

/// A tensor hash; prints and parses as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(()),
        };
        let pairs: &[[u8; 2]; 32] = text.as_bytes().as_chunks().0.try_into().map_err(|_| ())?;
        if text.len() != 64 {
            return Err(());
        }
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(hash))
    }
}

/// Takes a tensor's values in C order, piece by piece.
pub struct TensorHasher(blake3::Hasher);

impl TensorHasher {
    /// For a tensor of this type and shape.
    #[must_use]
    pub fn new(dtype: Dtype, shape: &[u64]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"git-theta tensor 1\0");
        hasher.update(dtype.name().as_bytes());
        hasher.update(&[0]);
        hasher.update(&(shape.len() as u64).to_le_bytes());
        for dim in shape {
            hasher.update(&dim.to_le_bytes());
        }
        Self(hasher)
    }

    /// Takes the next values, as little-endian bytes.
    pub fn update(&mut self, values: &[u8]) {
        self.0.update(values);
    }

    /// The hash of all that was taken.
    #[must_use]
    pub fn finish(&self) -> Hash {
        Hash(*self.0.finalize().as_bytes())
    }
}

/// A hash over values that arrive in parts. The hasher, 2 KB, exists only between the first part and
/// the last: a file may have a hundred thousand tensors.
#[derive(Default)]
pub struct PartialHash(Option<Box<TensorHasher>>);

impl PartialHash {
    /// Takes the next part; `start` makes the hasher. Returns the hash with the last part.
    pub fn update(
        &mut self,
        start: impl FnOnce() -> TensorHasher,
        values: &[u8],
        last: bool,
    ) -> Option<Hash> {
        let hasher = self.0.get_or_insert_with(|| Box::new(start()));
        hasher.update(values);
        let hash = last.then(|| hasher.finish());
        if last {
            self.0 = None;
        }
        hash
    }
}

/// The hash of a tensor whose values are in memory, in C order.
#[must_use]
pub fn tensor_hash(dtype: Dtype, shape: &[u64], values: &[u8]) -> Hash {
    let mut hasher = TensorHasher::new(dtype, shape);
    hasher.update(values);
    hasher.finish()
}
