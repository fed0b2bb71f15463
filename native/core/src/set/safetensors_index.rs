//! `*.index.json`: which tensor of a model is in which of its shards.
//!
//! In: JSON with a `weight_map` from names to files, as Hugging Face's libraries write it for safetensors
//! and for `torch.save`. Out: the tensors of all shards. Problems: shards that are missing or whole,
//! tensors that are missing, in two shards, or in no place of the map, and a `total_size` that is not
//! theirs.
//! Specification: `save_torch_state_dict` of `https://github.com/huggingface/huggingface_hub`.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::places::tensors;
use super::view::{Role, Set, Tensor};
use crate::bytes::{FileSource, ReadAt, read_vec};
use crate::format::parse_and_describe;
use crate::layout::Parsed;
use crate::tensor::component;
use crate::{Error, Result};

const MAX_BYTES: u64 = 256 << 20;
const MAX_ENTRIES: usize = 1_000_000;

#[derive(Deserialize)]
pub(super) struct Index {
    #[serde(default)]
    metadata: Option<Metadata>,
    weight_map: WeightMap,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    total_size: Option<serde_json::Number>,
}

/// Names and files, as they stand: a name may be there twice.
struct WeightMap(Vec<(String, String)>);

impl<'de> Deserialize<'de> for WeightMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = WeightMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names of tensors and of files")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<WeightMap, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    if pairs.len() == MAX_ENTRIES {
                        return Err(A::Error::custom(format!("more than {MAX_ENTRIES} tensors")));
                    }
                    pairs.push(pair);
                }
                Ok(WeightMap(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// Reads an index: `None` when it is no JSON object, else what is in it or why that is no index.
pub(super) fn read(source: &FileSource) -> Result<Option<std::result::Result<Index, String>>> {
    let io = Error::io("reading", source.origin());
    let read = || {
        let head = read_vec(source, 0, source.len().min(64))?;
        if head.trim_ascii_start().first() != Some(&b'{') {
            return Ok(None);
        }
        if source.len() > MAX_BYTES {
            return Ok(Some(Err(format!("more than {MAX_BYTES} bytes of JSON"))));
        }
        let bytes = read_vec(source, 0, source.len())?;
        let index = serde_json::from_slice(&bytes).map_err(|error| error.to_string());
        Ok(Some(index))
    };
    read().map_err(io)
}

/// Adds the model that an index describes.
pub(super) fn view(set: &mut Set<'_>, path: &str, index: Index) -> Result<()> {
    let mut map = index.weight_map.0;
    // By file, so that each shard is opened once.
    for (name, _) in &mut map {
        *name = component(name);
    }
    map.sort();
    map.dedup();
    for pair in map.windows(2) {
        if pair[0].0 == pair[1].0 {
            let rule = format!("{path} names two files: {} and {}", pair[0].1, pair[1].1);
            set.problem(&pair[0].0, rule);
        }
    }
    map.sort_by(|a, b| (&a.1, &a.0).cmp(&(&b.1, &b.0)));
    let mapped: HashSet<&str> = map.iter().map(|(name, _)| name.as_str()).collect();

    let (mut total, mut complete) = (0u64, true);
    set.view.format = "safetensors-shards".into();
    let mut taken: HashSet<String> = HashSet::new();
    for names in map.chunk_by(|a, b| a.1 == b.1) {
        let shard = &names[0].1;
        let Some(found) = tensors_of(set, shard)? else {
            complete = false;
            continue;
        };
        let here: HashSet<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
        let mut seen = HashSet::with_capacity(found.len());
        for tensor in found {
            total = total.saturating_add(tensor.bytes);
            let name = tensor.name.clone();
            if !here.contains(name.as_str()) {
                let rule = if mapped.contains(name.as_str()) {
                    format!("{shard} has it too, where {path} does not look for it")
                } else {
                    format!("it is in {shard}, and {path} does not name it")
                };
                set.problem(&name, rule);
                // The place that the index gives wins.
                if mapped.contains(name.as_str()) {
                    continue;
                }
            }
            if taken.insert(name.clone()) {
                set.view.tensors.push(tensor);
            }
            seen.insert(name);
        }
        for (name, _) in names.iter().filter(|(name, _)| !seen.contains(name)) {
            set.problem(name, format!("{shard} does not have it"));
        }
    }
    check_total(set, path, index.metadata, complete.then_some(total));
    Ok(())
}

/// Opens and parses a shard; `None` when it is not there or is whole.
fn tensors_of(set: &mut Set<'_>, shard: &str) -> Result<Option<Vec<Tensor>>> {
    let Some((file, source)) = set.open(shard, Role::Data) else {
        return Ok(None);
    };
    let (parsed, facts) = parse_and_describe(&source, set.limits)?;
    match parsed {
        Parsed::Opaque(reason) => {
            set.view.files[file].format = "opaque".into();
            set.problem(shard, reason);
            Ok(None)
        }
        Parsed::Layout(layout) => {
            set.view.files[file].format = layout.format.into();
            if layout.format != "safetensors" {
                set.view.format = "torch-shards".into();
            }
            set.view.writer = set.view.writer.take().or(facts.writer);
            Ok(Some(tensors(&layout, (file, shard), 0)))
        }
    }
}

/// Shards of `torch.save` share storages, which writers count in different ways.
fn check_total(set: &mut Set<'_>, path: &str, metadata: Option<Metadata>, total: Option<u64>) {
    let stated = metadata.and_then(|metadata| metadata.total_size);
    let (Some(stated), Some(total)) = (stated, total) else {
        return;
    };
    let same = match stated.as_u64() {
        Some(stated) => stated == total,
        None => stated.as_f64().is_some_and(|stated| stated == total as f64),
    };
    if !same && set.view.format == "safetensors-shards" {
        let rule = format!("total_size is {stated}, the tensors have {total} bytes");
        set.problem(path, rule);
    }
}
