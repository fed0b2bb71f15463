//! From what a format found to a [`Layout`]: names of storages, order, and the literals between.

use std::collections::HashSet;

use crate::bytes::{Parse, Refusal};
use crate::layout::{Layout, Listed, Segment, Storage, Tensor, Values};
use crate::tensor::{Dtype, View};

/// A storage that a format found.
#[derive(Clone, Debug)]
pub(super) struct FoundStorage {
    pub(super) offset: u64,
    pub(super) len: u64,
}

/// A tensor that a format found.
#[derive(Clone, Debug)]
pub(super) struct FoundTensor {
    pub(super) name: String,
    /// Index into the storages that were found.
    pub(super) storage: usize,
    /// `None` for what only names its storage.
    pub(super) view: Option<(Dtype, View)>,
}

/// What a format found, in any order. Storages may be empty.
#[derive(Default)]
pub(super) struct Found {
    pub(super) storages: Vec<FoundStorage>,
    /// With unique names.
    pub(super) tensors: Vec<FoundTensor>,
    /// Likewise.
    pub(super) listed: Vec<Listed>,
}

impl Found {
    fn sort(&mut self) {
        self.tensors.sort_by(|a, b| a.name.cmp(&b.name));
        self.listed.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// A name that two tensors have. One that is listed as what its tensor shows is no second one.
    pub(super) fn name_twice(&mut self) -> Option<&str> {
        self.sort();
        let tensors = self.tensors.windows(2).map(|w| (&w[0].name, &w[1].name));
        let listed = self.listed.windows(2).map(|w| (&w[0].name, &w[1].name));
        if let Some((name, _)) = tensors.chain(listed).find(|(a, b)| a == b) {
            return Some(name);
        }
        let named = self.tensors.iter().filter(|tensor| tensor.view.is_some());
        let named: HashSet<&str> = named.map(|tensor| tensor.name.as_str()).collect();
        let mut others = self.listed.iter().filter(|l| l.values != Values::Tensor);
        let taken = others.find(|listed| named.contains(listed.name.as_str()));
        taken.map(|listed| listed.name.as_str())
    }

    /// Puts the layout together.
    ///
    /// # Errors
    /// When storages overlap or reach outside the file.
    pub(super) fn assemble(mut self, format: &'static str, size: u64) -> Parse<Layout> {
        self.sort();
        let layout = assemble(format, size, &self.storages, self.tensors)?;
        Ok(Layout {
            listed: self.listed,
            ..layout
        })
    }
}

fn assemble(
    format: &'static str,
    size: u64,
    storages: &[FoundStorage],
    tensors: Vec<FoundTensor>,
) -> Parse<Layout> {
    let mut order: Vec<usize> = (0..storages.len())
        .filter(|&i| storages[i].len > 0)
        .collect();
    order.sort_by_key(|&i| storages[i].offset);
    let mut ids = vec![None; storages.len()];
    let mut segments = Vec::new();
    let mut at = 0u64;
    for (id, &index) in order.iter().enumerate() {
        let FoundStorage { offset, len } = storages[index];
        if offset < at {
            return Err(Refusal::new(format!(
                "{format}: tensors overlap at byte {offset}"
            )));
        }
        push_literal(&mut segments, at, offset);
        segments.push(Segment::Storage(id));
        ids[index] = Some(id);
        at = offset
            .checked_add(len)
            .filter(|&end| end <= size)
            .ok_or_else(|| {
                Refusal::new(format!(
                    "{format}: tensor at byte {offset} reaches past the end"
                ))
            })?;
    }
    push_literal(&mut segments, at, size);

    // The smallest name of a listed tensor; only where there is none, that of an unlisted one.
    let mut names: Vec<Option<String>> = vec![None; order.len()];
    for listed in [true, false] {
        for tensor in &tensors {
            let on_it = tensor
                .view
                .as_ref()
                .is_some_and(|(_, view)| !view.shape.contains(&0));
            let Some(id) = ids[tensor.storage].filter(|_| on_it == listed) else {
                continue;
            };
            names[id].get_or_insert_with(|| tensor.name.clone());
        }
    }
    let storages = order
        .iter()
        .zip(names)
        .map(|(&index, name)| Storage {
            offset: storages[index].offset,
            len: storages[index].len,
            name: name.unwrap_or_default(),
        })
        .collect();
    let tensors = tensors
        .into_iter()
        .filter_map(|tensor| {
            let (dtype, view) = tensor.view?;
            let empty = view.shape.contains(&0);
            Some(Tensor {
                name: tensor.name,
                dtype,
                storage: if empty { None } else { ids[tensor.storage] },
                view,
            })
        })
        .collect();
    Ok(Layout {
        format,
        size,
        segments,
        storages,
        tensors,
        listed: Vec::new(),
    })
}

fn push_literal(segments: &mut Vec<Segment>, from: u64, to: u64) {
    if from < to {
        segments.push(Segment::Literal {
            offset: from,
            len: to - from,
        });
    }
}
