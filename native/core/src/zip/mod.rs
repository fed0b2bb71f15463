//! Zip archives: where their records are, and what `torch.save` writes, regenerated from its records.
//!
//! [`Archive::read`] takes any archive in which all honest readers see the same records;
//! [`recognise`] says whether one is exactly what PyTorch's writer makes, by the rules of
//! `docs/format/skeleton.md`, which [`TorchZip::plan`] states once, for checking and for writing.

mod append;
mod archive;
mod entry;
mod plan;
mod recognise;
mod stamped;
mod torch;

pub use append::{Addition, append};
pub use archive::Archive;
pub use entry::{Entry, Method};
pub use plan::{LateId, Plan, ZipPart};
pub use recognise::recognise;
pub use stamped::{MAX_STAMP, STAMP, Stamped, stamped};
pub use torch::{Payload, Record, StorageId, TorchZip};
