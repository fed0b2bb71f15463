//! The tensors that a torch pickle describes, by name, over storages that it refers to by key.
//!
//! In: a [`Graph`]. Out: [`Found`]. Names are paths through dicts, lists and attributes. Refused: rebuild
//! calls with arguments that torch would refuse, views outside their storage, storages that are
//! described in two ways, names that are equal or not Unicode. Everything else that a pickle may hold
//! is passed by: it stays in the pickle.

use std::collections::HashMap;

use super::graph::{Graph, Node, NodeId};
use super::walk;
use crate::bytes::{Limits, Parse, Refusal};
use crate::tensor::{Dtype, View};

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
    /// Type and view; `None` when the values are not plain elements of the storage, or far more than it
    /// holds: such a tensor is not listed, but it names its storage.
    pub view: Option<(Dtype, View)>,
}

/// What a pickle describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In order of first use.
    pub storages: Vec<Storage>,
    /// Sorted by the bytes of the name.
    pub tensors: Vec<Tensor>,
}

/// Finds all tensors that can be reached from the pickled object.
///
/// # Errors
/// See the module.
pub fn tensors(graph: &Graph<'_>, limits: &Limits) -> Parse<Found> {
    let mut found = walk::walk(graph, limits)?;
    found
        .tensors
        .sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    for pair in found.tensors.windows(2) {
        if pair[0].name == pair[1].name {
            let name = &pair[0].name;
            return Err(Refusal::new(format!("two tensors have the name {name:?}")));
        }
    }
    Ok(found)
}

/// Bytes of a storage's key; and of a textual persistent id, which holds one.
const MAX_KEY: usize = 255;
const MAX_TEXT: usize = 1024;

/// Storages by key.
#[derive(Default)]
pub(super) struct Storages {
    pub(super) list: Vec<Storage>,
    by_key: HashMap<Vec<u8>, usize>,
}

impl Storages {
    /// The storage that a persistent id stands for.
    pub(super) fn resolve(&mut self, graph: &Graph<'_>, id: NodeId) -> Parse<usize> {
        let (class, key, numel, at) = match graph.node(id) {
            Node::Persistent(id) => from_tuple(graph, *id),
            Node::PersistentText(span) => {
                let at = graph.base + u64::from(span.start);
                from_text(graph.slice(*span)).map(|(class, key, numel)| (class, key, numel, at))
            }
            _ => None,
        }
        .ok_or_else(|| Refusal::new("torch: a persistent id does not describe a storage"))?;
        let dtype = storage_dtype(class).ok_or_else(|| {
            let class = String::from_utf8_lossy(class.1);
            Refusal::new(format!(
                "torch: unknown storage class {class:?} at byte {at}"
            ))
        })?;
        let item = dtype.map_or(Some(1), Dtype::item_size);
        let len = item
            .and_then(|item| item.checked_mul(numel))
            .filter(|&len| i64::try_from(len).is_ok())
            .ok_or_else(|| Refusal::new(format!("torch: storage too long at byte {at}")))?;
        // Short: a long one, shared by many tensors, would be looked at for each of them.
        let text = Some(key)
            .filter(|key| (1..=MAX_KEY).contains(&key.len()))
            .and_then(|key| std::str::from_utf8(key).ok())
            .filter(|key| !key.contains(['/', '\\', '\0']))
            .ok_or_else(|| Refusal::new(format!("torch: bad storage key at byte {at}")))?;
        let storage = Storage {
            key: text.to_owned(),
            dtype,
            len,
            at,
        };
        match self.by_key.get(key) {
            None => {
                self.by_key.insert(key.to_vec(), self.list.len());
                self.list.push(storage);
                Ok(self.list.len() - 1)
            }
            Some(&index) => {
                let known = &self.list[index];
                if (known.dtype, known.len) != (storage.dtype, storage.len) {
                    return Err(Refusal::new(format!(
                        "torch: storage {text:?} is described in two ways, at bytes {} and {at}",
                        known.at
                    )));
                }
                Ok(index)
            }
        }
    }
}

