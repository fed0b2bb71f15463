//! Stamps in files of real writers: what is written can be read, taken out again byte for byte, and changes no
//! tensor; what lies about itself is no stamp.

use std::fs;
use std::path::{Path, PathBuf};

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::{Layout, Parsed, Segment};
use git_theta_core::stamp::{Piece, Report, Request, read, stamp, unstamp};
use serde_json::{Value, json};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures")
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
    out.sort();
}

/// Every fixture that can carry a stamp and has none: path, bytes and report.
fn carriers() -> Vec<(PathBuf, Vec<u8>, Report)> {
    let mut paths = Vec::new();
    files(&fixtures(), &mut paths);
    paths
        .into_iter()
        .filter_map(|path| {
            let bytes = fs::read(&path).unwrap();
            let report = read(&bytes).unwrap();
            (report.carrier.is_some() && report.stamp.is_none()).then_some((path, bytes, report))
        })
        .collect()
}

fn put_together(source: &[u8], pieces: &[Piece]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Copy { offset, len } => {
                let (from, len) = (*offset as usize, *len as usize);
                out.extend_from_slice(&source[from..from + len]);
            }
            Piece::Bytes(bytes) => out.extend_from_slice(bytes),
        }
    }
    out
}

fn text(report: &Report, name: &str) -> String {
    let base = report.base.clone().unwrap();
    json!({ "schema": "test/1", "name": name, "content": { "file_base": base } }).to_string()
}

fn request(report: &Report, name: &str) -> Request {
    Request {
        stamp: text(report, name),
        commit: Some("c0ffee".into()),
        key: false,
        callback: None,
    }
}

fn stamped(bytes: &Vec<u8>, request: &Request) -> Vec<u8> {
    put_together(bytes, &stamp(bytes, request).unwrap())
}

fn layout(bytes: &Vec<u8>) -> Layout {
    match parse(bytes, &Limits::default()).unwrap() {
        Parsed::Layout(layout) => layout,
        Parsed::Opaque(reason) => panic!("{reason}"),
    }
}

fn values(bytes: &[u8], layout: &Layout) -> Vec<(String, Vec<u8>)> {
    let tensors = layout.tensors.iter().map(|tensor| {
        let storage = tensor.storage.map(|id| &layout.storages[id]);
        let values = storage.map_or(&[][..], |s| &bytes[s.offset as usize..][..s.len as usize]);
        (tensor.name.clone(), values.to_vec())
    });
    tensors.collect()
}

#[test]
fn every_carrier_is_stamped_and_had_back() {
    let all = carriers();
    let mut seen: Vec<&str> = all
        .iter()
        .filter_map(|(_, _, report)| report.carrier)
        .collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, ["gguf", "onnx", "safetensors", "zip"]);
    for (path, bytes, report) in &all {
        let name = path.display();
        let request = request(report, "first");
        let once = stamped(bytes, &request);
        let found = read(&once).unwrap();
        assert_eq!(found.stamp.as_ref(), Some(&request.stamp), "{name}");
        assert_eq!(found.base, report.base, "{name}");
        assert!(found.removable && !report.removable, "{name}");
        assert_eq!(found.problems, [""; 0], "{name}");
        assert_eq!(
            &put_together(&once, &unstamp(&once).unwrap()),
            bytes,
            "{name}"
        );
        // Another stamp takes the place of the first.
        let other = Request {
            stamp: text(report, "second, a longer one"),
            ..request.clone()
        };
        let twice = stamped(&once, &other);
        assert_eq!(twice, stamped(bytes, &other), "{name}");
        assert_eq!(stamped(&twice, &request), once, "{name}");
        if let Parsed::Layout(before) = parse(bytes, &Limits::default()).unwrap() {
            let after = layout(&once);
            after.check().unwrap();
            assert_eq!(values(bytes, &before), values(&once, &after), "{name}");
        }
        if matches!(report.carrier, Some("zip" | "onnx")) {
            assert!(once.starts_with(bytes), "{name}");
        }
    }
}

#[test]
fn an_archive_behind_which_a_stamp_is_keeps_its_regenerated_form() {
    let mut regenerated = 0;
    for (path, bytes, report) in carriers() {
        if report.carrier != Some("zip") {
            continue;
        }
        let Parsed::Layout(before) = parse(&bytes, &Limits::default()).unwrap() else {
            continue;
        };
        let mut all = vec![request(&report, "a")];
        if report.lightning {
            all.push(Request {
                key: true,
                ..request(&report, "b")
            });
        }
        for request in all {
            let after = layout(&stamped(&bytes, &request));
            assert_eq!(after.tensors, before.tensors, "{}", path.display());
            let (tail, segments) = after.segments.split_last().unwrap();
            assert_eq!(segments, before.segments, "{}", path.display());
            assert!(
                matches!(tail, Segment::Literal { offset, .. } if *offset == bytes.len() as u64)
            );
        }
        regenerated += usize::from(matches!(before.segments[..], [Segment::TorchZip(_)]));
    }
    assert!(regenerated > 5);
}

