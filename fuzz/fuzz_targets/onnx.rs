#![no_main]
//! ONNX models: the input is what follows the version.

use git_theta_core::bytes::Limits;
use git_theta_core::format::{describe, parse};
use git_theta_core::layout::Parsed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|fields: &[u8]| {
    let file = [b"\x08\x08", fields].concat();
    if let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() {
        layout.check().unwrap();
    }
    describe(&file, &Limits::default()).unwrap();
});
