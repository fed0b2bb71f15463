//! Pickles, read without executing them.
//!
//! In: the bytes of one pickle, protocols 0 to 5. Out: a [`Graph`] of inert nodes; from it, by
//! [`torch::tensors`], the tensors that PyTorch's rebuild calls describe, with their names; and, for people,
//! what else it holds, what it would import, and whether torch's restricted unpickler takes it. Refused:
//! whatever Python's own readers refuse or would understand differently from each other, registry and
//! out-of-band opcodes, and what exceeds the limits. Nothing is imported, called or evaluated. Nothing
//! here recurses, and time and memory are linear in the length of the pickle.
//! Specification: Python's `pickletools`; PyTorch's `torch/_utils.py`, `torch/serialization.py`.

mod allowed;
mod append;
mod extent;
mod globals;
mod graph;
mod leaf;
mod machine;
mod memo;
mod numpy;
mod opcode;
mod outline;
mod plain;
mod rebuild;
mod storages;
mod text;
pub mod torch;
mod walk;
mod weights_only;

pub use allowed::RULES;
pub use append::{NewItem, append};
pub use extent::extent;
pub use globals::globals;
pub use graph::{Graph, Item, Node, NodeId, Object, Span, Text};
pub(crate) use leaf::json_float;
pub use machine::{read, survey};
pub use outline::outline;
pub use plain::plain;
pub(crate) use text::shortened;
pub use weights_only::objections;
