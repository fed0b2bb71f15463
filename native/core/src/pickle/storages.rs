//! Storages that persistent ids stand for.
//!
//! In: nodes of persistent ids, of one of the writers in [`Ids`]. Out: [`Referred`]. Refused: ids that
//! torch would refuse, and storages that are described in two ways.

use std::borrow::Cow;
use std::collections::HashMap;

use super::graph::{Graph, Node, NodeId};
use super::torch::{Ids, Known, Place, Storage};
use crate::bytes::{Parse, Refusal};
use crate::tensor::Dtype;

/// What a persistent id stands for.
pub(super) enum Referred {
    /// A storage, or a tensor in a tar archive.
    Known(Known),
    /// Another object, which this node describes.
    Other(NodeId),
}

/// A part of a storage, by its own key.
struct View {
    place: Place,
    at: u64,
}

/// Bytes of a storage's key; and of a textual persistent id, which holds one.
const MAX_KEY: usize = 255;
const MAX_TEXT: usize = 1024;

/// Storages by key.
pub(super) struct Storages<'a> {
    pub(super) list: Vec<Storage>,
    ids: Ids<'a>,
    by_key: HashMap<Vec<u8>, usize>,
    views: HashMap<Vec<u8>, View>,
}

impl<'a> Storages<'a> {
    pub(super) fn new(ids: Ids<'a>) -> Self {
        let list = match ids {
            Ids::Objects(objects) => objects.storages.clone(),
            _ => Vec::new(),
        };
        Self {
            list,
            ids,
            by_key: HashMap::new(),
            views: HashMap::new(),
        }
    }

    /// The place that a persistent id stands for, which must be a storage.
    pub(super) fn place(&mut self, graph: &Graph<'_>, id: NodeId) -> Parse<Place> {
        match self.resolve(graph, id)? {
            Referred::Known(Known { place, view: None }) => Ok(place),
            _ => Err(not_a_storage()),
        }
    }

    pub(super) fn resolve(&mut self, graph: &Graph<'_>, id: NodeId) -> Parse<Referred> {
        let described = match (graph.node(id), self.ids) {
            (Node::Persistent(id), Ids::Objects(objects)) => return by_number(graph, *id, objects),
            (Node::Persistent(id), ids) => {
                if let Some(other) = other(graph, *id, ids) {
                    return Ok(Referred::Other(other));
                }
                from_tuple(graph, *id, ids)
            }
            // Stacked pickles with textual ids are refused by torch.
            (Node::PersistentText(span), Ids::Zip) => {
                let at = graph.base + u64::from(span.start);
                from_text(graph.slice(*span), at)
            }
            _ => None,
        };
        let described = described.ok_or_else(not_a_storage)?;
        let index = self.storage(&described)?;
        let storage = &self.list[index];
        let whole = Place {
            storage: index,
            dtype: storage.dtype,
            start: 0,
            len: storage.len,
        };
        let place = match described.part {
            None => whole,
            Some(part) => self.part(whole, part, described.at)?,
        };
        Ok(Referred::Known(Known { place, view: None }))
    }

    fn storage(&mut self, described: &Described<'_>) -> Parse<usize> {
        let Described {
            class,
            ref key,
            numel,
            at,
            ..
        } = *described;
        let key: &[u8] = key;
        let dtype = storage_dtype(class).ok_or_else(|| {
            let class = String::from_utf8_lossy(class.1);
            Refusal::new(format!(
                "torch: unknown storage class {class:?} at byte {at}"
            ))
        })?;
        if dtype.is_none() && matches!(self.ids, Ids::Stacked) {
            return Err(Refusal::new(format!(
                "torch: storage without a dtype, which torch does not load from such files, at byte {at}"
            )));
        }
        let len = dtype
            .map_or(Some(1), Dtype::item_size)
            .and_then(|item| item.checked_mul(numel))
            .filter(|&len| i64::try_from(len).is_ok())
            .ok_or_else(|| Refusal::new(format!("torch: storage too long at byte {at}")))?;
        // Short: a long one, shared by many tensors, would be looked at for each of them.
        let text = key_text(key, at)?;
        if self.views.contains_key(key) {
            return Err(two_ways(text, at, at));
        }
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
                    return Err(two_ways(text, known.at, at));
                }
                Ok(index)
            }
        }
    }

    /// A part of a storage, with a key of its own: the first description of a key counts for torch.
    fn part(&mut self, whole: Place, part: Part<'_>, at: u64) -> Parse<Place> {
        let text = key_text(part.key, at)?;
        let item = whole.dtype.and_then(Dtype::item_size).unwrap_or(1);
        let bytes = |elements: u64| elements.checked_mul(item);
        let place = (|| {
            let place = Place {
                start: bytes(part.offset)?,
                len: bytes(part.numel)?,
                ..whole
            };
            (place.start.checked_add(place.len)? <= whole.len).then_some(place)
        })();
        let place = place.ok_or_else(|| {
            Refusal::new(format!(
                "torch: view {text:?} reaches outside its storage, at byte {at}"
            ))
        })?;
        if self.by_key.contains_key(part.key) {
            return Err(two_ways(text, at, at));
        }
        let known = self
            .views
            .entry(part.key.to_vec())
            .or_insert(View { place, at });
        if known.place != place {
            return Err(two_ways(text, known.at, at));
        }
        Ok(place)
    }

    /// Checks that storages which the walk did not meet do not contradict those that it met, and adds
    /// them: readers that build everything see them.
    pub(super) fn add_all(&mut self, graph: &Graph<'_>) -> Parse<()> {
        for (id, node) in (0..).zip(&graph.nodes) {
            if matches!(node, Node::Persistent(_) | Node::PersistentText(_)) {
                self.resolve(graph, id)?;
            }
        }
        Ok(())
    }
}

