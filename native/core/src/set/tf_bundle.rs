//! TensorFlow checkpoints, version 2: an index and its data files.
//!
//! In: `prefix.index`. Out: the tensors in `prefix.data-00000-of-00001` and its like. Names are
//! TensorFlow's, whose own separator is `/`. Text is listed without its values. The object graph, which
//! TensorFlow stores as a tensor of text, is none of the model's and left out. Problems: data files that
//! are missing, entries outside them or of another size than type and shape say, ranges that overlap,
//! slices that are missing or do not cover their tensor.

use super::grid;
use super::places::check_overlaps;
use super::view::{Place, Role, Set, Tensor};
use crate::bytes::{FileSource, ReadAt, Refusal};
use crate::format::tf_index::{self, Entry, Index, Type, slice_key};
use crate::tensor::Dtype;
use crate::{Error, Result};

const OBJECT_GRAPH: &str = "_CHECKPOINTABLE_OBJECT_GRAPH";

/// What the name of an index ends with.
pub(super) const SUFFIX: &str = ".index";

/// Adds the model of the index at `path`.
///
/// # Errors
/// [`Error::Io`] when reading fails.
pub(super) fn view(set: &mut Set<'_>, path: &str, source: &FileSource) -> Result<()> {
    set.view.format = "tensorflow-bundle".into();
    let file = set.list(path, Role::Index, source.len());
    set.view.files[file].format = "tensorflow-index".into();
    let index = match tf_index::read(source, set.limits) {
        Ok(index) => index,
        Err(Refusal::Content(reason)) => {
            set.problem(path, reason);
            return Ok(());
        }
        Err(Refusal::Io(error)) => return Err(Error::io("reading", source.origin())(error)),
    };
    let prefix = path.strip_suffix(SUFFIX).unwrap_or(path);
    let shards = (0..index.shards)
        .map(|shard| {
            let name = format!("{prefix}.data-{shard:05}-of-{:05}", index.shards);
            let (file, _) = set.open(&name, Role::Data)?;
            Some(file)
        })
        .collect();
    let mut bundle = Bundle { set, shards };
    bundle.add(&index);
    Ok(())
}

struct Bundle<'s, 'a> {
    set: &'s mut Set<'a>,
    /// Index in the view; `None` for those that are missing.
    shards: Vec<Option<usize>>,
}

impl Bundle<'_, '_> {
    fn add(&mut self, index: &Index) {
        let mut used = 0;
        let mut claims = Vec::new();
        for (name, entry) in &index.tensors {
            let places = if entry.slices.is_empty() {
                let place = self.place(name, entry, Vec::new());
                place.map(|place| vec![place])
            } else {
                used += entry.slices.len();
                self.slices(index, name, entry)
            };
            let places = places.unwrap_or_default();
            claims.extend(places.iter().filter_map(|place| place.claim(name)));
            if name != OBJECT_GRAPH {
                let tensor = self.tensor(name, entry, places);
                self.set.view.tensors.push(tensor);
            }
        }
        if used != index.slices.len() {
            let rule = format!(
                "{} slices, of which tensors name {used}",
                index.slices.len()
            );
            self.set.problem("the index", rule);
        }
        check_overlaps(self.set, claims);
    }

    fn tensor(&self, name: &str, entry: &Entry, mut places: Vec<Place>) -> Tensor {
        let first = places.first().map(|place| place.file);
        let file = first.and_then(|file| self.set.view.files.get(file));
        let bytes = match entry.dtype {
            Type::Plain(dtype) => dtype.byte_len(&entry.shape).unwrap_or(0),
            Type::Other(_) => {
                places.clear();
                entry.size
            }
        };
        Tensor {
            name: name.replace('%', "%25"),
            dtype: entry.dtype.name().into(),
            shape: entry.shape.clone(),
            bytes,
            file: file.map_or_else(String::new, |file| file.path.clone()),
            places,
        }
    }

    /// Where an entry's values are.
    fn place(&mut self, name: &str, entry: &Entry, offsets: Vec<u64>) -> Option<Place> {
        let shard = usize::try_from(entry.shard).ok();
        let Some(shard) = shard.and_then(|shard| self.shards.get(shard)) else {
            let rule = format!("data file {} of {}", entry.shard, self.shards.len());
            self.set.problem(name, rule);
            return None;
        };
        // That it is missing has been said.
        let file = (*shard)?;
        let data = &self.set.view.files[file];
        let end = entry.offset.checked_add(entry.size);
        if end.is_none_or(|end| end > data.bytes) {
            let rule = data.lacks(entry.offset, entry.size);
            self.set.problem(name, rule);
            return None;
        }
        let (dtype, shape) = match entry.dtype {
            Type::Plain(dtype) => (dtype, entry.shape.clone()),
            Type::Other(_) => (Dtype::UInt8, vec![entry.size]),
        };
        if dtype.byte_len(&shape) != Some(entry.size) {
            let rule = format!("type and shape do not take its {} bytes", entry.size);
            self.set.problem(name, rule);
            return None;
        }
        let run = (entry.offset, entry.size);
        Some(Place::one_run(file, offsets, run, dtype, shape))
    }

    /// The places of a tensor that is stored in slices; `None` when they are not all there.
    fn slices(&mut self, index: &Index, name: &str, entry: &Entry) -> Option<Vec<Place>> {
        let mut cells = Vec::with_capacity(entry.slices.len());
        let mut places = Vec::with_capacity(entry.slices.len());
        for slice in &entry.slices {
            let Some(part) = index.slices.get(&slice_key(name, slice)) else {
                self.set.problem(name, "one of its slices is missing");
                return None;
            };
            if slice.len() != entry.shape.len() {
                self.set.problem(name, "a slice has another number of axes");
                return None;
            }
            let extents = slice.iter().zip(&entry.shape);
            let (offsets, sizes): (Vec<u64>, Vec<u64>) = extents
                .map(|(&(start, len), &dim)| match len {
                    Some(len) => (start, len),
                    None => (0, dim),
                })
                .unzip();
            if part.dtype != entry.dtype || part.shape != sizes {
                self.set.problem(name, "a slice has another type or shape");
                return None;
            }
            places.push(self.place(name, part, offsets.clone())?);
            cells.push((offsets, sizes));
        }
        if let Err(rule) = grid::check(&entry.shape, &cells) {
            self.set.problem(name, rule);
            return None;
        }
        Some(places)
    }
}
