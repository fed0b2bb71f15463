//! `torch-legacy`: the pickles one behind the other that `torch.save` wrote before PyTorch 1.6, and still
//! does when it is told to.
//!
//! In: five pickles (a magic number, the protocol, facts about the machine, the object, the keys of the
//! storages), then for each key the number of elements in 8 bytes, and the elements. Out: literals and
//! storages; what follows the last storage, which torch does not look at, is a literal. Refused: what torch
//! refuses, among it untyped storages, and so the types that it keeps in them; files of big-endian machines; keys that are
//! unknown, missing or twice.
//! Specification: PyTorch's `_legacy_save` and `_legacy_load` in `torch/serialization.py`.

use std::collections::HashMap;

use super::gather::{Gather, Stored};
use super::{Facts, Format, Probe, torch_facts};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, read_vec, unless_refused};
use crate::layout::Layout;
use crate::pickle::torch::{Found, Ids, Storage};
use crate::pickle::{self, Graph, Node};
use crate::tensor::Dtype;

/// See the module.
pub(super) struct TorchLegacy;

/// The magic number as the protocols from 2 on, and those before, write it; with STOP.
const MAGIC: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
const MAGIC_TEXT: &[u8] = b"L119547037146038801333356L\n.";
const PROTOCOL: u64 = 1001;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("torch legacy: {rule}")))
}

/// Does a pickle with the magic number stand here?
fn is_magic(head: &[u8]) -> bool {
    let frame = |rest: &[u8]| matches!(rest, [0x95, ..]) && rest.get(9..22) == Some(MAGIC);
    match head {
        [0x80, 2..=5, rest @ ..] => rest.starts_with(MAGIC) || frame(rest),
        _ => head.starts_with(MAGIC_TEXT),
    }
}

impl Format for TorchLegacy {
    fn name(&self) -> &'static str {
        "torch-legacy"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        is_magic(&file.head)
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        if let Some(facts) = facts
            && let Some(found) = unless_refused(describe(source, limits))?
        {
            *facts = found;
        }
        let mut stack = Stack {
            source,
            limits,
            at: 0,
        };
        stack.next(|_| Ok(()))?;
        stack.next(check_protocol)?;
        stack.next(check_machine)?;
        let found = stack.next(|graph| pickle::torch::tensors(graph, Ids::Stacked, limits))?;
        let keys = stack.next(keys)?;
        let places = places(source, stack.at, &keys, &found)?;
        let mut gather = Gather::new(limits);
        gather.pickle("", found, |storage| match places.get(&storage.key) {
            Some(&place) => Ok(place),
            None => refuse(format!("storage {:?} is not in the file", storage.key)),
        })?;
        gather.assemble(self.name(), source.len())
    }
}

fn describe(source: &dyn ReadAt, limits: &Limits) -> Parse<Facts> {
    let mut at = 0;
    // The magic number, the protocol, facts about the machine.
    for _ in 0..3 {
        at += pickle::extent(source, at, limits)?;
    }
    let bytes = read_vec(source, at, pickle::extent(source, at, limits)?)?;
    let facts = torch_facts::of_pickle(&bytes, at, limits);
    let writer = || "torch.save, the format before 1.6".to_owned();
    Ok(Facts {
        writer: facts.writer.or_else(|| Some(writer())),
        ..facts
    })
}

/// The pickles, from the first to the last.
struct Stack<'a> {
    source: &'a dyn ReadAt,
    limits: &'a Limits,
    at: u64,
}

impl Stack<'_> {
    fn next<T>(&mut self, read: impl FnOnce(&Graph<'_>) -> Parse<T>) -> Parse<T> {
        let len = pickle::extent(self.source, self.at, self.limits)?;
        let bytes = read_vec(self.source, self.at, len)?;
        let graph = pickle::read(&bytes, self.at, self.limits)?;
        self.at += len;
        read(&graph)
    }
}

fn check_protocol(graph: &Graph<'_>) -> Parse<()> {
    if graph.unsigned(graph.root) == Some(PROTOCOL) {
        return Ok(());
    }
    let at = graph.base;
    refuse(format!("protocol other than {PROTOCOL} at byte {at}"))
}

/// torch looks at none of these facts; storages of big-endian machines are little-endian, too, but
/// nobody can tell whether a writer of one knew that.
fn check_machine(graph: &Graph<'_>) -> Parse<()> {
    let Node::Dict(items) = graph.node(graph.root) else {
        return Ok(());
    };
    let order = items
        .iter()
        .rfind(|item| graph.str(item.key) == Some(b"little_endian"));
    match order.map(|item| graph.node(item.value)) {
        None | Some(Node::Bool(true)) => Ok(()),
        Some(_) => refuse("files of big-endian machines are not split"),
    }
}

fn keys(graph: &Graph<'_>) -> Parse<Vec<String>> {
    let at = graph.base;
    let Node::List(ids) = graph.node(graph.root) else {
        return refuse(format!("no list of keys at byte {at}"));
    };
    ids.iter()
        .map(|&id| match graph.str(id).map(std::str::from_utf8) {
            Some(Ok(key)) => Ok(key.to_owned()),
            _ => refuse(format!("storage key that is no string at byte {at}")),
        })
        .collect()
}

/// Where each storage is. The list of keys has each of them once.
fn places(
    source: &dyn ReadAt,
    start: u64,
    keys: &[String],
    found: &Found,
) -> Parse<HashMap<String, Stored>> {
    let by_key: HashMap<&str, &Storage> =
        found.storages.iter().map(|s| (s.key.as_str(), s)).collect();
    let mut places = HashMap::new();
    let mut at = start;
    for key in keys {
        let Some(storage) = by_key.get(key.as_str()) else {
            return refuse(format!("storage key {key:?} that the object does not have"));
        };
        let Some(end) = at
            .checked_add(8 + storage.len)
            .filter(|&end| end <= source.len())
        else {
            return refuse(format!(
                "truncated in storage {key:?}, which begins at byte {at}"
            ));
        };
        let mut stated = [0; 8];
        source.read_exact_at(at, &mut stated)?;
        let stated = u64::from_le_bytes(stated);
        let item = storage.dtype.and_then(Dtype::item_size).unwrap_or(1);
        if stated != storage.len / item {
            return refuse(format!(
                "storage {key:?} has {stated} elements at byte {at}, the pickle says {} at byte {}",
                storage.len / item,
                storage.at
            ));
        }
        let place = Stored::Plain {
            offset: at + 8,
            len: storage.len,
        };
        if places.insert(key.clone(), place).is_some() {
            return refuse(format!("storage key {key:?} twice"));
        }
        at = end;
    }
    if let Some(storage) = found.storages.iter().find(|s| !places.contains_key(&s.key)) {
        return refuse(format!(
            "storage {:?} is missing, which the pickle refers to at byte {}",
            storage.key, storage.at
        ));
    }
    Ok(places)
}
