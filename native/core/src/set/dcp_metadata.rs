//! `.metadata` of a distributed checkpoint, from the graph of its pickle.
//!
//! In: a graph. Out: [`Metadata`]. Refused: what is no such object, and more parts than the limit.

use std::collections::{HashMap, HashSet};

use super::grid::Cell;
use crate::bytes::{Limits, MAX_INTEGER};
use crate::pickle::{Graph, Item, Node, NodeId, Object};
use crate::tensor::{Dtype, push_component};

/// An entry of the state dict.
pub(super) struct Stored<'g> {
    /// The flat name.
    pub(super) fqn: &'g [u8],
    /// The path, as tensors of single files are named.
    pub(super) name: String,
    /// `None` for what is no tensor.
    pub(super) tensor: Option<Description>,
}

/// A tensor, as the metadata describes it.
pub(super) struct Description {
    /// `None` for a type that is not ours.
    pub(super) dtype: Option<Dtype>,
    pub(super) shape: Vec<u64>,
    /// Its parts.
    pub(super) cells: Vec<Cell>,
}

/// Where a part is.
pub(super) struct Info<'g> {
    pub(super) path: &'g str,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// Was it changed on its way into the file?
    pub(super) transformed: bool,
}

/// Places of parts, by flat name and offsets.
pub(super) type Places<'g> = HashMap<(&'g [u8], Vec<u64>), Info<'g>>;

pub(super) struct Metadata<'g> {
    pub(super) entries: Vec<Stored<'g>>,
    pub(super) places: Places<'g>,
    /// Of entries that are left out.
    pub(super) problems: Vec<String>,
}

/// Attributes of one object; they are looked for one by one.
const MAX_ATTRIBUTES: usize = 32;

/// Is this the metadata of a distributed checkpoint?
pub(super) fn is_metadata(graph: &Graph<'_>) -> bool {
    object(graph, graph.root, b"Metadata").is_some()
}

/// Reads the metadata.
///
/// # Errors
/// Why it cannot be understood.
pub(super) fn read<'g>(graph: &'g Graph<'g>, limits: &Limits) -> Result<Metadata<'g>, String> {
    let root = object(graph, graph.root, b"Metadata").ok_or("no metadata of a checkpoint")?;
    let dict = |name: &str| match graph.node(attribute(graph, root, name.as_bytes())?) {
        Node::Dict(items) => Some(items.as_slice()),
        _ => None,
    };
    let entries = dict("state_dict_metadata").ok_or("no state_dict_metadata")?;
    let storage = dict("storage_data").ok_or("no storage_data")?;
    let paths = paths(graph, dict("planner_data").unwrap_or_default());
    let mut reader = Reader {
        graph,
        limits,
        cells: 0,
        extents: 0,
        name_bytes: 0,
        problems: Vec::new(),
    };
    let entries = reader.entries(entries, &paths)?;
    let places = reader.places(storage)?;
    Ok(Metadata {
        entries,
        places,
        problems: reader.problems,
    })
}

struct Reader<'g, 'l> {
    graph: &'g Graph<'g>,
    limits: &'l Limits,
    /// Parts so far: lists of them may be shared.
    cells: u64,
    extents: u64,
    name_bytes: u64,
    problems: Vec<String>,
}

