//! Parsing, against files that the real frameworks wrote and against hostile ones.

mod build;
mod damage;
mod facts;
mod fixtures;
mod flax_build;
mod gguf_build;
mod hdf5_build;
mod hostile_flax;
mod hostile_flax_chunks;
mod hostile_gguf;
mod hostile_hdf5;
mod hostile_hdf5_datasets;
mod hostile_npz;
mod hostile_numpy;
mod hostile_onnx;
mod hostile_pickle;
mod hostile_safetensors;
mod hostile_torch_archives;
mod hostile_torch_legacy;
mod hostile_torch_tar;
mod hostile_zip;
mod inspect;
mod keras;
mod large;
mod numpy_build;
mod oracles;
mod outline;
mod properties;
#[path = "../support/mod.rs"]
mod support;
mod weights_only;
