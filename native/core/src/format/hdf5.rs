//! `hdf5`: the files that h5py writes, and Keras through it.
//!
//! In: what [`crate::hdf5`] finds. Out: one storage for each contiguous dataset and for each chunk without
//! filters; the rest of the file is literal. A dataset of one chunk is that tensor; of several chunks each is
//! a tensor `<dataset>/<index>.<index>`, and the dataset is listed. Datasets that are compact, compressed or
//! never written are literal and listed with their values, others with the reason why they are not read.
//! Names are the file's own paths. Refused: what [`crate::hdf5`] refuses.
//! Specification: as there; h5py's documentation for truth values and complex numbers; for `bfloat16`
//! `keras/src/saving/saving_lib.py`.

use std::ops::Range;

use serde_json::{Map, Value};

use super::assemble::{self, FoundStorage, FoundTensor};
use super::facts::short_tree;
use super::{Facts, Format, Probe, keras};
use crate::bytes::{Limits, Parse, ReadAt, Refusal};
use crate::hdf5::{Contents, Dataset, Found, find, read};
use crate::layout::{Bytes, Chunks, Layout, Listed, Packed, Values};
use crate::tensor::{Dtype, View};

/// See the module.
pub(super) struct Hdf5;

impl Format for Hdf5 {
    fn name(&self) -> &'static str {
        "hdf5"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        // Parsing says what is wrong when reading fails.
        find(file.source, 0..file.source.len()).map_or(true, |at| at.is_some())
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        layout(self.name(), source, 0..source.len(), limits, facts)
    }
}

/// The layout of a source of which a range is an HDF5 file; what is around it is literal.
pub(super) fn layout(
    format: &'static str,
    source: &dyn ReadAt,
    within: Range<u64>,
    limits: &Limits,
    facts: Option<&mut Facts>,
) -> Parse<Layout> {
    let contents = read(source, within, limits)?;
    if let Some(facts) = facts {
        *facts = describe(&contents);
    }
    let mut collector = Collector::default();
    for dataset in &contents.datasets {
        collector.store(dataset);
    }
    for named in &contents.names {
        let dataset = &contents.datasets[named.dataset];
        let first = collector.first[named.dataset];
        collector.name(&named.name, dataset, first);
        if collector.pieces > limits.tensors {
            let most = limits.tensors;
            return Err(Refusal::new(format!("hdf5: more than {most} tensors")));
        }
    }
    collector.found.assemble(format, source.len())
}

#[derive(Default)]
struct Collector {
    found: assemble::Found,
    /// Index of the first storage of each dataset.
    first: Vec<usize>,
    /// Tensors and chunks that are kept for all names.
    pieces: u64,
}

impl Collector {
    fn store(&mut self, dataset: &Dataset) {
        self.first.push(self.found.storages.len());
        match &dataset.found {
            Found::Contiguous(dtype, offset) => self.found.storages.push(FoundStorage {
                offset: *offset,
                len: dtype.byte_len(&dataset.shape).unwrap_or(0),
            }),
            Found::Chunked(_, array) if array.filters.is_empty() => {
                let chunks = array.chunks.iter().map(|chunk| FoundStorage {
                    offset: chunk.offset,
                    len: chunk.len,
                });
                self.found.storages.extend(chunks);
            }
            _ => {}
        }
    }

    fn name(&mut self, name: &str, dataset: &Dataset, first: usize) {
        self.pieces += 1;
        let list = |values| Listed {
            name: name.to_owned(),
            dtype: dataset.dtype.clone(),
            shape: dataset.shape.clone(),
            values,
        };
        let packed = |dtype: Dtype, bytes: Bytes| Packed {
            bytes,
            dtype,
            view: View::contiguous(dataset.shape.clone()),
        };
        match &dataset.found {
            Found::Contiguous(dtype, _) => self.tensor(name, first, *dtype, &dataset.shape),
            Found::Compact(dtype, offset) => {
                let len = dtype.byte_len(&dataset.shape).unwrap_or(0);
                let packed = packed(*dtype, Bytes::Runs(vec![(*offset, len)]));
                self.found.listed.push(list(Values::Packed(packed)));
            }
            Found::Chunked(dtype, array) if is_one_run(array) => {
                self.tensor(name, first, *dtype, &dataset.shape);
            }
            Found::Chunked(dtype, array) => {
                self.pieces += array.chunks.len() as u64;
                let packed = packed(*dtype, Bytes::Chunks(array.clone()));
                if array.chunks.is_empty() || !array.filters.is_empty() {
                    self.found.listed.push(list(Values::Packed(packed)));
                    return;
                }
                let parts = parts(name, array);
                for (index, part) in parts.iter().enumerate() {
                    self.tensor(part, first + index, *dtype, &array.chunk);
                }
                self.found.listed.push(list(Values::Parts(parts, packed)));
            }
            Found::Unread(why) => self.found.listed.push(list(Values::Unread(why))),
        }
    }

    fn tensor(&mut self, name: &str, storage: usize, dtype: Dtype, shape: &[u64]) {
        self.found.tensors.push(FoundTensor {
            name: name.to_owned(),
            storage,
            view: Some((dtype, View::contiguous(shape.to_vec()))),
        });
    }
}

/// Is the array one chunk without filters?
fn is_one_run(array: &Chunks) -> bool {
    array.filters.is_empty() && array.shape == array.chunk && array.chunks.len() == 1
}

/// Names of the chunks, by their places in the grid.
fn parts(name: &str, array: &Chunks) -> Vec<String> {
    let part = |origin: &[u64]| {
        let steps = origin.iter().zip(&array.chunk).map(|(at, step)| at / step);
        let steps: Vec<String> = steps.map(|step| step.to_string()).collect();
        format!("{name}/{}", steps.join("."))
    };
    array
        .chunks
        .iter()
        .map(|chunk| part(&chunk.origin))
        .collect()
}

/// What is known besides datasets. Keras writes its version beside the weights, in files of whole models.
fn describe(contents: &Contents) -> Facts {
    let mut objects = Map::new();
    let attributes: Map<String, Value> = contents.attributes.iter().cloned().collect();
    let writer = keras::writer(attributes.get(keras::VERSION));
    let elsewhere = contents
        .elsewhere
        .iter()
        .map(|(name, what)| (name.clone(), (*what).into()));
    let elsewhere: Map<String, Value> = elsewhere.collect();
    for (key, map) in [("attributes", attributes), ("notFollowed", elsewhere)] {
        if !map.is_empty() {
            objects.insert(key.to_owned(), map.into());
        }
    }
    Facts {
        writer,
        objects: if objects.is_empty() {
            Value::Null
        } else {
            short_tree(&objects.into())
        },
        ..Facts::default()
    }
}