impl<'g> Reader<'g, '_> {
    fn entries(
        &mut self,
        items: &'g [Item],
        paths: &HashMap<&'g [u8], NodeId>,
    ) -> Result<Vec<Stored<'g>>, String> {
        let graph = self.graph;
        let mut entries = Vec::new();
        let mut seen = HashSet::with_capacity(items.len());
        for item in items {
            let Some(fqn) = graph.str(item.key) else {
                return Err("a name that is no text".into());
            };
            let shown = String::from_utf8_lossy(fqn);
            let Some(name) = self.name(fqn, paths.get(fqn).copied())? else {
                self.problem(format!("{shown}: its name is not Unicode"));
                continue;
            };
            if !seen.insert(fqn) {
                self.problem(format!("{shown}: it is there twice"));
                continue;
            }
            let tensor = match object(graph, item.value, b"TensorStorageMetadata") {
                None if object(graph, item.value, b"BytesStorageMetadata").is_some() => None,
                None => {
                    self.problem(format!("{shown}: neither a tensor nor bytes"));
                    continue;
                }
                Some(object) => match self.tensor(object)? {
                    Some(tensor) => Some(tensor),
                    None => {
                        self.problem(format!("{shown}: no type, shape and parts"));
                        continue;
                    }
                },
            };
            entries.push(Stored { fqn, name, tensor });
        }
        Ok(entries)
    }

    fn problem(&mut self, problem: String) {
        // The view bounds their number; this, their memory.
        if self.problems.len() < 10_000 {
            self.problems.push(problem);
        }
    }

    /// The path that the planner has noted, or the flat name as one component.
    fn name(&mut self, fqn: &[u8], path: Option<NodeId>) -> Result<Option<String>, String> {
        let graph = self.graph;
        let mut name = Vec::new();
        let keys = path.and_then(|path| graph.tuple(path)).unwrap_or(&[]);
        for (index, &key) in keys.iter().enumerate() {
            if index > 0 {
                name.push(b'/');
            }
            match graph.node(key) {
                Node::Str(text) => push_component(&mut name, graph.text(text)),
                Node::Int(number) => name.extend(number.to_string().into_bytes()),
                // A key that has no name of its own.
                _ => return Ok(self.flat(fqn)),
            }
            if self.name_bytes.saturating_add(name.len() as u64) > self.limits.name_bytes {
                return Err("names take too many bytes".into());
            }
        }
        self.name_bytes += name.len() as u64;
        if keys.is_empty() {
            return Ok(self.flat(fqn));
        }
        Ok(String::from_utf8(name).ok())
    }

    fn flat(&self, fqn: &[u8]) -> Option<String> {
        let mut name = Vec::new();
        push_component(&mut name, fqn);
        String::from_utf8(name).ok()
    }

    /// `None` when it lacks something.
    fn tensor(&mut self, object: &'g Object) -> Result<Option<Description>, String> {
        let graph = self.graph;
        let size = attribute(graph, object, b"size").and_then(|id| self.size(id));
        let properties = attribute(graph, object, b"properties").and_then(|id| dtype(graph, id));
        let chunks = attribute(graph, object, b"chunks").map(|id| graph.node(id));
        let (Some(shape), Some(dtype), Some(Node::List(chunks))) = (size, properties, chunks)
        else {
            return Ok(None);
        };
        self.cells = self.cells.saturating_add(chunks.len() as u64);
        self.check_parts(self.cells)?;
        let mut cells = Vec::with_capacity(chunks.len());
        for &chunk in chunks {
            let Some(object) = self::object(graph, chunk, b"ChunkStorageMetadata") else {
                return Ok(None);
            };
            let offsets = attribute(graph, object, b"offsets").and_then(|id| self.size(id));
            let sizes = attribute(graph, object, b"sizes").and_then(|id| self.size(id));
            let (Some(offsets), Some(sizes)) = (offsets, sizes) else {
                return Ok(None);
            };
            self.extents += 2 * (offsets.len() + sizes.len() + 1) as u64;
            if self.extents > self.limits.pickle_nodes {
                return Err("parts of tensors have too many extents".into());
            }
            cells.push((offsets, sizes));
        }
        Ok(Some(Description {
            dtype,
            shape,
            cells,
        }))
    }

    fn check_parts(&self, count: u64) -> Result<(), String> {
        let most = self.limits.tensors;
        if count > most {
            return Err(format!("more than {most} parts of tensors"));
        }
        Ok(())
    }

    /// `torch.Size`, or a tuple.
    fn size(&self, id: NodeId) -> Option<Vec<u64>> {
        let graph = self.graph;
        let ids = match graph.node(id) {
            Node::Object(object) => graph.torch_size(object)?,
            _ => graph.tuple(id)?,
        };
        if ids.len() > self.limits.rank {
            return None;
        }
        let extent = |&id: &NodeId| graph.unsigned(id).filter(|&n| n <= MAX_INTEGER);
        ids.iter().map(extent).collect()
    }

    fn places(&mut self, items: &'g [Item]) -> Result<Places<'g>, String> {
        self.check_parts(items.len() as u64)?;
        let graph = self.graph;
        let mut places = Places::with_capacity(items.len());
        for item in items {
            let key = object(graph, item.key, b"MetadataIndex");
            let key = key.and_then(|index| {
                let fqn = graph.str(attribute(graph, index, b"fqn")?)?;
                let offset = attribute(graph, index, b"offset");
                // Bytes have none.
                let offset = offset.filter(|&id| *graph.node(id) != Node::None);
                let offset = offset.map_or(Some(Vec::new()), |id| self.size(id));
                Some((fqn, offset?))
            });
            let Some(key) = key else {
                self.problem("storage_data has a key of another kind".into());
                continue;
            };
            let shown = String::from_utf8_lossy(key.0);
            let Some(info) = self.info(item.value) else {
                self.problem(format!("{shown}: its place is not understood"));
                continue;
            };
            if places.contains_key(&key) {
                self.problem(format!("{shown}: one part has two places"));
                continue;
            }
            places.insert(key, info);
        }
        Ok(places)
    }

    fn info(&self, id: NodeId) -> Option<Info<'g>> {
        let graph = self.graph;
        let object = object(graph, id, b"_StorageInfo")?;
        let number = |name: &[u8]| {
            let value = graph.unsigned(attribute(graph, object, name)?)?;
            Some(value).filter(|&value| value <= MAX_INTEGER)
        };
        let transformed = attribute(graph, object, b"transform_descriptors");
        let transformed = transformed.map(|id| graph.node(id));
        Some(Info {
            path: std::str::from_utf8(graph.str(attribute(graph, object, b"relative_path")?)?)
                .ok()?,
            offset: number(b"offset")?,
            length: number(b"length")?,
            transformed: match transformed {
                None | Some(Node::None) => false,
                Some(Node::List(list)) => !list.is_empty(),
                Some(Node::Tuple(list)) => !list.is_empty(),
                Some(_) => true,
            },
        })
    }
}

