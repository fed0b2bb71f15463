//! Parsing, against files that the real frameworks wrote and against hostile ones.

mod build;
mod fixtures;
mod hostile_pickle;
mod hostile_safetensors;
mod hostile_torch_archives;
mod hostile_torch_legacy;
mod hostile_torch_tar;
mod hostile_zip;
mod large;
mod oracles;
mod properties;
