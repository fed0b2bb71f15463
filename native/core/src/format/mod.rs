//! File formats: each turns bytes into a [`Layout`], or says why it does not.
//!
//! A format is one file with one [`Format`], and one line in [`FORMATS`]. The first format that takes a
//! file for its own decides about it, by content; names of files do not matter.

mod assemble;
mod detect;
mod known;
mod safetensors;
mod safetensors_header;
mod torch_zip;

use crate::bytes::{Limits, Parse, ReadAt};
use crate::layout::Layout;

pub use detect::parse;

/// The first bytes of a file, enough to tell formats apart.
pub const HEAD: usize = 512;

/// A file format.
pub trait Format: Sync {
    /// Its name in manifests.
    fn name(&self) -> &'static str;

    /// Does a file that begins like this claim to be of this format? `head` are its first [`HEAD`] bytes,
    /// or all there are.
    fn claims(&self, head: &[u8]) -> bool;

    /// Where the file's tensors are.
    ///
    /// # Errors
    /// Why the file is not split, or what reading says.
    fn parse(&self, source: &dyn ReadAt, limits: &Limits) -> Parse<Layout>;
}

/// All formats, in the order in which they are asked.
pub const FORMATS: &[&dyn Format] = &[
    &torch_zip::TorchZipFormat,
    &safetensors::Safetensors,
    // Last: some of its magic numbers are short, and could be lengths of safetensors headers.
    &known::NotSplitYet,
];
