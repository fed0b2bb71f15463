#![no_main]
//! GGUF files: the input is what follows the magic number.

use git_theta_core::bytes::Limits;
use git_theta_core::format::{describe, parse};
use git_theta_core::layout::Parsed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|rest: &[u8]| {
    let file = [b"GGUF", rest].concat();
    if let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() {
        layout.check().unwrap();
    }
    describe(&file, &Limits::default()).unwrap();
});
