//! File formats: each turns bytes into a [`Layout`], or says why it does not.
//!
//! A format is one file with one [`Format`], and one line in [`FORMATS`]. The first format that takes a
//! file for its own decides about it, by content; names of files do not matter.

mod archive;
mod assemble;
mod detect;
mod facts;
mod known;
mod safetensors;
mod safetensors_header;
mod torch_facts;
mod torch_zip;

use crate::bytes::{Limits, Parse, ReadAt, read_vec};
use crate::layout::Layout;

pub use detect::{describe, parse};
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

    /// Where the file's tensors are.
    ///
    /// # Errors
    /// Why the file is not split, or what reading says.
    fn parse(&self, source: &dyn ReadAt, limits: &Limits) -> Parse<Layout>;

    /// What else there is to know. Asked for files that are split and for files that are not.
    ///
    /// # Errors
    /// Why nothing can be said, or what reading says.
    fn describe(&self, source: &dyn ReadAt, limits: &Limits) -> Parse<Facts> {
        let _ = (source, limits);
        Ok(Facts::default())
    }
}

/// All formats, in the order in which they are asked.
pub const FORMATS: &[&dyn Format] = &[
    &archive::Zip,
    &safetensors::Safetensors,
    // Last: some of its magic numbers are short, and could be lengths of safetensors headers.
    &known::NotSplitYet,
];
