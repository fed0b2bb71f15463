//! A folder: which of its files belong together, and what they are.
//!
//! In: a folder, of which one level is looked at, and the variables of a `SavedModel` below it. Out: the
//! model of the one index or the one checkpoint that is in it. Where there are more, those of one index
//! have their own names and others get the name of their file before theirs; of several indexes all do.
//! Files of no checkpoint format are left out.

use std::collections::HashSet;

use super::open::Folder;
use super::places::tensors;
use super::view::{Role, Set, SetView};
use super::{dcp_metadata, onnx_external, safetensors_index, tf_bundle, torch_dcp};
use crate::bytes::{FileSource, Limits, ReadAt, Refusal, read_vec};
use crate::format::{Facts, parse_and_describe, tf_index};
use crate::layout::{Layout, Parsed};
use crate::pickle;
use crate::tensor::component;
use crate::{Error, Result};

/// Entries of a folder that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// The index of a `SavedModel`, and the file that says that it is one.
const SAVED_MODEL: [&str; 2] = ["saved_model.pb", "variables/variables.index"];

/// What the name of an index in JSON ends with.
const JSON_INDEX: &str = ".index.json";

/// Looks at a folder.
///
/// # Errors
/// [`Error::Io`] when reading fails.
pub(super) fn view(folder: &Folder, limits: &Limits) -> Result<SetView> {
    let mut all = Set::new(folder, limits);
    let mut names = names(&mut all)?;
    if names.iter().any(|name| name == SAVED_MODEL[0]) && folder.open(SAVED_MODEL[1]).is_ok() {
        names.push(SAVED_MODEL[1].into());
    }

    let mut indexes = Vec::new();
    let mut members = HashSet::new();
    for name in &names {
        let mut set = Set::new(folder, limits);
        if may_be_index(name) && index(&mut set, name)? {
            let view = set.finish();
            members.extend(view.files.iter().map(|file| file.path.clone()));
            indexes.push((name, view));
        }
    }
    let mut others = Vec::new();
    for name in names.iter().filter(|name| !members.contains(*name)) {
        let mut set = Set::new(folder, limits);
        if single(&mut set, name)? {
            others.push((name, set.finish()));
        }
    }

    let alone = indexes.len() + others.len() == 1;
    let one_index = indexes.len() == 1;
    all.view.format = "folder".into();
    if indexes.is_empty() && others.is_empty() {
        all.problem("the folder", "no checkpoint is in it");
    }
    for (list, unnamed) in [(indexes, one_index), (others, alone)] {
        for (name, view) in list {
            if unnamed {
                all.view.format.clone_from(&view.format);
                all.view.writer.clone_from(&view.writer);
            }
            let prefix = if unnamed { String::new() } else { prefix(name) };
            all.merge(view, &prefix);
        }
    }
    Ok(all.finish())
}

/// The name of a file as the first component of names.
fn prefix(name: &str) -> String {
    format!("{}/", component(name))
}

