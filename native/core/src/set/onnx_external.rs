//! ONNX models with tensors in other files.
//!
//! In: a model. Out: its tensors and those of the files that it names. Problems: places that are outside
//! the model's folder or outside their file, lengths that are not those of type and shape, ranges that
//! overlap. Checksums are not looked at: they are over whole files.
//! Specification: `docs/ExternalData.md` of `https://github.com/onnx/onnx`.

use std::collections::HashMap;

use super::places::{check_overlaps, tensors};
use super::view::{Place, Role, Set};
use crate::Result;
use crate::bytes::{FileSource, ReadAt};
use crate::format::onnx::{ExternalTensor, external_tensors};
use crate::layout::Layout;
use crate::tensor::Dtype;

/// The tensors of a model that are in other files.
pub(super) fn external(source: &FileSource, set: &Set<'_>) -> Vec<ExternalTensor> {
    external_tensors(source, set.limits).unwrap_or_default()
}

/// Adds a model, which is the file at `path`.
pub(super) fn view(
    set: &mut Set<'_>,
    path: &str,
    source: &FileSource,
    layout: &Layout,
    external: Vec<ExternalTensor>,
) -> Result<()> {
    set.view.format = "onnx-external".into();
    let file = set.list(path, Role::Index, source.len());
    set.view.files[file].format = layout.format.into();
    let mut found = tensors(layout, (file, path), 0);
    // Those in other files are listed without a place.
    let by_name: HashMap<String, usize> = found
        .iter()
        .enumerate()
        .map(|(index, tensor)| (tensor.name.clone(), index))
        .collect();
    let mut opened: HashMap<String, Option<usize>> = HashMap::new();
    let mut placed = Vec::new();
    for tensor in external {
        let location = tensor.external.location.clone();
        let data = *opened.entry(location.clone()).or_insert_with(|| {
            let data = set.open(&location, Role::Data);
            data.map(|(file, _)| file)
        });
        let Some(&index) = by_name.get(&tensor.name) else {
            continue;
        };
        if let Some(data) = data
            && let Some(place) = locate(set, &tensor, data)
        {
            found[index].bytes = tensor.bytes.unwrap_or(0);
            found[index].file = location;
            found[index].places = vec![place];
            placed.push(index);
        }
    }
    let claims = placed.iter().filter_map(|&index| {
        let tensor = &found[index];
        tensor.places.first()?.claim(&tensor.name)
    });
    check_overlaps(set, claims.collect());
    set.view.tensors.extend(found);
    Ok(())
}

/// Where the values are, checked against the file's length.
fn locate(set: &mut Set<'_>, tensor: &ExternalTensor, file: usize) -> Option<Place> {
    let at = &tensor.external;
    let Some(bytes) = tensor.bytes else {
        set.problem(
            &tensor.name,
            "its element type has no values in other files",
        );
        return None;
    };
    if let Some(length) = at.length
        && length != bytes
    {
        let rule = format!("type and shape take {bytes} bytes, the model says {length}");
        set.problem(&tensor.name, rule);
        return None;
    }
    let data = &set.view.files[file];
    let end = at.offset.checked_add(bytes);
    if end.is_none_or(|end| end > data.bytes) {
        let rule = data.lacks(at.offset, bytes);
        set.problem(&tensor.name, rule);
        return None;
    }
    let (dtype, shape) = match Dtype::parse(tensor.dtype) {
        Some(dtype) => (dtype, tensor.shape.clone()),
        None => (Dtype::UInt8, vec![bytes]),
    };
    let run = (at.offset, bytes);
    Some(Place::one_run(file, Vec::new(), run, dtype, shape))
}
