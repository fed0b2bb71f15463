//! Pickles, read without executing them.
//!
//! In: the bytes of one pickle, protocols 0 to 5. Out: a [`Graph`] of inert nodes; from it, by
//! [`torch::tensors`], the tensors that PyTorch's rebuild calls describe, with their names. Refused:
//! whatever Python's own readers refuse or would understand differently from each other, registry and
//! out-of-band opcodes, and what exceeds the limits. Nothing is imported, called or evaluated. Nothing
//! here recurses, and time and memory are linear in the length of the pickle.
//! Specification: Python's `pickletools`; PyTorch's `torch/_utils.py`, `torch/serialization.py`.

mod extent;
mod graph;
mod machine;
mod memo;
mod numpy;
mod opcode;
mod rebuild;
mod storages;
mod text;
pub mod torch;
mod walk;

pub use extent::extent;
pub use graph::{Graph, Item, Node, NodeId, Object, Span, Text};
pub use machine::read;
