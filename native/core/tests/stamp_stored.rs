//! Stamped checkpoints that are stored: their skeletons without the stamp are those of the files without it.

use std::fs;
use std::path::{Path, PathBuf};

use git_theta_core::cancel::Cancel;
use git_theta_core::compose::Stream;
use git_theta_core::decompose::{Options, decompose};
use git_theta_core::inspect::describe;
use git_theta_core::object::{ObjectReader, ObjectWriter, object_path};
use git_theta_core::progress::Progress;
use git_theta_core::record::Manifest;
use git_theta_core::stamp::{Piece, Report, Request, read, read_stored, stamp, unstamped};
use serde_json::{Value, json};

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

fn fixtures() -> Vec<(PathBuf, Vec<u8>, Report)> {
    let mut paths = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures");
    files(&root, &mut paths);
    let read = paths.into_iter().map(|path| {
        let bytes = fs::read(&path).unwrap();
        let report = read(&bytes).unwrap();
        (path, bytes, report)
    });
    read.filter(|(_, _, report)| report.carrier.is_some() && report.stamp.is_none())
        .collect()
}

fn stamped(bytes: &Vec<u8>, request: &Request) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in stamp(bytes, request).unwrap() {
        match piece {
            Piece::Copy { offset, len } => {
                out.extend_from_slice(&bytes[offset as usize..(offset + len) as usize]);
            }
            Piece::Bytes(bytes) => out.extend(bytes),
        }
    }
    out
}

/// As many kinds of stamps as the file can carry.
fn requests(report: &Report) -> Vec<Request> {
    let base = report.base.clone().unwrap();
    let plain = Request {
        stamp: json!({ "schema": "test/1", "content": { "file_base": base } }).to_string(),
        commit: Some("c0ffee".into()),
        key: false,
        callback: None,
    };
    let mut all = vec![plain.clone()];
    if report.lightning {
        all.push(Request {
            key: true,
            ..plain.clone()
        });
    }
    if report.callbacks {
        all.push(Request {
            callback: Some(json!({ "commit_hash": "ab".repeat(20) })),
            ..plain
        });
    }
    all
}

struct Lab(tempfile::TempDir);

impl Lab {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("objects")
    }

    fn split(&self, bytes: &[u8]) -> Manifest {
        let options = Options {
            store: self.store(),
            temp: self.0.path().join("temp"),
            previous: Vec::new(),
            threads: Some(2),
            sync: false,
        };
        decompose(&bytes, &options, &Cancel::default(), &Progress::default())
            .unwrap()
            .manifest
    }

    fn join(&self, manifest: &Manifest) -> Vec<u8> {
        let cancel = Cancel::default();
        let mut stream = Stream::open(manifest.clone(), self.objects(), Some(2), &cancel).unwrap();
        let mut bytes = vec![0; stream.size() as usize];
        assert_eq!(stream.read(&mut bytes).unwrap(), bytes.len());
        bytes
    }

    fn objects(&self) -> ObjectReader {
        ObjectReader::new(vec![self.store()])
    }

    fn unstamped(&self, manifest: &Manifest) -> git_theta_core::Result<Option<Manifest>> {
        let temp = self.0.path().join("temp");
        let writer = ObjectWriter::new(&self.store(), &temp, false).unwrap();
        unstamped(manifest, &self.objects(), &writer, &Cancel::default())
    }
}

#[test]
fn without_its_stamp_a_stored_file_is_the_file_before() {
    let mut seen = Vec::new();
    for (path, bytes, report) in fixtures() {
        let name = path.display();
        for request in requests(&report) {
            let (plain, lab) = (Lab::new(), Lab::new());
            let before = plain.split(&bytes);
            if before.skeleton.is_none() {
                continue;
            }
            let once = stamped(&bytes, &request);
            let after = lab.split(&once);
            assert_eq!(after.tensors, before.tensors, "{name}");
            assert_ne!(after.skeleton, before.skeleton, "{name}");
            let told = read_stored(&after, &lab.objects()).unwrap();
            assert_eq!(told, read(&once).unwrap(), "{name}");
            assert_eq!(
                lab.unstamped(&after).unwrap(),
                Some(before.clone()),
                "{name}"
            );
            // All that is needed is in the store.
            assert!(lab.join(&before) == bytes, "{name}");
            assert_eq!(lab.unstamped(&before).unwrap(), None, "{name}");
            seen.push(before.header.format.clone());
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, ["gguf", "onnx", "safetensors", "torch-zip"]);
}

#[test]
fn a_stamped_skeleton_tells_what_the_file_without_the_stamp_tells() {
    for (path, bytes, report) in fixtures() {
        for request in requests(&report) {
            let lab = Lab::new();
            let before = lab.split(&bytes);
            if before.skeleton.is_none() {
                continue;
            }
            let after = lab.split(&stamped(&bytes, &request));
            let mut told = [before, after].map(|manifest| {
                serde_json::from_str::<Value>(&describe(&manifest, &lab.objects()).unwrap())
                    .unwrap()
            });
            // The stamp is in the file, so that is longer; keys in the pickle are objects of it.
            for told in &mut told {
                let told = told.as_object_mut().unwrap();
                told.retain(|key, _| key == "tensors" || key == "parameters" || key == "writer");
            }
            assert_eq!(told[0], told[1], "{}", path.display());
        }
    }
}

#[test]
fn what_only_looks_like_a_stamp_stays() {
    // The last byte of the stamp's text, and a byte of the directory behind it that is no CRC.
    let (_, bytes, report) = fixtures()
        .into_iter()
        .find(|(path, _, _)| path.ends_with("lightning/unstamped.ckpt"))
        .unwrap();
    let once = stamped(&bytes, &requests(&report)[0]);
    let lab = Lab::new();
    for from_end in [23, 60] {
        let mut damaged = once.clone();
        let at = damaged.len() - from_end;
        damaged[at] ^= 1;
        let manifest = lab.split(&damaged);
        if manifest.skeleton.is_some() {
            assert_eq!(lab.unstamped(&manifest).unwrap(), None, "{from_end}");
        }
    }
}

#[test]
fn a_missing_skeleton_is_an_error() {
    let (_, bytes, report) = fixtures().swap_remove(0);
    let lab = Lab::new();
    let manifest = lab.split(&stamped(&bytes, &requests(&report)[0]));
    let skeleton = manifest.skeleton.as_ref().unwrap();
    fs::remove_file(object_path(&lab.store(), &skeleton.chunks[0])).unwrap();
    assert!(lab.unstamped(&manifest).is_err());
}
