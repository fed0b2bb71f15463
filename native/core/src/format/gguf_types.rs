//! Element types of ggml, by their numbers: how many elements a block has, and how many bytes.
//!
//! Numbers that ggml has given up (4, 5, 31 to 33, 36 to 38) are unknown, as are those that only forks
//! use, and Q8_1 (9), which no file holds and whose size differs between ggml and its Python package.
//! Specification: `ggml/include/ggml.h` and `ggml/src/ggml-common.h`.

use crate::tensor::Dtype;

/// How elements are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One by one.
    Plain(Dtype),
    /// In blocks of quantised numbers.
    Blocks {
        /// The type's name.
        name: &'static str,
        /// Elements of a block.
        elements: u64,
        /// Bytes of a block.
        bytes: u64,
    },
}

/// The type of this number, if it is known.
pub(super) fn kind(number: u32) -> Option<Kind> {
    let plain = PLAIN.iter().find(|(id, _)| *id == number);
    if let Some(&(_, dtype)) = plain {
        return Some(Kind::Plain(dtype));
    }
    let blocks = BLOCKS.iter().find(|(id, ..)| *id == number);
    blocks.map(|&(_, name, elements, bytes)| Kind::Blocks {
        name,
        elements,
        bytes,
    })
}

const PLAIN: &[(u32, Dtype)] = &[
    (0, Dtype::Float32),
    (1, Dtype::Float16),
    (24, Dtype::Int8),
    (25, Dtype::Int16),
    (26, Dtype::Int32),
    (27, Dtype::Int64),
    (28, Dtype::Float64),
    (30, Dtype::BFloat16),
];

const BLOCKS: &[(u32, &str, u64, u64)] = &[
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (29, "IQ1_M", 256, 56),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
    (42, "Q2_0", 64, 18),
];
