//! Do all elements of an array have the same bits?

use smallvec::SmallVec;

/// Takes an array's memory piece by piece and says whether all elements are one. Stops looking at
/// the first that differs.
#[derive(Clone, Debug)]
pub struct Constant {
    element: SmallVec<[u8; 16]>,
    size: usize,
    differ: bool,
}

impl Constant {
    /// For elements of `size` bytes, at least 1.
    #[must_use]
    pub fn new(size: usize) -> Self {
        Self {
            element: SmallVec::new(),
            size: size.max(1),
            differ: false,
        }
    }

    /// Takes the next bytes, a whole number of elements.
    pub fn update(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len().is_multiple_of(self.size));
        if self.differ || bytes.is_empty() {
            return;
        }
        let Some((first, rest)) = bytes.split_at_checked(self.size) else {
            self.differ = true;
            return;
        };
        if self.element.is_empty() {
            self.element.extend_from_slice(first);
        }
        // Each element equals its neighbour when the bytes equal themselves, shifted by one element.
        self.differ = self.element.as_slice() != first || bytes[..rest.len()] != *rest;
    }

    /// False as soon as two elements are known to differ.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        !self.differ
    }

    /// The element that all are equal to; `None` when there are two different ones, or none at all.
    #[must_use]
    pub fn element(&self) -> Option<&[u8]> {
        (!self.differ && !self.element.is_empty()).then_some(&*self.element)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_looking_at_every_element(
            size in prop::sample::select(&[1usize, 2, 4, 8, 16]),
            elements in prop::collection::vec(0u8..2, 0..40),
            constant in any::<bool>(),
            piece in 1usize..8,
        ) {
            let value = |v: u8| [1, 2, 3, v].into_iter().cycle().skip(3).take(size);
            let bytes: Vec<u8> = elements
                .iter()
                .flat_map(|&v| value(if constant { 7 } else { v }))
                .collect();
            let mut seen = Constant::new(size);
            for piece in bytes.chunks(piece * size) {
                seen.update(piece);
            }
            let mut all = bytes.chunks(size);
            let first = all.next();
            let expected = first.filter(|f| all.all(|e| e == *f));
            prop_assert_eq!(seen.element(), expected);
        }
    }
}
