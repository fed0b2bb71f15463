//! Parsing, against files that the real frameworks wrote and against hostile ones.

mod build;
mod fixtures;
mod hostile_pickle;
mod hostile_safetensors;
mod hostile_zip;
mod inspect;
mod large;
mod oracles;
mod outline;
mod properties;
mod weights_only;
