#![no_main]
//! Runs of two archives of `torch.save`: the input is the content of the first one's `data.pkl`, up to a
//! byte of 255, and bytes that replace the run's end.

mod archive;

use archive::archive;
use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::Parsed;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let cut = input.iter().position(|&byte| byte == 255);
    let (pickle, end) = input.split_at(cut.unwrap_or(input.len()));
    let mut file = [archive(pickle), archive(b"N.")].concat();
    let end = end.get(1..).unwrap_or(&[]);
    file.truncate(file.len().saturating_sub(end.len()));
    file.extend_from_slice(end);
    if let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() {
        layout.check().unwrap();
        layout.without_templates().check().unwrap();
    }
});
