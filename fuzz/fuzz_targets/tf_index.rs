#![no_main]
//! Indexes of TensorFlow checkpoints: the input is the entries of the table's one block.

#[path = "../../native/core/tests/support/mod.rs"]
mod support;

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use libfuzzer_sys::fuzz_target;
use support::leveldb::{finish, place, raw_block};

fuzz_target!(|entries: &[u8]| {
    let data = raw_block(entries);
    let at = place(0, &data);
    parse(&finish(data, &[(b"z", at)]), &Limits::default()).unwrap();
});