/// The paths that the planner has noted, by flat name.
fn paths<'g>(graph: &'g Graph<'g>, items: &'g [Item]) -> HashMap<&'g [u8], NodeId> {
    let path = |item: &Item| Some((graph.str(item.key)?, item.value));
    items.iter().filter_map(path).collect()
}

/// An object of a class of this name in one of torch's modules for distributed checkpoints.
fn object<'g>(graph: &'g Graph<'g>, id: NodeId, class: &[u8]) -> Option<&'g Object> {
    let Node::Object(object) = graph.node(id) else {
        return None;
    };
    let (module, name) = graph.global(object.callable)?;
    let ours = module.starts_with(b"torch.distributed.") && module.len() < 100;
    (ours && name == class).then_some(object)
}

/// An attribute of an object whose state is a dict.
fn attribute(graph: &Graph<'_>, object: &Object, name: &[u8]) -> Option<NodeId> {
    let &[state] = &object.states[..] else {
        return None;
    };
    let Node::Dict(items) = graph.node(state) else {
        return None;
    };
    if items.len() > MAX_ATTRIBUTES {
        return None;
    }
    let found = items
        .iter()
        .rev()
        .find(|item| graph.str(item.key) == Some(name));
    found.map(|item| item.value)
}

/// The type among `TensorProperties`, whose state is a tuple; `Some(None)` when it is not ours.
fn dtype(graph: &Graph<'_>, id: NodeId) -> Option<Option<Dtype>> {
    let object = object(graph, id, b"TensorProperties")?;
    let &[state] = &object.states[..] else {
        return None;
    };
    let &first = graph.tuple(state)?.first()?;
    let (module, name) = graph.global(first)?;
    if module != b"torch" || name.len() > 64 {
        return None;
    }
    Some(std::str::from_utf8(name).ok().and_then(Dtype::parse))
}
