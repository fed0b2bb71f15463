//! `torch-tar`: the tar archives that `torch.save` wrote up to PyTorch 0.1.9.
//!
//! In: a tar of `sys_info`, `storages` (their number, and for each a pickle with key, place and class, the
//! number of elements in 8 bytes and the elements; then a list of storages that are parts of others),
//! `tensors` (their number, and for each a pickle with key, key of the storage and class, then the number
//! of axes, sizes, strides and offset), `pickle` (the object, whose persistent ids are such keys). Out:
//! literals and storages. Refused: other tars, keys that are there twice or unknown, views outside their
//! storage.
//! Specification: `legacy_load` in PyTorch's `torch/serialization.py`.

use std::collections::HashMap;

use super::gather::{Gather, Stored};
use super::tar::{self, Member};
use super::{Facts, Format, Probe, torch_facts};
use crate::bytes::{
    Cursor, Limits, MAX_INTEGER, Parse, ReadAt, Refusal, SubSource, read_vec, unless_refused,
};
use crate::layout::Layout;
use crate::pickle::torch::{Ids, Known, Objects, Place, Storage, is_expanded};
use crate::pickle::{self, Graph, Node};
use crate::tensor::{Dtype, View};

/// See the module.
pub(super) struct TorchTar;

const MEMBERS: [&str; 4] = ["sys_info", "storages", "tensors", "pickle"];

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("torch tar: {rule}")))
}

impl Format for TorchTar {
    fn name(&self) -> &'static str {
        "torch-tar"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        file.head.get(257..262) == Some(b"ustar")
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let members = tar::members(source, MEMBERS.len()).map_err(|refusal| match refusal {
            Refusal::Content(reason) => Refusal::new(format!(
                "a tar archive that is not one of torch, which is not split: {reason}"
            )),
            io @ Refusal::Io(_) => io,
        })?;
        if let Some(facts) = facts
            && let Some(found) = unless_refused(describe(source, &members, limits))?
        {
            *facts = found;
        }
        if let Some(other) = members.iter().find(|m| !MEMBERS.contains(&&*m.name)) {
            return refuse(format!(
                "another kind of tar: it has a member {:?}",
                other.name
            ));
        }
        let mut file = File {
            objects: Objects::default(),
            stored: HashMap::new(),
            limits,
        };
        file.storages(source, member(&members, "storages")?)?;
        file.tensors(source, member(&members, "tensors")?)?;

        let (bytes, at) = content(source, member(&members, "pickle")?, limits)?;
        let graph = pickle::read(&bytes, at, limits)?;
        let ids = Ids::Objects(&file.objects);
        let found = pickle::torch::tensors(&graph, ids, limits)?;
        drop(graph);
        let mut gather = Gather::new(limits);
        gather.pickle("", found, |storage| match file.stored.get(&storage.key) {
            Some(&stored) => Ok(stored),
            None => refuse(format!("storage {} is missing", storage.key)),
        })?;
        gather.assemble(self.name(), source.len())
    }
}

fn member<'m>(members: &'m [Member], name: &str) -> Parse<&'m Member> {
    match members.iter().find(|member| member.name == name) {
        Some(member) => Ok(member),
        None => refuse(format!("member {name} is missing")),
    }
}

fn describe(source: &dyn ReadAt, members: &[Member], limits: &Limits) -> Parse<Facts> {
    let (bytes, at) = content(source, member(members, "pickle")?, limits)?;
    Ok(Facts {
        writer: Some("torch.save, up to 0.1.9".to_owned()),
        weights_only: Some(torch_facts::refused("tar archives")),
        ..torch_facts::of_pickle(&bytes, at, limits)
    })
}

fn content(source: &dyn ReadAt, member: &Member, limits: &Limits) -> Parse<(Vec<u8>, u64)> {
    if member.len > limits.pickle_bytes {
        let most = limits.pickle_bytes;
        return refuse(format!("member {} has more than {most} bytes", member.name));
    }
    let bytes = read_vec(source, member.offset, member.len)?;
    Ok((bytes, member.offset))
}

