#![no_main]
//! Zip archives: records lie in the file, in order and apart.

use git_theta_core::bytes::Limits;
use git_theta_core::zip::Archive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(archive) = Archive::read(&bytes, &Limits::default()) else {
        return;
    };
    let mut end = 0;
    for entry in &archive.entries {
        assert!(end <= entry.header && entry.header < entry.payload);
        end = entry.payload + entry.len;
    }
    assert!(end <= archive.end && archive.end <= bytes.len() as u64);
});
