#![no_main]
//! Flax files: the input is what follows the first key of a map of two entries.

use git_theta_core::bytes::Limits;
use git_theta_core::format::{describe, parse};
use git_theta_core::layout::{Parsed, Values};
use git_theta_core::values;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|rest: &[u8]| {
    let file = [b"\x82\xa1a", rest].concat();
    if let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() {
        layout.check().unwrap();
        for listed in &layout.listed {
            if let Values::Packed(packed) | Values::Parts(_, packed) = &listed.values {
                values::read(&file, packed, u64::MAX).unwrap();
            }
        }
    }
    describe(&file, &Limits::default()).unwrap();
});
