#![no_main]
//! Whole files, through the whole road: what was split is put together again, to the same bytes.

use std::cell::RefCell;

use git_theta_core::cancel::Cancel;
use git_theta_core::compose::Stream;
use git_theta_core::decompose::{Options, decompose};
use git_theta_core::object::ObjectReader;
use git_theta_core::progress::Progress;
use libfuzzer_sys::fuzz_target;

/// Objects stay for this many inputs: most of them are shared.
const KEPT: u32 = 500;

thread_local! {
    static LAB: RefCell<(u32, Option<tempfile::TempDir>)> = const { RefCell::new((0, None)) };
}

fuzz_target!(|bytes: &[u8]| {
    LAB.with_borrow_mut(|(runs, lab)| {
        if runs.is_multiple_of(KEPT) {
            *lab = None;
        }
        *runs += 1;
        let lab = lab.get_or_insert_with(|| tempfile::tempdir().unwrap());
        round_trip(lab.path(), bytes);
    });
});

fn round_trip(lab: &std::path::Path, bytes: &[u8]) {
    let options = Options {
        store: lab.join("objects"),
        temp: lab.join("temp"),
        previous: Vec::new(),
        threads: Some(1),
        sync: false,
    };
    let cancel = Cancel::default();
    let outcome = decompose(&bytes, &options, &cancel, &Progress::default()).unwrap();
    let reader = ObjectReader::new(vec![options.store]);
    let mut stream = Stream::open(outcome.manifest, reader, Some(1), &cancel).unwrap();
    let mut again = Vec::new();
    let collect = |part: &[u8], _last: bool| {
        again.extend_from_slice(part);
        Ok(())
    };
    stream.for_each(collect).unwrap();
    assert!(again == bytes, "other bytes came back");
}