/// Names of the files in a folder, sorted. Links are files if they stay inside.
fn names(set: &mut Set<'_>) -> Result<Vec<String>> {
    let root = set.folder.root().to_owned();
    let io = || Error::io("reading", &root);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&root).map_err(io())? {
        let entry = entry.map_err(io())?;
        if entry.file_type().map_err(io())?.is_dir() {
            continue;
        }
        if names.len() == MAX_ENTRIES {
            set.problem("the folder", format!("more than {MAX_ENTRIES} files"));
            break;
        }
        match entry.file_name().into_string() {
            Ok(name) => names.push(name),
            Err(name) => set.problem(&name.to_string_lossy(), "the name is not Unicode"),
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// In a folder, only files of these names are asked whether they lead to others.
pub(super) fn may_be_index(name: &str) -> bool {
    let endings = [JSON_INDEX, tf_bundle::SUFFIX, ".onnx"];
    name == ".metadata" || endings.iter().any(|end| name.ends_with(end))
}

/// Adds the model that a file is the index of; `false` if it is none.
pub(super) fn index(set: &mut Set<'_>, name: &str) -> Result<bool> {
    let source = match set.folder.open(name) {
        Ok(source) => source,
        Err(_) => return Ok(false),
    };
    if let Some(found) = safetensors_index::read(&source)? {
        return json(set, name, &source, found);
    }
    if tf_index::is_index(&source).map_err(|refusal| failed(refusal, &source))? {
        tf_bundle::view(set, name, &source)?;
        return Ok(true);
    }
    if metadata(set, name, &source)? {
        return Ok(true);
    }
    let (parsed, facts) = parse_and_describe(&source, set.limits)?;
    let Parsed::Layout(layout) = parsed else {
        return Ok(false);
    };
    onnx(set, name, &source, &layout, facts)
}

/// Adds the model of an index in JSON. What is called like one and is none is a problem.
fn json(
    set: &mut Set<'_>,
    name: &str,
    source: &FileSource,
    found: std::result::Result<safetensors_index::Index, String>,
) -> Result<bool> {
    if found.is_err() && !name.ends_with(JSON_INDEX) {
        return Ok(false);
    }
    let file = set.list(name, Role::Index, source.len());
    set.view.files[file].format = "json".into();
    set.view.format = "json".into();
    match found {
        Ok(found) => safetensors_index::view(set, name, found)?,
        Err(reason) => set.problem(name, format!("no index of tensors: {reason}")),
    }
    Ok(true)
}

fn failed(refusal: Refusal, source: &FileSource) -> Error {
    match refusal {
        Refusal::Io(error) => Error::io("reading", source.origin())(error),
        Refusal::Content(rule) => Error::invalid(source.origin().display().to_string(), rule),
    }
}

fn onnx(
    set: &mut Set<'_>,
    name: &str,
    source: &FileSource,
    layout: &Layout,
    facts: Facts,
) -> Result<bool> {
    if layout.format != "onnx" {
        return Ok(false);
    }
    let external = onnx_external::external(source, set);
    if external.is_empty() {
        return Ok(false);
    }
    set.view.writer = facts.writer;
    onnx_external::view(set, name, source, layout, external)?;
    Ok(true)
}

/// Is it the metadata of a distributed checkpoint? A pickle of the protocols that have frames.
fn metadata(set: &mut Set<'_>, name: &str, source: &FileSource) -> Result<bool> {
    let io = Error::io("reading", source.origin());
    let read = || {
        let head = read_vec(source, 0, source.len().min(2))?;
        let pickle = matches!(head[..], [0x80, 2..=5]) && source.len() <= set.limits.pickle_bytes;
        if pickle {
            read_vec(source, 0, source.len()).map(Some)
        } else {
            Ok(None)
        }
    };
    let Some(bytes) = read().map_err(io)? else {
        return Ok(false);
    };
    let Ok(graph) = pickle::read(&bytes, 0, set.limits) else {
        return Ok(false);
    };
    if !dcp_metadata::is_metadata(&graph) {
        return Ok(false);
    }
    torch_dcp::view(set, name, source, &graph)?;
    Ok(true)
}

/// Adds a checkpoint of one file; `false` if it is none.
fn single(set: &mut Set<'_>, name: &str) -> Result<bool> {
    let source = match set.folder.open(name) {
        Ok(source) => source,
        Err(rule) => {
            set.problem(name, rule);
            // So that the problem is seen.
            return Ok(true);
        }
    };
    let (parsed, facts) = parse_and_describe(&source, set.limits)?;
    let (format, layout) = match parsed {
        Parsed::Layout(layout) => (layout.format, Some(layout)),
        Parsed::Opaque(reason) if is_other(&reason) => return Ok(false),
        Parsed::Opaque(reason) => {
            if reason.contains("Git LFS pointer") {
                set.problem(name, reason);
            }
            ("opaque", None)
        }
    };
    let file = set.list(name, Role::Data, source.len());
    set.view.files[file].format = format.into();
    set.view.format = format.into();
    if let Some(layout) = layout {
        set.view.writer = facts.writer;
        set.view.tensors = tensors(&layout, (file, name), 0);
    }
    Ok(true)
}

/// Is this the reason for files that are no checkpoints?
fn is_other(reason: &str) -> bool {
    reason == "no known checkpoint format" || reason == "the file is empty"
}
