//! What a model of several files is.

use std::path::Path;

use serde::Serialize;

use super::{MOST_VALUES, Options, count, hash_each};
use crate::bytes::Limits;
use crate::cancel::Cancel;
use crate::progress::Progress;
use crate::set::{self, File};
use crate::tensor::Hash;
use crate::{Error, Result};

#[derive(Serialize)]
struct Report<'a> {
    format: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    writer: Option<&'a str>,
    size: u64,
    parameters: u64,
    tensors: Vec<Tensor<'a>>,
    files: &'a [File],
    problems: &'a [String],
}

#[derive(Serialize)]
struct Tensor<'a> {
    #[serde(flatten)]
    tensor: &'a set::Tensor,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<&'static str>,
}

/// Describes a folder, or what the file at `path` is the index of; `None` for other files.
pub(super) fn inspect(
    path: &Path,
    options: &Options,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<Option<String>> {
    let Some(view) = set::view(path, &Limits::default())? else {
        return Ok(None);
    };
    if view.files.is_empty() {
        let rule = "no checkpoint is in this folder";
        return Err(Error::invalid(path.display().to_string(), rule));
    }
    let mut hashes = vec![None; view.tensors.len()];
    if options.hash {
        let todo: Vec<usize> = (0..hashes.len())
            .filter(|&index| options.wants(&view.tensors[index].name))
            .collect();
        let bytes = |&index: &usize| view.tensors[index].bytes;
        let found = hash_each(&todo, bytes, options, cancel, progress, |&index| {
            let hash = view.hash(&view.tensors[index], MOST_VALUES)?;
            progress.add_bytes(view.tensors[index].bytes);
            Ok(hash)
        })?;
        for (index, hash) in todo.into_iter().zip(found) {
            hashes[index] = hash;
        }
    }
    let numbers = |tensor: &&set::Tensor| tensor.dtype != "bool" && !tensor.places.is_empty();
    let shapes = view.tensors.iter().filter(numbers);
    let report = Report {
        format: &view.format,
        writer: view.writer.as_deref(),
        size: view.files.iter().map(|file| file.bytes).sum(),
        parameters: count(shapes.map(|t| t.shape.as_slice())),
        tensors: (view.tensors.iter().zip(&hashes))
            .map(|(tensor, hash)| Tensor {
                tensor,
                hash: hash.as_ref().map(Hash::to_string),
                unread: (tensor.places.is_empty()).then_some("its values are not read"),
            })
            .collect(),
        files: &view.files,
        problems: &view.problems,
    };
    let text = serde_json::to_string(&report);
    text.map(Some).map_err(|e| Error::Internal(e.to_string()))
}
