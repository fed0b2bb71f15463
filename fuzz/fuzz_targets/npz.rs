#![no_main]
//! Archives of arrays: the input is a whole file. What is listed decodes within bounds, or says why not.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::{Parsed, Values};
use git_theta_core::values;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Parsed::Layout(layout) = parse(&bytes, &Limits::default()).unwrap() else {
        return;
    };
    layout.check().unwrap();
    for listed in &layout.listed {
        if let Values::Packed(packed) | Values::Parts(_, packed) = &listed.values {
            let _ = values::read(&bytes, packed, 1 << 20);
        }
    }
});
