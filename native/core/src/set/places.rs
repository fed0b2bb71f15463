//! Where tensors are in files: from what a parser found to places of a view.

use super::view::{Place, Set, Tensor};
use crate::layout::{self, Bytes, Held, Layout, Packed};
use crate::tensor::{Dtype, View, is_c_contiguous};

/// The tensors of a file, or of a part of one that begins at `base`, as the framework sees them. Sorted by
/// name.
pub(super) fn tensors(layout: &Layout, file: (usize, &str), base: u64) -> Vec<Tensor> {
    let (file, path) = file;
    let place = |packed: Packed| {
        vec![Place {
            file,
            offsets: Vec::new(),
            packed,
        }]
    };
    let seen = layout.seen().into_iter();
    seen.map(|seen| {
        let (bytes, places) = match seen.held {
            Held::Tensor(index) | Held::Bytes(index) => {
                let tensor = &layout.tensors[index];
                let storage = tensor.storage.and_then(|id| layout.storages.get(id));
                let run = storage.map(|storage| (storage.offset.saturating_add(base), storage.len));
                let bytes = tensor.dtype.byte_len(&tensor.view.shape).unwrap_or(0);
                (bytes, place(narrow(tensor, run, bytes)))
            }
            Held::Packed(packed) => {
                let bytes = packed.dtype.byte_len(&packed.view.shape).unwrap_or(0);
                let mut packed = packed.clone();
                packed.bytes.shift(base);
                (bytes, place(packed))
            }
            Held::Unread(_) => (0, Vec::new()),
        };
        Tensor {
            name: seen.name.into(),
            dtype: seen.dtype.into(),
            shape: seen.shape.into(),
            bytes,
            file: path.into(),
            places,
        }
    })
    .collect()
}

/// Only the bytes of the tensor where they are one run, all of the storage otherwise.
fn narrow(tensor: &layout::Tensor, run: Option<(u64, u64)>, bytes: u64) -> Packed {
    let view = &tensor.view;
    let one_run = is_c_contiguous(&view.shape, &view.strides);
    let (runs, view) = match (run, tensor.dtype.item_size()) {
        (None, _) => (Vec::new(), view.clone()),
        (Some((at, _)), Some(item)) if one_run => {
            let skip = view.offset.saturating_mul(item);
            let run = (at.saturating_add(skip), bytes);
            (vec![run], View::contiguous(view.shape.clone()))
        }
        (Some(run), _) => (vec![run], view.clone()),
    };
    Packed {
        bytes: Bytes::Runs(runs),
        dtype: tensor.dtype,
        view,
    }
}

/// A range of a file that a tensor claims for itself.
pub(super) struct Claim<'a> {
    pub(super) file: usize,
    pub(super) at: u64,
    pub(super) len: u64,
    pub(super) tensor: &'a str,
}

impl Place {
    /// A part with its values in one run: where that begins, and its length.
    pub(super) fn one_run(
        file: usize,
        offsets: Vec<u64>,
        run: (u64, u64),
        dtype: Dtype,
        shape: Vec<u64>,
    ) -> Self {
        Self {
            file,
            offsets,
            packed: Packed {
                bytes: Bytes::Runs(vec![run]),
                dtype,
                view: View::contiguous(shape),
            },
        }
    }

    /// What a tensor with its values here claims: the first run.
    pub(super) fn claim<'a>(&self, tensor: &'a str) -> Option<Claim<'a>> {
        let Bytes::Runs(runs) = &self.packed.bytes else {
            return None;
        };
        let &(at, len) = runs.first()?;
        Some(Claim {
            file: self.file,
            at,
            len,
            tensor,
        })
    }
}

/// Notes tensors whose ranges overlap those of others without being the same.
pub(super) fn check_overlaps(set: &mut Set<'_>, mut claims: Vec<Claim<'_>>) {
    claims.retain(|claim| claim.len > 0);
    claims.sort_by_key(|claim| (claim.file, claim.at, claim.len));
    // The claim that reaches farthest of those before.
    let mut last: Option<&Claim<'_>> = None;
    for claim in &claims {
        if let Some(before) = last.filter(|before| before.file == claim.file) {
            let same = (before.at, before.len) == (claim.at, claim.len);
            if claim.at < before.at.saturating_add(before.len) && !same {
                let rule = format!("its values overlap those of {}", before.tensor);
                set.problem(claim.tensor, rule);
            }
        }
        let end = |claim: &Claim<'_>| (claim.file, claim.at.saturating_add(claim.len));
        if last.is_none_or(|last| end(claim) >= end(last)) {
            last = Some(claim);
        }
    }
}
