#![no_main]
//! NumPy arrays: the input is the text of the header, behind its length, with a few values.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::Parsed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &[u8]| {
    let len = (header.len() as u32).to_le_bytes();
    let file = [b"\x93NUMPY\x02\0", &len[..], header, &[7; 64]].concat();
    if let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() {
        layout.check().unwrap();
    }
});
