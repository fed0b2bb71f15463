//! `npy`: one NumPy array.
//!
//! In: a header and the values. Out: one tensor with the empty name; an array in Fortran order is a view
//! with strides. Types that only NumPy or an extension of it has (`V2`, text, dates), and big-endian
//! numbers, are stored as `uint8` with the bytes of an element as the last axis, and listed under their
//! own name. What follows the values is a literal, as NumPy does not read it. Refused: what the header's
//! parser refuses, Python objects, types with fields, unknown types, values that end early.
//! Specification: NumPy's documentation of `numpy.lib.format`.

use super::assemble::{Found, FoundStorage, FoundTensor};
use super::npy_header::{Header, MAGIC};
use super::{Facts, Format, Probe};
use crate::bytes::{Limits, Parse, ReadAt, Refusal};
use crate::layout::Layout;

/// See the module.
pub(super) struct Npy;

impl Format for Npy {
    fn name(&self) -> &'static str {
        "npy"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        file.head.starts_with(MAGIC)
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        _facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let header = Header::read(source, limits)?;
        let (dtype, view, len) = header.stored()?;
        if len > source.len() - header.data {
            return Err(Refusal::new(format!(
                "npy: {len} bytes of values do not fit behind byte {}",
                header.data
            )));
        }
        let storage = FoundStorage {
            offset: header.data,
            len,
        };
        let tensor = FoundTensor {
            name: String::new(),
            storage: 0,
            view: Some((dtype, view)),
        };
        let found = Found {
            storages: vec![storage],
            tensors: vec![tensor],
            listed: header.listed("").into_iter().collect(),
        };
        found.assemble(self.name(), source.len())
    }
}
