//! The content hash: one value for all tensors of a checkpoint, whatever the file around them.
//!
//! In: a file. Out: hashes over names and tensor hashes, sorted by name: of all tensors, and of the model's,
//! which are those below `state_dict/`, without it, where there are any. So a `.ckpt`, a `.pt` and a
//! `.safetensors` of the same weights have the same one. Specification: `docs/provenance.md`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{Options, hash, shown};
use crate::bytes::{FileSource, Limits};
use crate::cancel::Cancel;
use crate::format;
use crate::layout::Parsed;
use crate::progress::Progress;
use crate::{Error, Result};

/// Names below it are those of the model, in checkpoints of a training.
const MODEL: &str = "state_dict/";

#[derive(Serialize)]
struct Content {
    /// Hash of all tensors; `None` when one cannot be hashed.
    all: Option<String>,
    /// Hash of the model's.
    model: Option<String>,
    /// How many there are.
    tensors: usize,
    /// Why there are no hashes.
    because: Option<String>,
}

/// The content hashes of a file, as JSON: `{all, model, tensors, because}`. Every byte of its tensors is read.
///
/// # Errors
/// As [`inspect_path`](super::inspect_path).
pub fn content_hash(path: &Path, cancel: &Cancel, progress: &Progress) -> Result<String> {
    let source = FileSource::open(path)?;
    let mut content = Content {
        all: None,
        model: None,
        tensors: 0,
        because: None,
    };
    match format::parse(&source, &Limits::default())? {
        Parsed::Opaque(reason) => content.because = Some(reason),
        Parsed::Layout(layout) => {
            let mut tensors = shown(&layout);
            let options = Options {
                hash: true,
                ..Options::default()
            };
            hash(&source, &mut tensors, &options, cancel, progress)?;
            content.tensors = tensors.len();
            let unread = tensors.iter().find(|tensor| tensor.hash.is_none());
            match unread {
                Some(tensor) => {
                    content.because = Some(format!("tensor {} cannot be read", tensor.name));
                }
                None => {
                    let pairs = tensors
                        .iter()
                        .filter_map(|tensor| Some((tensor.name, tensor.hash.as_deref()?)));
                    let all: BTreeMap<&str, &str> = pairs.collect();
                    let model: BTreeMap<&str, &str> = all
                        .iter()
                        .filter_map(|(name, hash)| Some((name.strip_prefix(MODEL)?, *hash)))
                        .collect();
                    content.all = Some(root(&all));
                    content.model = Some(root(if model.is_empty() { &all } else { &model }));
                }
            }
        }
    }
    source.check_unchanged()?;
    serde_json::to_string(&content).map_err(|e| Error::Internal(e.to_string()))
}

/// The hash over names, which are sorted by their bytes, and tensor hashes in hexadecimal.
fn root(tensors: &BTreeMap<&str, &str>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"git-theta content 1\0");
    for (name, hash) in tensors {
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(hash.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
