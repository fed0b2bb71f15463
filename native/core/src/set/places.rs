//! Where tensors are in files: from what a parser found to places of a view.

use std::collections::BTreeMap;

use super::view::{Place, Tensor};
use crate::layout::{self, Bytes, Layout, Packed, Values};
use crate::tensor::{View, is_c_contiguous};

/// The tensors of a file, or of a part of one that begins at `base`. Those that are listed take the place
/// of those that hold their bytes. Sorted by name.
pub(super) fn tensors(layout: &Layout, file: (usize, &str), base: u64) -> Vec<Tensor> {
    let (file, path) = file;
    let mut all: BTreeMap<&str, Tensor> = BTreeMap::new();
    let whole = |packed: Packed| Place {
        file,
        offsets: Vec::new(),
        packed,
    };
    for found in &layout.tensors {
        let storage = found.storage.and_then(|id| layout.storages.get(id));
        let run = storage.map(|storage| (storage.offset.saturating_add(base), storage.len));
        let bytes = found.dtype.byte_len(&found.view.shape).unwrap_or(0);
        let tensor = Tensor {
            name: found.name.clone(),
            dtype: found.dtype.name().into(),
            shape: found.view.shape.clone(),
            bytes,
            file: path.into(),
            places: vec![whole(narrow(found, run, bytes))],
        };
        all.insert(&found.name, tensor);
    }
    for listed in &layout.listed {
        let packed = |packed: &Packed| {
            let bytes = packed.dtype.byte_len(&packed.view.shape).unwrap_or(0);
            let packed = Packed {
                bytes: moved(&packed.bytes, base),
                ..packed.clone()
            };
            (bytes, vec![whole(packed)])
        };
        let (bytes, places) = match &listed.values {
            Values::Tensor => {
                let held = all.remove(listed.name.as_str());
                held.map_or((0, Vec::new()), |held| (held.bytes, held.places))
            }
            Values::Parts(parts, values) => {
                for part in parts {
                    all.remove(part.as_str());
                }
                packed(values)
            }
            Values::Packed(values) => packed(values),
            Values::Unread(_) => (0, Vec::new()),
        };
        let tensor = Tensor {
            name: listed.name.clone(),
            dtype: listed.dtype.clone(),
            shape: listed.shape.clone(),
            bytes,
            file: path.into(),
            places,
        };
        all.insert(&listed.name, tensor);
    }
    all.into_values().collect()
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

fn moved(bytes: &Bytes, base: u64) -> Bytes {
    let mut bytes = bytes.clone();
    bytes.shift(base);
    bytes
}

/// A range of a file that a tensor claims for itself.
pub(super) struct Claim<'a> {
    pub(super) file: usize,
    pub(super) at: u64,
    pub(super) len: u64,
    pub(super) tensor: &'a str,
}

/// Pairs of tensors whose ranges overlap without being the same.
pub(super) fn overlaps<'a>(mut claims: Vec<Claim<'a>>) -> Vec<(&'a str, &'a str)> {
    claims.retain(|claim| claim.len > 0);
    claims.sort_by_key(|claim| (claim.file, claim.at, claim.len));
    let mut pairs = Vec::new();
    // The claim that reaches farthest of those before.
    let mut last: Option<&Claim<'a>> = None;
    for claim in &claims {
        if let Some(before) = last.filter(|before| before.file == claim.file) {
            let same = (before.at, before.len) == (claim.at, claim.len);
            if claim.at < before.at.saturating_add(before.len) && !same {
                pairs.push((before.tensor, claim.tensor));
            }
        }
        let end = |claim: &Claim<'_>| (claim.file, claim.at.saturating_add(claim.len));
        if last.is_none_or(|last| end(claim) >= end(last)) {
            last = Some(claim);
        }
    }
    pairs
}
