#![no_main]
//! `torch.save` files around a pickle: the input is the content of `data.pkl`.

mod archive;

use archive::archive;
use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::Parsed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pickle: &[u8]| {
    let file = archive(pickle);
    if let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() {
        layout.check().unwrap();
        layout.without_templates().check().unwrap();
    }
});