fn not_a_storage() -> Refusal {
    Refusal::new("torch: a persistent id does not describe a storage")
}

fn two_ways(key: &str, first: u64, second: u64) -> Refusal {
    Refusal::new(format!(
        "torch: storage {key:?} is described in two ways, at bytes {first} and {second}"
    ))
}

fn key_text(key: &[u8], at: u64) -> Parse<&str> {
    Some(key)
        .filter(|key| (1..=MAX_KEY).contains(&key.len()))
        .and_then(|key| std::str::from_utf8(key).ok())
        .filter(|key| !key.contains(['/', '\\', '\0']))
        .ok_or_else(|| Refusal::new(format!("torch: bad storage key at byte {at}")))
}

type Class<'g> = (&'g [u8], &'g [u8]);

/// A storage, as a persistent id describes it.
struct Described<'g> {
    class: Class<'g>,
    key: Cow<'g, [u8]>,
    numel: u64,
    part: Option<Part<'g>>,
    at: u64,
}

/// A part of a storage, in elements.
struct Part<'g> {
    key: &'g [u8],
    offset: u64,
    numel: u64,
}

/// `('storage', class, key, location, numel)`, and the part or `None` if there is a sixth element. Keys are
/// strings, in packages numbers.
fn from_tuple<'g>(graph: &'g Graph<'_>, id: NodeId, ids: Ids<'_>) -> Option<Described<'g>> {
    let sixth = matches!(ids, Ids::Stacked);
    let (&[kind, class, key, location, numel], rest) = graph.tuple(id)?.split_first_chunk::<5>()?;
    let part = match *rest {
        [] if !sixth => None,
        [part] if sixth => match graph.node(part) {
            Node::None => None,
            _ => match *graph.tuple(part)? {
                [key, offset, numel] => Some(Part {
                    key: graph.str(key)?,
                    offset: graph.unsigned(offset)?,
                    numel: graph.unsigned(numel)?,
                }),
                _ => return None,
            },
        },
        _ => return None,
    };
    let location = graph.str(location);
    let described = Described {
        class: graph.global(class)?,
        // Where the key stands tells where in the pickle this is.
        at: graph.position(key),
        key: match (graph.node(key), ids) {
            (Node::Int(number), Ids::Package) => Cow::Owned(number.to_string().into_bytes()),
            _ => Cow::Borrowed(graph.str(key)?),
        },
        numel: graph.unsigned(numel)?,
        part,
    };
    (graph.str(kind)? == b"storage" && location.is_some()).then_some(described)
}

/// What an id that is no storage stands for.
fn other(graph: &Graph<'_>, id: NodeId, ids: Ids<'_>) -> Option<NodeId> {
    let tuple = graph.tuple(id)?;
    match (ids, graph.str(*tuple.first()?)?, tuple) {
        (Ids::Stacked, b"module", &[_, class, _, _]) => Some(class),
        (Ids::Package, b"reduce_package", &[_, .., args]) => Some(args),
        _ => None,
    }
}

/// A number, or its digits; or a class with its source.
fn by_number(graph: &Graph<'_>, id: NodeId, objects: &super::torch::Objects) -> Parse<Referred> {
    if let Some(&class) = graph.tuple(id).and_then(<[NodeId]>::first) {
        return Ok(Referred::Other(class));
    }
    let digits = |text: &[u8]| std::str::from_utf8(text).ok()?.parse().ok();
    let number = match graph.node(id) {
        Node::Int(number) => Some(*number),
        _ => graph
            .str(id)
            .filter(|text| text.len() < 20)
            .and_then(digits),
    };
    number
        .and_then(|number| objects.by_key.get(&number))
        .map(|known| Referred::Known(known.clone()))
        .ok_or_else(|| Refusal::new("torch: a persistent id that stands for no object of the file"))
}

/// The same tuple as Python prints it, which is what protocol 0 writes.
fn from_text(text: &[u8], at: u64) -> Option<Described<'_>> {
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
    Some(Described {
        class: (&class[..dot], &class[dot + 1..]),
        key: Cow::Borrowed(key),
        numel: numel.parse().ok()?,
        part: None,
        at,
    })
}

/// The element type of a storage class: `Some(None)` for plain bytes.
pub(super) fn storage_dtype((module, name): Class<'_>) -> Option<Option<Dtype>> {
    if matches!(module, b"torch.storage" | b"torch")
        && matches!(name, b"UntypedStorage" | b"_UntypedStorage")
    {
        return Some(None);
    }
    // Those of GPUs only differ in where torch would put them.
    if !matches!(module, b"torch" | b"torch.cuda") {
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
