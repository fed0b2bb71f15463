#![no_main]
//! Whole files: every content is either a layout that covers it, or opaque with a reason.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::Parsed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match parse(&bytes, &Limits::default()).unwrap() {
        Parsed::Layout(layout) => {
            layout.check().unwrap();
            assert_eq!(layout.size, bytes.len() as u64);
            layout.without_templates().check().unwrap();
        }
        Parsed::Opaque(reason) => assert!(!reason.is_empty() && !reason.contains('\n')),
    }
});
