//! The tensors that a torch pickle describes, by name, over storages that it refers to by key.
//!
//! In: a [`Graph`]. Out: [`Found`]. Names are paths through dicts, lists and attributes. Refused: rebuild
//! calls with arguments that torch would refuse, views outside their storage, storages that are
//! described in two ways, names that are equal or not Unicode. Tensors whose values are not elements of
//! a storage, and NumPy arrays, are listed. Everything else that a pickle may hold is passed by: it
//! stays in the pickle.

use std::collections::{HashMap, HashSet};

use super::graph::{Graph, NodeId};
use super::{storages, walk};
use crate::bytes::{Limits, Parse, Refusal};
use crate::layout::Listed;
use crate::tensor::{Dtype, View};

/// Who wrote the pickle, which tells what its persistent ids are.
#[derive(Clone, Copy, Debug)]
pub enum Ids<'a> {
    /// `torch.save`, into a zip archive: `('storage', class, key, location, numel)`.
    Zip,
    /// The same, into stacked pickles: with a sixth element for views of storages; and
    /// `('module', class, file, source)`.
    Stacked,
    /// `torch.package`: as in a zip archive, and `('reduce_package', …)` for what it compiled.
    Package,
    /// `torch.save` into a tar archive: keys of objects that the archive holds.
    Objects(&'a Objects),
}

/// Storages and tensors that persistent ids of numbers stand for.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// All storages of the archive.
    pub storages: Vec<Storage>,
    /// What each key stands for.
    pub by_key: HashMap<i64, Known>,
}

/// One of [`Objects`].
#[derive(Clone, Debug)]
pub struct Known {
    /// The storage, or a part of it.
    pub place: Place,
    /// The tensor on it; `None` for a bare storage.
    pub view: Option<View>,
}

/// A part of a storage that tensors are views of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index into [`Found::storages`].
    pub storage: usize,
    /// Element type; `None` where it is only bytes.
    pub dtype: Option<Dtype>,
    /// Bytes of the storage before it.
    pub start: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// A storage that the pickle refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// What the container calls it.
    pub key: String,
    /// Element type; `None` for storages that are only bytes.
    pub dtype: Option<Dtype>,
    /// Length in bytes.
    pub len: u64,
    /// Where the pickle says so: position in the file.
    pub at: u64,
}

/// A tensor, or a bare storage, at a place in the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Path, unique.
    pub name: String,
    /// Index into [`Found::storages`].
    pub storage: usize,
    /// Type and view; `None` for a bare storage, and when the values are not plain elements of the
    /// storage, or far more than it holds: such a tensor is only listed, but it names its storage.
    pub view: Option<(Dtype, View)>,
}

/// What a pickle describes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// All that the pickle refers to, also those that no tensor is on.
    pub storages: Vec<Storage>,
    /// Sorted by the bytes of the name.
    pub tensors: Vec<Tensor>,
    /// Sorted by the bytes of the name.
    pub listed: Vec<Listed>,
}

/// A tensor with more bytes than this, and than [`EXPANSION`] times its storage, is not stored as one:
/// `expand` makes a terabyte of one number.
const ALWAYS_STORED: u64 = 1 << 20;
const EXPANSION: u64 = 16;

/// Has a tensor far more elements than its storage, of `len` bytes?
#[must_use]
pub fn is_expanded(dtype: Dtype, shape: &[u64], len: u64) -> bool {
    let most = len.saturating_mul(EXPANSION).max(ALWAYS_STORED);
    dtype.byte_len(shape).is_none_or(|len| len > most)
}

/// The element type of the storage class that a node names: `Some(None)` for plain bytes.
#[must_use]
pub fn storage_dtype(graph: &Graph<'_>, class: NodeId) -> Option<Option<Dtype>> {
    storages::storage_dtype(graph.global(class)?)
}

impl Found {
    /// Which storages a tensor is on.
    #[must_use]
    pub fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.storages.len()];
        for tensor in &self.tensors {
            used[tensor.storage] = true;
        }
        used
    }
}

/// Finds all tensors that can be reached from the pickled object.
///
/// # Errors
/// See the module.
pub fn tensors(graph: &Graph<'_>, ids: Ids<'_>, limits: &Limits) -> Parse<Found> {
    let mut found = walk::walk(graph, ids, limits)?;
    found
        .tensors
        .sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    for pair in found.tensors.windows(2) {
        if pair[0].name == pair[1].name {
            let name = &pair[0].name;
            return Err(Refusal::new(format!("two tensors have the name {name:?}")));
        }
    }
    found
        .listed
        .sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    // They are only shown, so that a name that is taken makes nothing ambiguous.
    let mut taken: HashSet<&str> = found
        .tensors
        .iter()
        .filter(|tensor| tensor.view.is_some())
        .map(|tensor| tensor.name.as_str())
        .collect();
    let free: Vec<bool> = found
        .listed
        .iter()
        .map(|listed| taken.insert(&listed.name))
        .collect();
    let mut free = free.into_iter();
    found.listed.retain(|_| free.next().unwrap_or(false));
    Ok(found)
}
