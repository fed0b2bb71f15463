//! What a model of several files is.

use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;

use super::{MOST_VALUES, Options, count};
use crate::bytes::Limits;
use crate::cancel::Cancel;
use crate::decompose::threads;
use crate::progress::Progress;
use crate::set::{self, File, SetView};
use crate::tensor::Hash;
use crate::turn::{Alarm, run_tickets};
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
        hash(&view, &mut hashes, options, cancel, progress)?;
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

/// Hashes what can be read.
fn hash(
    view: &SetView,
    hashes: &mut [Option<Hash>],
    options: &Options,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<()> {
    let only = options.only.as_ref();
    let todo: Vec<usize> = (0..view.tensors.len())
        .filter(|&i| only.is_none_or(|only| only.contains(&view.tensors[i].name)))
        .collect();
    let total = todo.iter().map(|&i| view.tensors[i].bytes);
    progress.expect(total.fold(0, u64::saturating_add), todo.len() as u64);
    let hashes = Mutex::new(hashes);
    run_tickets(
        threads(options.threads),
        todo.len(),
        &Alarm::default(),
        || (),
        |(), ticket| {
            cancel.check()?;
            let index = todo[ticket];
            let tensor = &view.tensors[index];
            let hash = view.hash(tensor, MOST_VALUES)?;
            progress.add_bytes(tensor.bytes);
            progress.add_tensor();
            let mut hashes = hashes
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            hashes[index] = hash;
            Ok(())
        },
    )
}