impl Storages {
    /// Checks that storages which the walk did not meet do not contradict those that it met. Readers
    /// that build everything would see them.
    pub(super) fn check_all(&mut self, graph: &Graph<'_>) -> Parse<()> {
        let met = self.list.len();
        for (id, node) in (0..).zip(&graph.nodes) {
            if matches!(node, Node::Persistent(_) | Node::PersistentText(_)) {
                self.resolve(graph, id)?;
            }
        }
        self.list.truncate(met);
        Ok(())
    }
}

type Class<'g> = (&'g [u8], &'g [u8]);

/// `('storage', class, key, location, numel)`
fn from_tuple<'g>(graph: &'g Graph<'_>, id: NodeId) -> Option<(Class<'g>, &'g [u8], u64, u64)> {
    let &[kind, class, key, location, numel] = graph.tuple(id)? else {
        return None;
    };
    let class = graph.global(class)?;
    let location = graph.str(location);
    let numel = graph.unsigned(numel)?;
    // Where the key stands tells where in the pickle this is.
    let at = graph.position(key);
    let key = graph.str(key)?;
    (graph.str(kind)? == b"storage" && location.is_some()).then_some((class, key, numel, at))
}

/// The same tuple as Python prints it, which is what protocol 0 writes.
fn from_text(text: &[u8]) -> Option<(Class<'_>, &[u8], u64)> {
    fn until<'t>(text: &'t [u8], mark: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
        let at = text.windows(mark.len()).position(|w| w == mark)?;
        Some((&text[..at], &text[at + mark.len()..]))
    }
    if text.len() > MAX_TEXT {
        return None;
    }
    let rest = text.strip_prefix(b"('storage', <class '")?;
    let (class, rest) = until(rest, b"'>, '")?;
    let (key, rest) = until(rest, b"', '")?;
    let (_location, rest) = until(rest, b"', ")?;
    let numel = rest.strip_suffix(b")")?;
    let dot = class.iter().rposition(|&b| b == b'.')?;
    let digits = !numel.is_empty() && numel.len() < 20 && numel.iter().all(u8::is_ascii_digit);
    let numel = std::str::from_utf8(numel).ok().filter(|_| digits)?;
    Some(((&class[..dot], &class[dot + 1..]), key, numel.parse().ok()?))
}

/// The element type of a storage class: `Some(None)` for plain bytes.
pub(super) fn storage_dtype((module, name): Class<'_>) -> Option<Option<Dtype>> {
    if matches!(module, b"torch.storage" | b"torch")
        && matches!(name, b"UntypedStorage" | b"_UntypedStorage")
    {
        return Some(None);
    }
    if module != b"torch" {
        return None;
    }
    Some(Some(match name {
        b"DoubleStorage" => Dtype::Float64,
        b"FloatStorage" => Dtype::Float32,
        b"HalfStorage" => Dtype::Float16,
        b"BFloat16Storage" => Dtype::BFloat16,
        b"LongStorage" => Dtype::Int64,
        b"IntStorage" => Dtype::Int32,
        b"ShortStorage" => Dtype::Int16,
        b"CharStorage" => Dtype::Int8,
        b"ByteStorage" => Dtype::UInt8,
        b"BoolStorage" => Dtype::Bool,
        b"ComplexFloatStorage" => Dtype::Complex64,
        b"ComplexDoubleStorage" => Dtype::Complex128,
        b"QInt8Storage" => Dtype::QInt8,
        b"QUInt8Storage" => Dtype::QUInt8,
        b"QInt32Storage" => Dtype::QInt32,
        b"QUInt4x2Storage" => Dtype::QUInt4x2,
        b"QUInt2x4Storage" => Dtype::QUInt2x4,
        _ => return None,
    }))
}
