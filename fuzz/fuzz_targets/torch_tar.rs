#![no_main]
//! Tars of old versions of torch: the input is the members `storages`, `tensors` and `pickle`, the first two
//! behind their length in two bytes.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::Parsed;
use libfuzzer_sys::fuzz_target;

fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..262].copy_from_slice(b"ustar");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let pad = content.len().next_multiple_of(512) - content.len();
    [&header[..], content, &vec![0; pad]].concat()
}

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let mut next = || {
        let (len, content) = rest.split_first_chunk::<2>().unwrap_or((&[0; 2], &[]));
        let len = usize::from(u16::from_le_bytes(*len)).min(content.len());
        rest = &content[len..];
        &content[..len]
    };
    let (storages, tensors) = (next(), next());
    let file = [
        member("storages", storages),
        member("tensors", tensors),
        member("pickle", rest),
    ];
    if let Parsed::Layout(layout) = parse(&file.concat(), &Limits::default()).unwrap() {
        layout.check().unwrap();
    }
});
