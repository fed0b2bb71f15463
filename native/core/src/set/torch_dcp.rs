//! PyTorch's distributed checkpoints: `.metadata`, and the files with the parts of tensors.
//!
//! In: a pickle of `torch.distributed.checkpoint.metadata.Metadata`, of which nothing is executed. Out:
//! the tensors of the state dict, each from all its parts. Names are the paths that the planner has noted,
//! else the flat names. Every part is a file of its own inside another one: its type and shape are
//! checked. Problems: parts without a place, outside their file, of another type or shape, overlaps, parts
//! that do not cover their tensor, compressed parts.
//! Specification: `torch/distributed/checkpoint/metadata.py` and `filesystem.py`.

use super::dcp_metadata::{self as metadata, Description, Info, Metadata, Stored};
use super::grid;
use super::places::{Claim, check_overlaps, tensors};
use super::view::{Place, Role, Set, Tensor};
use crate::Result;
use crate::bytes::{FileSource, ReadAt, SubSource};
use crate::format::parse;
use crate::layout::Parsed;
use crate::pickle::Graph;

/// A part of a tensor, and where it is.
struct Part<'g> {
    /// Which tensor.
    tensor: usize,
    offsets: &'g [u64],
    sizes: &'g [u64],
    info: &'g Info<'g>,
}

/// Adds the model of the metadata at `path`, whose graph this is.
///
/// # Errors
/// [`crate::Error::Io`] when reading fails.
pub(super) fn view(
    set: &mut Set<'_>,
    path: &str,
    source: &FileSource,
    graph: &Graph<'_>,
) -> Result<()> {
    set.view.format = "torch-dcp".into();
    let file = set.list(path, Role::Index, source.len());
    set.view.files[file].format = "torch-dcp-metadata".into();
    let metadata = match metadata::read(graph, set.limits) {
        Ok(metadata) => metadata,
        Err(rule) => {
            set.problem(path, rule);
            return Ok(());
        }
    };
    for rule in &metadata.problems {
        set.problem(path, rule);
    }
    let (mut all, mut parts) = (Vec::new(), Vec::new());
    plan(set, &metadata, &mut all, &mut parts);
    place(set, &mut all, parts)?;
    for (tensor, complete) in &mut all {
        if !*complete {
            tensor.places.clear();
        }
        if let [place] = &mut tensor.places[..]
            && place.packed.view.shape == tensor.shape
        {
            place.offsets.clear();
        }
    }
    set.view
        .tensors
        .extend(all.into_iter().map(|(tensor, _)| tensor));
    Ok(())
}

/// Tensors without places, whether they can be complete, and the parts that are to be found.
fn plan<'g>(
    set: &mut Set<'_>,
    metadata: &'g Metadata<'g>,
    all: &mut Vec<(Tensor, bool)>,
    parts: &mut Vec<Part<'g>>,
) {
    for stored in &metadata.entries {
        let Stored { name, tensor, .. } = stored;
        let Some(Description {
            dtype,
            shape,
            cells,
        }) = tensor
        else {
            continue;
        };
        let number = all.len();
        let mut complete = true;
        if let Err(rule) = grid::check(shape, cells) {
            set.problem(name, rule);
            complete = false;
        }
        let mut first = None;
        for (offsets, sizes) in cells {
            let Some(info) = metadata.places.get(&(stored.fqn, offsets.clone())) else {
                set.problem(name, format!("the part at {offsets:?} has no place"));
                complete = false;
                continue;
            };
            first.get_or_insert(info.path);
            parts.push(Part {
                tensor: number,
                offsets,
                sizes,
                info,
            });
        }
        let tensor = Tensor {
            name: name.clone(),
            dtype: dtype.map_or("unknown", |dtype| dtype.name()).into(),
            shape: shape.clone(),
            bytes: dtype.and_then(|dtype| dtype.byte_len(shape)).unwrap_or(0),
            file: first.unwrap_or_default().into(),
            places: Vec::new(),
        };
        all.push((tensor, complete));
    }
}

/// Finds the parts, file by file.
fn place(set: &mut Set<'_>, all: &mut [(Tensor, bool)], mut parts: Vec<Part<'_>>) -> Result<()> {
    parts.sort_by(|a, b| (a.info.path, a.info.offset).cmp(&(b.info.path, b.info.offset)));
    let names: Vec<String> = all.iter().map(|(tensor, _)| tensor.name.clone()).collect();
    let mut claims = Vec::new();
    for parts in parts.chunk_by(|a, b| a.info.path == b.info.path) {
        let path = parts[0].info.path;
        let Some((file, source)) = set.open(path, Role::Data) else {
            for part in parts {
                all[part.tensor].1 = false;
            }
            continue;
        };
        set.view.files[file].format = "torch-dcp".into();
        for part in parts {
            claims.push(Claim {
                file,
                at: part.info.offset,
                len: part.info.length,
                tensor: &names[part.tensor],
            });
            let (tensor, complete) = &mut all[part.tensor];
            match find(set, &source, file, part, tensor)? {
                Ok(place) => tensor.places.push(place),
                Err(rule) => {
                    *complete = false;
                    set.problem(&tensor.name, rule);
                }
            }
        }
    }
    check_overlaps(set, claims);
    Ok(())
}

/// Looks at one part: a whole file inside another.
fn find(
    set: &Set<'_>,
    source: &FileSource,
    file: usize,
    part: &Part<'_>,
    whole: &Tensor,
) -> Result<std::result::Result<Place, String>> {
    let &Info {
        path,
        offset,
        length,
        transformed,
    } = part.info;
    if transformed {
        return Ok(Err(format!(
            "its part in {path} is compressed, which is not read"
        )));
    }
    let Some(inner) = SubSource::new(source, offset, length) else {
        return Ok(Err(set.view.files[file].lacks(offset, length)));
    };
    let here = format!("its part at byte {offset} of {path}");
    let layout = match parse(&inner, set.limits)? {
        Parsed::Layout(layout) => layout,
        Parsed::Opaque(reason) => {
            return Ok(Err(format!("{here}: {reason}")));
        }
    };
    let Ok([tensor]) = <[Tensor; 1]>::try_from(tensors(&layout, (file, path), offset)) else {
        return Ok(Err(format!("{here} is not one tensor")));
    };
    let Ok([mut place]) = <[Place; 1]>::try_from(tensor.places) else {
        return Ok(Err(format!("{here} has values that are not read")));
    };
    if tensor.dtype != whole.dtype {
        return Ok(Err(format!("{here} is of type {}", tensor.dtype)));
    }
    if tensor.shape != part.sizes {
        return Ok(Err(format!("{here} has the shape {:?}", tensor.shape)));
    }
    place.offsets = part.offsets.to_vec();
    Ok(Ok(place))
}
