//! `flax-msgpack`: state dicts of Flax, as one MessagePack map of maps and arrays.
//!
//! In: a file that is one such map, with an array in it somewhere. Out: one storage per array, and per
//! scalar of NumPy; arrays that Flax has cut into chunks are listed as a whole beside their chunks. An array
//! of a type that is not known is stored as `uint8` with the bytes of an element as the last axis. There is
//! no magic number: files that other formats claim are not looked at.
//! Refused: damaged MessagePack, bytes behind the map, keys that are no text or occur twice, nesting that
//! Flax's reader refuses, arrays whose parts do not fit.
//! Specification: `flax/serialization.py` of Flax, and that of `msgpack`.

use super::assemble::{Found, FoundStorage, FoundTensor};
use super::facts::SHOWN_ENTRIES;
use super::flax_array::Array;
use super::flax_tree::Walk;
use super::{Facts, Format, Probe, msgpack};
use crate::bytes::{Limits, Parse, ReadAt, Refusal};
use crate::layout::Layout;

/// See the module.
pub(super) struct FlaxMsgpack;

impl Format for FlaxMsgpack {
    fn name(&self) -> &'static str {
        "flax-msgpack"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        // A map that is not empty, and its first key.
        let key = match file.head.first() {
            Some(0x81..=0x8F) => 1,
            Some(0xDE) => 3,
            Some(0xDF) => 5,
            _ => return false,
        };
        file.head
            .get(key)
            .is_some_and(|&byte| msgpack::begins_text(byte))
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let show = facts.as_ref().map_or(0, |_| SHOWN_ENTRIES);
        let walked = Walk::over(source, limits, show)?;
        if let Some(facts) = facts {
            facts.objects = walked.objects;
        }
        if walked.arrays.is_empty() {
            return Err(Refusal::new("flax msgpack: no arrays"));
        }
        let storage = |array: &Array| FoundStorage {
            offset: array.offset,
            len: array.len,
        };
        let storages = walked.arrays.iter().map(storage).collect();
        let mut listed = walked.chunked;
        listed.extend(walked.arrays.iter().filter_map(Array::listed));
        let tensors = walked.arrays.into_iter().enumerate();
        let tensors = tensors
            .map(|(storage, array)| FoundTensor {
                view: Some((array.dtype, array.view())),
                name: array.name,
                storage,
            })
            .collect();
        let found = Found {
            storages,
            tensors,
            listed,
        };
        found.assemble(self.name(), source.len())
    }
}
