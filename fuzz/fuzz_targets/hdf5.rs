#![no_main]
//! HDF5 files behind a superblock: the first 8 bytes of the input are the address of the root group, all
//! others what follows the superblock. Values of what is listed are read within a bound.

use git_theta_core::bytes::Limits;
use git_theta_core::format::{describe, parse};
use git_theta_core::layout::{Parsed, Values};
use git_theta_core::values;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((root, rest)) = bytes.split_first_chunk::<8>() else {
        return;
    };
    let mut file = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0".to_vec();
    let undefined = u64::MAX.to_le_bytes();
    let end = (96 + rest.len() as u64).to_le_bytes();
    for field in [[0; 8], undefined, end, undefined, [0; 8], *root] {
        file.extend(field);
    }
    file.resize(96, 0);
    file.extend(rest);
    describe(&file, &Limits::default()).unwrap();
    let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() else {
        return;
    };
    layout.check().unwrap();
    for listed in &layout.listed {
        if let Values::Parts(_, packed) | Values::Packed(packed) = &listed.values {
            let most = 1 << 20;
            if let Ok(values) = values::read(&file, packed, most) {
                assert!(values.len() as u64 <= most);
            }
        }
    }
});
