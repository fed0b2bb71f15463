#![no_main]
//! Stacked pickles: the input follows the magic number and the protocol.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::Parsed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let head = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
    let file = [&head[..], input].concat();
    if let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() {
        layout.check().unwrap();
    }
});
