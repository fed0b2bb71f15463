//! Models of several files, seen as one.
//!
//! In: a folder, or the file that says which others belong to it: `*.index.json`, an ONNX model with
//! external data, the index of a TensorFlow checkpoint, `.metadata` of PyTorch's distributed checkpoints.
//! Out: a [`SetView`]: one list of tensors over all files, and everything that is incomplete or
//! contradicts itself. Files are opened by the names that other files state only inside the folder.
//! Refused: nothing. Contents are never an error, they are problems of the view.

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

/// Looks at a folder, or at what the file at `path` is the index of; `None` for a file that leads to no
/// others. Files are asked by their names whether they may be one.
///
/// # Errors
/// [`Error::Io`] when the folder or file cannot be read.
pub fn view(path: &Path, limits: &Limits) -> Result<Option<SetView>> {
    let kind = std::fs::metadata(path).map_err(Error::io("reading", path))?;
    if kind.is_dir() {
        return folder::view(&Folder::new(path)?, limits).map(Some);
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|name| kind.is_file() && folder::may_be_index(name)) else {
        return Ok(None);
    };
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let folder = Folder::new(parent)?;
    let mut set = Set::new(&folder, limits);
    Ok(folder::index(&mut set, name)?.then(|| set.finish()))
}