/// What the members before `pickle` hold.
struct File<'l> {
    objects: Objects,
    /// Where each storage is, by its key.
    stored: HashMap<String, Stored>,
    limits: &'l Limits,
}

impl File<'_> {
    fn insert(&mut self, key: i64, known: Known) -> Parse<()> {
        let most = self.limits.tensors;
        if self.objects.by_key.len() as u64 >= most {
            return refuse(format!("more than {most} objects"));
        }
        match self.objects.by_key.insert(key, known) {
            None => Ok(()),
            Some(_) => refuse(format!("key {key} twice")),
        }
    }

    fn place(&self, key: Option<i64>) -> Option<Place> {
        match self.objects.by_key.get(&key?)? {
            Known { place, view: None } => Some(*place),
            Known { .. } => None,
        }
    }

    fn storages(&mut self, source: &dyn ReadAt, member: &Member) -> Parse<()> {
        let end = member.offset + member.len;
        let Some(part) = SubSource::new(source, 0, end) else {
            return refuse("member storages is truncated");
        };
        let mut at = member.offset;
        let limits = *self.limits;
        let next = |at: &mut u64| -> Parse<(Vec<u8>, u64)> {
            let start = *at;
            let len = pickle::extent(&part, start, &limits)?;
            *at += len;
            Ok((read_vec(&part, start, len)?, start))
        };
        let (bytes, base) = next(&mut at)?;
        let count = pickle::read(&bytes, base, &limits)?;
        let Some(count) = count.unsigned(count.root) else {
            return refuse(format!("number of storages at byte {base}"));
        };
        for _ in 0..count {
            let (bytes, base) = next(&mut at)?;
            let graph = pickle::read(&bytes, base, &limits)?;
            let Some((key, dtype, item)) = described(&graph) else {
                return refuse(format!("storage without key or class at byte {base}"));
            };
            let mut numel = [0; 8];
            if end - at < 8 {
                return refuse(format!("truncated at byte {at}"));
            }
            part.read_exact_at(at, &mut numel)?;
            at += 8;
            let len = u64::from_le_bytes(numel).checked_mul(item);
            let Some(len) = len.filter(|&len| len <= end - at) else {
                return refuse(format!("storage reaches outside its member at byte {at}"));
            };
            let place = Place {
                storage: self.objects.storages.len(),
                dtype: Some(dtype),
                start: 0,
                len,
            };
            self.insert(key, Known { place, view: None })?;
            self.objects.storages.push(Storage {
                key: key.to_string(),
                dtype: Some(dtype),
                len,
                at,
            });
            let stored = Stored::Plain { offset: at, len };
            self.stored.insert(key.to_string(), stored);
            at += len;
        }
        let (bytes, base) = next(&mut at)?;
        let graph = pickle::read(&bytes, base, &limits)?;
        self.parts(&graph)?;
        if at != end {
            return refuse(format!("member storages goes on at byte {at}"));
        }
        Ok(())
    }

    /// Storages that are parts of others: `(key, key of the whole, offset, elements)`.
    fn parts(&mut self, graph: &Graph<'_>) -> Parse<()> {
        let Node::List(views) = graph.node(graph.root) else {
            return refuse(format!("no list of views at byte {}", graph.base));
        };
        for &view in views {
            let part = (|| {
                let &[target, root, offset, numel] = graph.tuple(view)? else {
                    return None;
                };
                let whole = self.place(integer(graph, root))?;
                let item = whole.dtype.and_then(Dtype::item_size)?;
                let offset = graph.unsigned(offset)?.checked_mul(item)?;
                let len = graph.unsigned(numel)?.checked_mul(item)?;
                let inside = offset.checked_add(len)? <= whole.len;
                let place = Place {
                    start: whole.start + offset,
                    len,
                    ..whole
                };
                Some((integer(graph, target)?, place)).filter(|_| inside)
            })();
            let Some((key, place)) = part else {
                return refuse(format!(
                    "view of no storage, or outside it, in the list at byte {}",
                    graph.base
                ));
            };
            self.insert(key, Known { place, view: None })?;
        }
        Ok(())
    }

    fn tensors(&mut self, source: &dyn ReadAt, member: &Member) -> Parse<()> {
        let (bytes, base) = content(source, member, self.limits)?;
        let mut cursor = Cursor::new(&bytes, base, "torch tar: member tensors");
        let limits = *self.limits;
        let count = next(&bytes, &mut cursor, base, &limits)?;
        let Some(count) = count.unsigned(count.root) else {
            return Err(cursor.refuse("has no number"));
        };
        for _ in 0..count {
            let start = cursor.clone();
            let graph = next(&bytes, &mut cursor, base, &limits)?;
            let described = (|| {
                let &[key, storage, _class] = graph.tuple(graph.root)? else {
                    return None;
                };
                Some((integer(&graph, key)?, self.place(integer(&graph, storage))?))
            })();
            let Some((key, place)) = described else {
                return Err(start.refuse("has a tensor without key or storage"));
            };
            let view = view(&mut cursor, &limits)?;
            let fits = |view: &View| {
                let dtype = place.dtype?;
                let extent = view.extent_bytes(dtype)?;
                (extent <= place.len).then_some((dtype, dtype.item_size()?))
            };
            let view = match view {
                None => None,
                Some(mut view) => {
                    let Some((dtype, item)) = fits(&view) else {
                        return Err(start.refuse("has a tensor outside its storage"));
                    };
                    let kept = !is_expanded(dtype, &view.shape, place.len);
                    if view.shape.contains(&0) {
                        view = View::contiguous(view.shape);
                    } else {
                        view.offset += place.start / item;
                    }
                    kept.then_some(view)
                }
            };
            self.insert(key, Known { place, view })?;
        }
        if cursor.remaining() > 0 {
            return Err(cursor.refuse("goes on"));
        }
        Ok(())
    }
}

