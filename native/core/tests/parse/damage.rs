//! Damaged files: cut off, and with bits flipped.

use git_theta_core::bytes::Limits;
use git_theta_core::format::{describe, parse};
use git_theta_core::layout::Parsed;

/// Whether a content is split: there is a layout that covers it, or a reason; and it can be described.
pub fn is_split(bytes: &[u8]) -> bool {
    let limits = Limits::default();
    let facts = describe(&bytes, &limits).unwrap();
    assert!(facts.objects.to_string().len() < 30 << 20);
    match parse(&bytes, &limits).unwrap() {
        Parsed::Layout(layout) => {
            layout.check().unwrap();
            assert_eq!(layout.size, bytes.len() as u64);
            layout.without_templates().check().unwrap();
            true
        }
        Parsed::Opaque(reason) => {
            assert!(!reason.is_empty() && !reason.contains('\n'));
            false
        }
    }
}

/// The lengths at which the content, cut off there, is split.
pub fn split_cuts(good: &[u8]) -> Vec<usize> {
    let lens = 0..good.len();
    lens.filter(|&len| is_split(&good[..len])).collect()
}

/// With every bit flipped, one at a time: how many of these contents are split.
pub fn split_flips(good: &[u8]) -> usize {
    let mut bytes = good.to_vec();
    let mut split = 0;
    for at in 0..good.len() * 8 {
        bytes[at / 8] ^= 1 << (at % 8);
        split += usize::from(is_split(&bytes));
        bytes[at / 8] = good[at / 8];
    }
    split
}
