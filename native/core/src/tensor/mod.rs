//! What a tensor is: element type, shape, place in memory, identity.

mod dtype;
mod gather;
mod hash;
mod name;
mod strided;
mod values;

pub use dtype::{Class, Dtype};
pub use gather::{GATHER_BUDGET, gather, gather_within};
pub use hash::{Hash, PartialHash, TensorHasher, tensor_hash};
pub use name::{component, join, path_name, push_component};
pub use strided::{View, elements, is_c_contiguous, memory_order};
pub use values::{for_each_value, hash_view};
