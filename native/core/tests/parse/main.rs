//! Parsing, against files that the real frameworks wrote and against hostile ones.

mod build;
mod damage;
mod facts;
mod fixtures;
mod hdf5_build;
mod hostile_flax;
mod hostile_gguf;
mod hostile_hdf5;
mod hostile_numpy;
mod hostile_onnx;
mod hostile_pickle;
mod hostile_safetensors;
mod hostile_torch_archives;
mod hostile_torch_legacy;
mod hostile_torch_tar;
mod hostile_zip;
mod inspect;
mod large;
mod oracles;
mod outline;
mod properties;
#[path = "../support/mod.rs"]
mod support;
mod weights_only;
