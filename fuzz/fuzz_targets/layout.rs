#![no_main]
//! Whole files: every content is either a layout that covers it, or opaque with a reason; and can be described.

use git_theta_core::bytes::Limits;
use git_theta_core::format::{describe, parse};
use git_theta_core::layout::{Parsed, Values};
use git_theta_core::values;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    describe(&bytes, &Limits::default()).unwrap();
    match parse(&bytes, &Limits::default()).unwrap() {
        Parsed::Layout(layout) => {
            layout.check().unwrap();
            assert_eq!(layout.size, bytes.len() as u64);
            layout.without_templates().check().unwrap();
            for listed in &layout.listed {
                if let Values::Packed(packed) | Values::Parts(_, packed) = &listed.values {
                    let _ = values::read(&bytes, packed, 1 << 20);
                }
            }
        }
        Parsed::Opaque(reason) => assert!(!reason.is_empty() && !reason.contains('\n')),
    }
});
