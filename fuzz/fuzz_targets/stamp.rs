#![no_main]
//! Stamps: what is written is read again, and taken out it leaves the bytes of before; what is no stamp of ours, or a
//! damaged one, is no reason to panic.
//!
//! The first byte says what the rest is: a whole file, or the pickle of one; and whether it is stamped before
//! it is read. Then up to seven bytes of it, counted from its end, are changed.

mod archive;

use archive::archive;
use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::{Layout, Parsed};
use git_theta_core::stamp::{Piece, Report, Request, read, stamp, unstamp};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

const PICKLE: u8 = 1;
const STAMPED: u8 = 2;
/// Bits of the first byte that are the number of changes.
const CHANGES: u32 = 5;
/// Bytes of a change: from the end, and what to set.
const CHANGE: usize = 3;

fuzz_target!(|input: &[u8]| {
    let Some((&kind, rest)) = input.split_first() else {
        return;
    };
    let changes = usize::from(kind >> CHANGES) * CHANGE;
    if rest.len() < changes {
        return;
    }
    let (changes, rest) = rest.split_at(changes);
    let mut file = if kind & PICKLE == 0 {
        rest.to_vec()
    } else {
        archive(rest)
    };
    if kind & STAMPED != 0 {
        let report = read(&file).unwrap();
        for request in requests(&report, "before") {
            if let Ok(pieces) = stamp(&file, &request) {
                file = put_together(&file, &pieces);
            }
        }
    }
    for change in changes.chunks_exact(CHANGE) {
        let back = usize::from(u16::from_le_bytes([change[0], change[1]]));
        if let Some(byte) = file.iter_mut().rev().nth(back) {
            *byte = change[2];
        }
    }
    check(&file);
});

/// Stamps and unstamps a file in every way that it allows.
fn check(file: &Vec<u8>) {
    let report = read(file).unwrap();
    let before = unstamp(file).map(|pieces| put_together(file, &pieces));
    if report.carrier.is_some() {
        assert_eq!(before.is_ok(), report.removable, "{report:?}");
        if let Ok(before) = &before {
            let base = report.base.as_ref().unwrap();
            assert_eq!(base["length"].as_u64(), Some(before.len() as u64));
            let inner = read(before).unwrap();
            assert!(!inner.removable, "a stamp in a stamp: {inner:?}");
        }
    }
    let original = before.as_ref().unwrap_or(file);
    let tensors = values(file);
    let mut all = Vec::new();
    for request in requests(&report, "one \"more\"\\\n\u{fc}") {
        let pieces = match stamp(file, &request) {
            Ok(pieces) => pieces,
            // A carrier takes every stamp, but state of pl-git-callback only where the pickle takes new keys.
            Err(error) => {
                assert!(request.callback.is_some(), "{error}");
                continue;
            }
        };
        let once = put_together(file, &pieces);
        let found = read(&once).unwrap();
        assert_eq!(found.stamp.as_ref(), Some(&request.stamp));
        assert_eq!(found.problems, [""; 0]);
        assert_eq!((found.carrier, &found.base), (report.carrier, &report.base));
        assert!(found.removable && report.carrier.is_some(), "{found:?}");
        if let Some(fields) = &request.callback {
            assert_eq!(&found.foreign[0].fields, fields);
        }
        let again = put_together(&once, &unstamp(&once).unwrap());
        assert!(again == *original, "other bytes came back");
        if matches!(report.carrier, Some("zip" | "onnx")) {
            assert!(once.starts_with(original));
        }
        if let Some(tensors) = &tensors {
            assert!(values(&once).as_ref() == Some(tensors), "other tensors");
        }
        all.push((request, once));
    }
    // A stamp leaves no trace of the one before it.
    if let [(first, once), .., (_, other)] = &all[..] {
        let back = put_together(other, &stamp(other, first).unwrap());
        assert!(back == *once, "a trace of the stamp before");
    }
}

/// The stamps that a file could have.
fn requests(report: &Report, name: &str) -> Vec<Request> {
    let Some(base) = &report.base else {
        return Vec::new();
    };
    let plain = Request {
        stamp: json!({ "name": name, "content": { "file_base": base } }).to_string(),
        commit: None,
        key: false,
        callback: None,
    };
    let mut all = vec![plain.clone()];
    all.push(Request {
        commit: Some("c0ffee".into()),
        stamp: plain.stamp.replace("name", "a longer name"),
        key: report.lightning,
        callback: report.callbacks.then(|| {
            json!({
                "empty": false, "dirty": true, "num_untracked_files": 70_000, "commit_hash": "ab",
                "commit_date": 4_102_444_800_i64, "branch_name": null
            })
        }),
    });
    all
}

fn put_together(source: &[u8], pieces: &[Piece]) -> Vec<u8> {
    let parts = pieces.iter().map(|piece| match piece {
        Piece::Copy { offset, len } => &source[*offset as usize..][..*len as usize],
        Piece::Bytes(bytes) => bytes,
    });
    parts.collect::<Vec<_>>().concat()
}

/// The tensors of a file: name, and the bytes of the storage. `None` for a file that is not split.
fn values(file: &Vec<u8>) -> Option<Vec<(String, Vec<u8>)>> {
    let Parsed::Layout(layout) = parse(file, &Limits::default()).unwrap() else {
        return None;
    };
    layout.check().unwrap();
    let of = |layout: &Layout, storage: Option<usize>| match storage.map(|id| &layout.storages[id]) {
        Some(at) => file[at.offset as usize..][..at.len as usize].to_vec(),
        None => Vec::new(),
    };
    let tensors = layout.tensors.iter();
    Some(
        tensors
            .map(|tensor| (tensor.name.clone(), of(&layout, tensor.storage)))
            .collect(),
    )
}