fn lightning(name: &str) -> Vec<u8> {
    fs::read(fixtures().join("lightning").join(name)).unwrap()
}

fn six() -> Value {
    json!({
        "empty": false, "dirty": false, "num_untracked_files": 0, "commit_hash": "ab".repeat(20),
        "commit_date": 4_102_444_800_i64, "branch_name": null
    })
}

#[test]
fn keys_of_lightnings_dict_are_appended_to_the_pickle() {
    let bytes = lightning("unstamped.ckpt");
    let report = read(&bytes).unwrap();
    assert!(report.lightning && report.callbacks && report.foreign.is_empty());
    let request = Request {
        key: true,
        callback: Some(six()),
        ..request(&report, "x")
    };
    let once = stamped(&bytes, &request);
    let found = read(&once).unwrap();
    assert_eq!(found.foreign.len(), 1);
    assert_eq!(found.foreign[0].source, "pl-git-callback");
    assert_eq!(found.foreign[0].at, "callbacks[GitCommitCallback]");
    assert_eq!(found.foreign[0].fields, six());
    assert_eq!(put_together(&once, &unstamp(&once).unwrap()), bytes);
}

#[test]
fn six_fields_are_found_where_the_original_wrote_them() {
    for (name, at) in [
        (
            "original_callback_lightning_1.4.9.ckpt",
            "callbacks[<class plgitcallback.GitCommitCallback>]",
        ),
        (
            "original_callback_lightning_1.5.10.ckpt",
            "callbacks[GitCommitCallback]",
        ),
        (
            "original_callback_lightning_1.6.5.ckpt",
            "callbacks[GitCommitCallback]",
        ),
        (
            "original_callback_lightning_1.7.7.ckpt",
            "callbacks[GitCommitCallback]",
        ),
    ] {
        let report = read(&lightning(name)).unwrap();
        assert_eq!(report.foreign.len(), 1, "{name}");
        assert_eq!(report.foreign[0].at, at, "{name}");
        let fields = report.foreign[0].fields.as_object().unwrap();
        assert_eq!(fields.len(), 6, "{name}");
        assert_eq!(fields["commit_hash"].as_str().unwrap().len(), 40, "{name}");
    }
    for name in ["unstamped.ckpt", "weights_only.ckpt"] {
        assert_eq!(read(&lightning(name)).unwrap().foreign, [], "{name}");
    }
}

#[test]
fn a_stamp_for_another_length_is_not_written() {
    for (path, bytes, report) in carriers() {
        let mut wrong = report.clone();
        let length = wrong.base.as_ref().unwrap()["length"].as_u64().unwrap();
        wrong.base.as_mut().unwrap()["length"] = (length + 1).into();
        let error = stamp(&bytes, &request(&wrong, "x"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("for a file of"),
            "{}: {error}",
            path.display()
        );
    }
}

#[test]
fn a_changed_tail_is_no_stamp_of_ours() {
    for (path, bytes, report) in carriers() {
        if bytes.len() > 40_000 {
            continue;
        }
        let once = stamped(&bytes, &request(&report, "x"));
        for at in (0..once.len()).step_by(31) {
            let mut damaged = once.clone();
            damaged[at] ^= 0x11;
            // Nothing panics, and what is taken out is the file of before, or refused, or damaged where we damaged
            // it: never longer than what the stamp says.
            let _ = read(&damaged).unwrap();
            if let Ok(pieces) = unstamp(&damaged) {
                let before = put_together(&damaged, &pieces);
                assert_eq!(before.len(), bytes.len(), "{} at {at}", path.display());
            }
        }
        for len in (0..once.len()).step_by(61) {
            let cut = once[..len].to_vec();
            let _ = read(&cut).unwrap();
            let _ = unstamp(&cut);
        }
    }
}

#[test]
fn stamps_are_not_nested() {
    let bytes = lightning("unstamped.ckpt");
    let report = read(&bytes).unwrap();
    let once = stamped(&bytes, &request(&report, "x"));
    let found = read(&once).unwrap();
    assert_eq!(
        found.base.unwrap()["length"].as_u64(),
        Some(bytes.len() as u64)
    );
    // A stamp that takes the stamped file for the one before is one for another length.
    let mut lie = report.clone();
    lie.base.as_mut().unwrap()["length"] = once.len().into();
    assert!(stamp(&once, &request(&lie, "y")).is_err());
}

#[test]
fn padding_for_stamps_is_used_again() {
    let path = fixtures().join("safetensors");
    let mut paths = Vec::new();
    files(&path, &mut paths);
    let mut seen = 0;
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        let report = read(&bytes).unwrap();
        if report.carrier.is_none() {
            continue;
        }
        let once = stamped(&bytes, &request(&report, "x"));
        let twice = stamped(&once, &request(&report, "another"));
        assert_eq!(once.len(), twice.len(), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 0);
}
