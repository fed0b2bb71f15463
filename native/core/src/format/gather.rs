//! What several parts of a file describe, put together: pickles over storages, and archives in it.
//!
//! In: what each part describes, the name that its tensors go under, and where its storages are. Out: one
//! [`Layout`]. Refused: equal names, and more names or tensors than the limits allow.

use std::collections::HashMap;

use super::assemble::{self, FoundStorage, FoundTensor};
use crate::bytes::{Limits, Parse, Refusal};
use crate::layout::{Bytes, Layout, Listed, Packed, Values};
use crate::pickle::torch::{Found, Storage};
use crate::tensor::{Dtype, View, join};

/// Where the bytes of a storage are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// At this position, as they are.
    Plain { offset: u64, len: u64 },
    /// Compressed: in this DEFLATE stream, which inflates to `size` bytes.
    Deflated { offset: u64, len: u64, size: u64 },
}

/// See the module.
pub(super) struct Gather<'l> {
    limits: &'l Limits,
    found: assemble::Found,
    by_range: HashMap<(u64, u64), usize>,
    name_bytes: u64,
}

impl<'l> Gather<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            found: assemble::Found::default(),
            by_range: HashMap::new(),
            name_bytes: 0,
        }
    }

    /// Adds a pickle. `stored` is asked for the storages that tensors are on.
    pub(super) fn pickle(
        &mut self,
        under: &str,
        found: Found,
        mut stored: impl FnMut(&Storage) -> Parse<Stored>,
    ) -> Parse<()> {
        let mut places = Vec::with_capacity(found.storages.len());
        for (storage, used) in found.storages.iter().zip(found.used()) {
            places.push(if used { Some(stored(storage)?) } else { None });
        }
        for tensor in found.tensors {
            let Some(Some(place)) = places.get(tensor.storage) else {
                continue;
            };
            self.tensor(under, &tensor.name, *place, tensor.view)?;
        }
        for listed in found.listed {
            self.list(under, listed)?;
        }
        Ok(())
    }

    /// Adds a tensor on a storage, or with no view a storage alone.
    pub(super) fn tensor(
        &mut self,
        under: &str,
        name: &str,
        stored: Stored,
        view: Option<(Dtype, View)>,
    ) -> Parse<()> {
        match (stored, view) {
            (Stored::Plain { offset, len }, view) => {
                let name = self.name(under, name)?;
                let storage = self.storage(offset, len);
                self.found.tensors.push(FoundTensor {
                    name,
                    storage,
                    view,
                });
                Ok(())
            }
            (Stored::Deflated { offset, len, size }, Some((dtype, view))) => {
                let listed = Listed {
                    name: name.to_owned(),
                    dtype: dtype.name().to_owned(),
                    shape: view.shape.clone(),
                    values: Values::Packed(Packed {
                        bytes: Bytes::Deflated {
                            offset,
                            len,
                            skip: 0,
                            size,
                        },
                        dtype,
                        view,
                    }),
                };
                self.list(under, listed)
            }
            (Stored::Deflated { .. }, None) => Ok(()),
        }
    }

    pub(super) fn list(&mut self, under: &str, mut listed: Listed) -> Parse<()> {
        listed.name = self.name(under, &listed.name)?;
        self.found.listed.push(listed);
        Ok(())
    }

    /// Adds an archive that begins at `base`, without its template.
    pub(super) fn archive(&mut self, under: &str, base: u64, inner: Layout) -> Parse<()> {
        for tensor in inner.tensors {
            let place = match tensor.storage.and_then(|id| inner.storages.get(id)) {
                Some(storage) => Stored::Plain {
                    offset: base + storage.offset,
                    len: storage.len,
                },
                None => Stored::Plain {
                    offset: base,
                    len: 0,
                },
            };
            self.tensor(
                under,
                &tensor.name,
                place,
                Some((tensor.dtype, tensor.view)),
            )?;
        }
        for mut listed in inner.listed {
            listed.values.shift(base);
            self.list(under, listed)?;
        }
        Ok(())
    }

    fn storage(&mut self, offset: u64, len: u64) -> usize {
        let next = self.found.storages.len();
        let index = *self.by_range.entry((offset, len)).or_insert(next);
        if index == next {
            self.found.storages.push(FoundStorage { offset, len });
        }
        index
    }

    fn name(&mut self, under: &str, name: &str) -> Parse<String> {
        let name = join(under, name);
        self.name_bytes = self.name_bytes.saturating_add(name.len() as u64);
        if self.name_bytes > self.limits.name_bytes {
            return Err(Refusal::new("names of tensors take too many bytes"));
        }
        if (self.found.tensors.len() + self.found.listed.len()) as u64 >= self.limits.tensors {
            let most = self.limits.tensors;
            return Err(Refusal::new(format!("more than {most} tensors")));
        }
        Ok(name)
    }

    /// Everything as a layout of literals and storages.
    pub(super) fn assemble(mut self, format: &'static str, size: u64) -> Parse<Layout> {
        if let Some(name) = self.found.name_twice() {
            return Err(Refusal::new(format!("two tensors have the name {name:?}")));
        }
        self.found.assemble(format, size)
    }
}
