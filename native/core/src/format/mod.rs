//! File formats: each turns bytes into a [`Layout`], or says why it does not.
//!
//! A format is one file with one [`Format`], and one line in [`FORMATS`]. The first format that takes a
//! file for its own decides about it, by content; names of files do not matter.

pub(crate) mod archive;
mod assemble;
mod detect;
mod facts;
mod flax_array;
mod flax_msgpack;
mod flax_tree;
mod gather;
mod gguf;
pub(crate) mod gguf_header;
mod gguf_types;
mod hdf5;
mod keras;
mod known;
mod leveldb_table;
mod msgpack;
mod npy;
mod npy_header;
mod npz;
pub(crate) mod onnx;
mod onnx_fields;
mod onnx_model;
mod onnx_tensor;
pub(crate) mod protobuf;
mod safetensors;
pub(crate) mod safetensors_header;
mod tar;
pub(crate) mod tf_index;
mod torch_dcp;
mod torch_export;
mod torch_export_config;
mod torch_facts;
mod torch_legacy;
mod torch_package;
pub(crate) mod torch_records;
mod torch_script;
mod torch_tar;
mod torch_zip;

use crate::bytes::{Limits, Parse, ReadAt, read_vec};
use crate::layout::Layout;

pub use detect::{describe, parse, parse_and_describe};
pub(crate) use detect::{name_of, one_line};
pub use facts::{Facts, WeightsOnly};

/// What tells formats apart.
pub struct Probe<'a> {
    /// The first 512 bytes, or all there are.
    pub head: Vec<u8>,
    /// The last 64 bytes, or all there are.
    pub tail: Vec<u8>,
    /// The file, for the few formats that have their magic number elsewhere.
    pub source: &'a dyn ReadAt,
}

impl<'a> Probe<'a> {
    const HEAD: u64 = 512;
    const TAIL: u64 = 64;

    /// Reads head and tail.
    ///
    /// # Errors
    /// What reading says.
    pub fn new(source: &'a dyn ReadAt) -> Parse<Self> {
        let len = source.len();
        let tail = len.min(Self::TAIL);
        Ok(Self {
            head: read_vec(source, 0, len.min(Self::HEAD))?,
            tail: read_vec(source, len - tail, tail)?,
            source,
        })
    }
}

/// A file format.
pub trait Format: Sync {
    /// Its name in manifests.
    fn name(&self) -> &'static str;

    /// Does the file claim to be of this format?
    fn claims(&self, file: &Probe<'_>) -> bool;

    /// Where the file's tensors are. What else there is to know is put into `facts`, where they are asked
    /// for: as far as it can be told, also of files that are not split.
    ///
    /// # Errors
    /// Why the file is not split, or what reading says.
    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout>;
}

/// All formats, in the order in which they are asked.
pub const FORMATS: &[&dyn Format] = &[
    // Before zip: its files are several zips.
    &torch_dcp::TorchDcp,
    &archive::Zip,
    &gguf::Gguf,
    &npy::Npy,
    &safetensors::Safetensors,
    &torch_legacy::TorchLegacy,
    &torch_tar::TorchTar,
    &tf_index::TfIndex,
    // Some of its magic numbers are short, and could be lengths of safetensors headers.
    &known::Known,
    // These have no magic number, or one that may be inside of another format.
    &hdf5::Hdf5,
    &onnx::Onnx,
    &flax_msgpack::FlaxMsgpack,
];
