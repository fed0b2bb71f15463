//! Zip archives: what `torch.save` writes, regenerated from its records.

mod torch;

pub use torch::{Payload, Record, TorchZip};
