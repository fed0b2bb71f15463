#![no_main]
//! Safetensors files around a header: the input is the header, without its length.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::Parsed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &[u8]| {
    let len = (header.len() as u64).to_le_bytes();
    let file = [&len[..], header, &[7; 64]].concat();
    if let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() {
        layout.check().unwrap();
    }
});
