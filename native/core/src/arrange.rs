//! Which tensors of a layout get arrays of their own, and what the others are.
//!
//! The rule is in `docs/format/manifest.md`: of the tensors on one storage the first by name that covers
//! it without gaps has the array (C order before other orders), tensors with an equal view are `same`, the
//! rest are views. A storage that no tensor covers, or that tensors of two dtypes look at, is an array itself.

use std::collections::{BTreeSet, HashMap};

use crate::layout::{Layout, StorageId};
use crate::tensor::{Dtype, View, memory_order};

/// Whose array it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A tensor, by index, with the order of its axes in memory where that is not C order.
    Tensor(usize, Option<Vec<usize>>),
    /// A storage.
    Storage(StorageId),
}

/// An array to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// Whose it is.
    pub owner: Owner,
    /// The storage whose bytes it holds; `None` for a tensor without elements.
    pub storage: Option<StorageId>,
}

/// What a tensor is in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It has this array.
    Array(usize),
    /// The same view as another tensor.
    Same(usize),
    /// A view into this array.
    View(usize),
}

/// The decision for all of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// Arrays, in the order of their storages; those without bytes last.
    pub arrays: Vec<Array>,
    /// One for each tensor.
    pub forms: Vec<Form>,
}

/// Decides for every tensor of `layout`.
#[must_use]
pub fn arrange(layout: &Layout) -> Arrangement {
    let mut on: Vec<Vec<usize>> = vec![Vec::new(); layout.storages.len()];
    let mut without = Vec::new();
    for (index, tensor) in layout.tensors.iter().enumerate() {
        match tensor.storage {
            Some(id) => on[id].push(index),
            None => without.push(index),
        }
    }
    let mut arrays = Vec::with_capacity(on.len() + without.len());
    let mut forms = vec![Form::Array(usize::MAX); layout.tensors.len()];
    for (id, tensors) in on.into_iter().enumerate() {
        let owner = owner(layout, id, &tensors);
        let array = arrays.len();
        let mut first: HashMap<(Dtype, &View), usize> = HashMap::new();
        for index in tensors {
            let tensor = &layout.tensors[index];
            forms[index] = match (&owner, first.get(&(tensor.dtype, &tensor.view))) {
                (Owner::Tensor(owner, _), _) if *owner == index => Form::Array(array),
                (_, Some(&earlier)) => Form::Same(earlier),
                _ => Form::View(array),
            };
            first.entry((tensor.dtype, &tensor.view)).or_insert(index);
        }
        arrays.push(Array {
            owner,
            storage: Some(id),
        });
    }
    for index in without {
        forms[index] = Form::Array(arrays.len());
        arrays.push(Array {
            owner: Owner::Tensor(index, None),
            storage: None,
        });
    }
    Arrangement { arrays, forms }
}

fn owner(layout: &Layout, id: StorageId, tensors: &[usize]) -> Owner {
    let dtypes: BTreeSet<Dtype> = tensors.iter().map(|&i| layout.tensors[i].dtype).collect();
    if dtypes.len() != 1 {
        return Owner::Storage(id);
    }
    let mut other = None;
    for &index in tensors {
        let tensor = &layout.tensors[index];
        let view = &tensor.view;
        let covers =
            view.offset == 0 && tensor.dtype.byte_len(&view.shape) == Some(layout.storages[id].len);
        let Some(order) = memory_order(&view.shape, &view.strides).filter(|_| covers) else {
            continue;
        };
        if order.is_sorted() {
            return Owner::Tensor(index, None);
        }
        if other.is_none() {
            other = Some(Owner::Tensor(index, Some(order)));
        }
    }
    other.unwrap_or(Owner::Storage(id))
}

/// The names of the groups that a list of tensor names needs: the root and every proper prefix.
#[must_use]
pub fn groups<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut groups = BTreeSet::from([""]);
    for name in names {
        for (at, _) in name.match_indices('/') {
            groups.insert(&name[..at]);
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{Segment, Storage, Tensor};

    /// Name, type, shape, strides, offset.
    type Facts<'a> = (&'a str, Dtype, &'a [u64], &'a [u64], u64);

    fn layout(len: u64, views: &[Facts<'_>]) -> Layout {
        let tensors: Vec<Tensor> = views
            .iter()
            .map(|(name, dtype, shape, strides, offset)| Tensor {
                name: (*name).into(),
                dtype: *dtype,
                storage: (!shape.contains(&0)).then_some(0),
                view: View {
                    shape: shape.to_vec(),
                    strides: strides.to_vec(),
                    offset: *offset,
                },
            })
            .collect();
        let layout = Layout {
            format: "test",
            size: len,
            segments: vec![Segment::Storage(0)],
            storages: vec![Storage {
                offset: 0,
                len,
                name: views[0].0.into(),
            }],
            tensors,
            listed: Vec::new(),
        };
        layout.check().unwrap();
        layout
    }

    const F: Dtype = Dtype::Float32;

    #[test]
    fn the_first_tensor_in_c_order_has_the_array() {
        let found = arrange(&layout(
            96,
            &[
                ("a-transposed", F, &[6, 4], &[1, 6], 0),
                ("base", F, &[4, 6], &[6, 1], 0),
                ("empty", F, &[0, 4], &[4, 1], 0),
                ("flat", F, &[24], &[1], 0),
                ("row", F, &[6], &[1], 6),
                ("row-again", F, &[6], &[1], 6),
                ("tied", F, &[4, 6], &[6, 1], 0),
            ],
        ));
        assert_eq!(found.arrays[0].owner, Owner::Tensor(1, None));
        assert_eq!(
            found.forms,
            [
                Form::View(0),
                Form::Array(0),
                Form::Array(1),
                Form::View(0),
                Form::View(0),
                Form::Same(4),
                Form::Same(1),
            ]
        );
    }

    #[test]
    fn another_order_covers_when_nothing_else_does() {
        let found = arrange(&layout(
            96,
            &[
                ("row", F, &[6], &[1], 6),
                ("t", F, &[6, 4], &[1, 6], 0),
                ("u", F, &[6, 4], &[1, 6], 0),
            ],
        ));
        assert_eq!(found.arrays[0].owner, Owner::Tensor(1, Some(vec![1, 0])));
        assert_eq!(found.forms, [Form::View(0), Form::Array(0), Form::Same(1)]);
    }

    #[test]
    fn uncovered_and_doubly_typed_storages_are_arrays_themselves() {
        let half = arrange(&layout(
            96,
            &[("a", F, &[12], &[1], 0), ("b", F, &[12], &[1], 12)],
        ));
        assert_eq!(half.arrays[0].owner, Owner::Storage(0));
        assert_eq!(half.forms, [Form::View(0), Form::View(0)]);
        let twice = arrange(&layout(
            96,
            &[
                ("a", F, &[24], &[1], 0),
                ("b", Dtype::Int32, &[24], &[1], 0),
            ],
        ));
        assert_eq!(twice.arrays[0].owner, Owner::Storage(0));
    }

    #[test]
    fn groups_are_proper_prefixes() {
        let names = ["a/b/c", "a/d", "e", "f%2Fg"];
        assert_eq!(Vec::from_iter(groups(names)), ["", "a", "a/b"]);
    }
}
