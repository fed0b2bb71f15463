//! Models of several files, seen as one.
//!
//! In: a folder, or the file that says which others belong to it: `*.index.json`, an ONNX model with
//! external data, the index of a TensorFlow checkpoint, `.metadata` of PyTorch's distributed checkpoints.
//! Out: a [`SetView`]: one list of tensors over all files, and everything that is incomplete or
//! contradicts itself. Files are opened by the names that other files state only inside the folder.
//! Refused: what is no folder and no such file. Contents are never an error, they are problems of the view.

mod dcp_metadata;
mod folder;
mod grid;
mod onnx_external;
mod open;
mod places;
mod safetensors_index;
mod tf_bundle;
mod torch_dcp;
mod view;
mod weights;

use std::path::Path;

pub use view::{File, Place, Role, SetView, Tensor};
pub use weights::track_patterns;

use crate::bytes::Limits;
use crate::{Error, Result};
use open::Folder;
use view::Set;

/// Looks at a folder, or at what the file at `path` is the index of.
///
/// # Errors
/// [`Error::Io`] when the folder or file cannot be read; [`Error::Invalid`] for files that lead to no others.
pub fn view(path: &Path, limits: &Limits) -> Result<SetView> {
    let kind = std::fs::metadata(path).map_err(Error::io("reading", path))?;
    if kind.is_dir() {
        return folder::view(&Folder::new(path)?, limits);
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name =
        name.ok_or_else(|| Error::invalid(path.display().to_string(), "no name in Unicode"))?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let folder = Folder::new(parent)?;
    let mut set = Set::new(&folder, limits);
    if folder::index(&mut set, name)? {
        return Ok(set.finish());
    }
    Err(Error::invalid(
        path.display().to_string(),
        "not the index of a model of several files",
    ))
}