/// The pickle at a cursor over `bytes`.
fn next<'b>(
    bytes: &'b [u8],
    cursor: &mut Cursor<'_>,
    base: u64,
    limits: &Limits,
) -> Parse<Graph<'b>> {
    let at = cursor.at();
    let graph = pickle::read(&bytes[at..], base + at as u64, limits)?;
    cursor.take(graph.end as u64)?;
    Ok(graph)
}

/// Shape, strides and offset; nothing for tensors without axes, which had no elements then, and have one
/// today.
fn view(cursor: &mut Cursor<'_>, limits: &Limits) -> Parse<Option<View>> {
    let axes = cursor.u32()? as usize;
    if axes > limits.rank {
        return Err(cursor.refuse("has a tensor with too many axes"));
    }
    // It once was written as 8 bytes.
    cursor.take(4)?;
    let mut numbers = |count: usize| -> Parse<Vec<u64>> {
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            match cursor.u64()? {
                number @ ..=MAX_INTEGER => all.push(number),
                _ => return Err(cursor.refuse("has a bad size, stride or offset")),
            }
        }
        Ok(all)
    };
    let (shape, strides) = (numbers(axes)?, numbers(axes)?);
    let offset = numbers(1)?[0];
    Ok((axes > 0).then_some(View {
        shape,
        strides,
        offset,
    }))
}

/// `(key, location, class)`, of a class with elements.
fn described(graph: &Graph<'_>) -> Option<(i64, Dtype, u64)> {
    let &[key, _location, class] = graph.tuple(graph.root)? else {
        return None;
    };
    let dtype = pickle::torch::storage_dtype(graph, class)??;
    Some((integer(graph, key)?, dtype, dtype.item_size()?))
}

fn integer(graph: &Graph<'_>, id: pickle::NodeId) -> Option<i64> {
    match graph.node(id) {
        Node::Int(value) => Some(*value),
        _ => None,
    }
}
