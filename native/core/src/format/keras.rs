//! `keras`: the `.keras` archives of Keras 3.
//!
//! In: a zip archive with `metadata.json`, `config.json` and `model.weights.h5`. Out: the tensors of the
//! stored record `model.weights.h5`, as [`super::hdf5`] finds them; all other bytes are literal.
//! Refused: weights that are compressed, in several files or in a NumPy archive.
//! Specification: `keras/src/saving/saving_lib.py`.

use serde_json::{Map, Value, json};

use super::archive::ArchiveFormat;
use super::facts::{short, short_tree};
use super::{Facts, hdf5};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, read_vec};
use crate::layout::Layout;
use crate::zip::{Archive, Entry, Method};

/// See the module.
pub(super) struct Keras;

const METADATA: &str = "metadata.json";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";

/// The key of Keras's version, in the metadata and in HDF5 files.
pub(super) const VERSION: &str = "keras_version";

/// Bytes of a record that is described.
const DESCRIBED: u64 = 4 << 20;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("keras: {rule}")))
}

fn record<'a>(archive: &'a Archive, name: &str) -> Option<&'a Entry> {
    archive.entries.iter().find(|entry| entry.name == name)
}

impl ArchiveFormat for Keras {
    fn name(&self) -> &'static str {
        "keras"
    }

    fn claims(&self, archive: &Archive) -> bool {
        [METADATA, CONFIG]
            .iter()
            .all(|name| record(archive, name).is_some())
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        archive: &Archive,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        if let Some(facts) = facts {
            *facts = describe(source, archive)?;
        }
        let Some(weights) = record(archive, WEIGHTS) else {
            let other = archive.entries.iter().map(|entry| &entry.name);
            let mut other = other.filter(|name| name.starts_with("model"));
            return match other.next() {
                Some(name) => refuse(format!("weights in {name}, which is not split")),
                None => refuse(format!("record {WEIGHTS} is missing")),
            };
        };
        if weights.method != Method::Stored {
            return refuse(format!(
                "record {WEIGHTS} at byte {} is compressed",
                weights.header
            ));
        }
        // The archive's entries are inside the file.
        let within = weights.payload..weights.payload + weights.len;
        hdf5::layout(self.name(), source, within, limits, None).map_err(|refusal| match refusal {
            Refusal::Content(reason) => Refusal::new(format!("keras: in {WEIGHTS}: {reason}")),
            io @ Refusal::Io(_) => io,
        })
    }
}

fn describe(source: &dyn ReadAt, archive: &Archive) -> Parse<Facts> {
    let metadata = tree(source, archive, METADATA)?;
    let config = tree(source, archive, CONFIG)?;
    let objects = json!({ METADATA: metadata, CONFIG: model(&config) });
    Ok(Facts {
        writer: writer(metadata.get(VERSION)),
        objects: short_tree(&objects),
        ..Facts::default()
    })
}

/// What wrote a file with this version.
pub(super) fn writer(version: Option<&Value>) -> Option<String> {
    let version = version.and_then(Value::as_str);
    version.map(|version| short(&format!("Keras {version}")))
}

/// A record of JSON; null when it is none, or is large.
fn tree(source: &dyn ReadAt, archive: &Archive, name: &str) -> Parse<Value> {
    let Some(entry) = record(archive, name).filter(|entry| entry.len <= DESCRIBED) else {
        return Ok(Value::Null);
    };
    if entry.method != Method::Stored {
        return Ok(Value::Null);
    }
    let bytes = read_vec(source, entry.payload, entry.len)?;
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// A model: its class and name, and those of its layers.
fn model(config: &Value) -> Value {
    let mut found = Map::new();
    for (key, path) in [
        ("class", "/class_name"),
        ("name", "/config/name"),
        ("dtype", "/config/dtype"),
        ("compile", "/compile_config"),
    ] {
        if let Some(value) = config.pointer(path) {
            found.insert(key.to_owned(), value.clone());
        }
    }
    if let Some(Value::Array(layers)) = config.pointer("/config/layers") {
        let layer = |layer: &Value| -> Value {
            let text = |path| layer.pointer(path).and_then(Value::as_str).unwrap_or("?");
            format!("{}: {}", text("/config/name"), text("/class_name")).into()
        };
        found.insert("layers".to_owned(), layers.iter().map(layer).collect());
    }
    found.into()
}
