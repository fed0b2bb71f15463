//! Stamped checkpoints that are stored: beside the stamped skeleton there is that of the file without the stamp.

use std::fs;
use std::path::{Path, PathBuf};

use git_theta_core::bytes::Limits;
use git_theta_core::cancel::Cancel;
use git_theta_core::compose::Stream;
use git_theta_core::decompose::{Options, decompose};
use git_theta_core::inspect::{describe, stamps};
use git_theta_core::object::{ObjectReader, object_path};
use git_theta_core::progress::Progress;
use git_theta_core::record::Manifest;
use git_theta_core::stamp::{Piece, Report, Request, read, stamp};
use git_theta_core::zip::{Addition, Archive, STAMP, append};
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

fn object_files(store: &Path) -> usize {
    let mut out = Vec::new();
    files(store, &mut out);
    out.len()
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

fn unstamped_checkpoint() -> (PathBuf, Vec<u8>, Report) {
    let mut all = fixtures().into_iter();
    all.find(|(path, _, _)| path.ends_with("lightning/unstamped.ckpt"))
        .unwrap()
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
}

#[test]
fn without_its_stamp_a_stored_file_is_the_file_before() {
    let mut seen = Vec::new();
    for (path, bytes, report) in fixtures() {
        let name = path.display();
        for request in requests(&report) {
            let (plain_lab, lab) = (Lab::new(), Lab::new());
            let before = plain_lab.split(&bytes);
            if before.skeleton.is_none() {
                continue;
            }
            let once = stamped(&bytes, &request);
            let after = lab.split(&once);
            assert!(before.stamped.is_none(), "{name}");
            assert!(after.stamped.is_some(), "{name}");
            let told = stamps(&after, &lab.objects()).unwrap();
            assert_eq!(told, read(&once).unwrap(), "{name}");
            let plain = Manifest {
                stamped: None,
                ..after.clone()
            };
            assert_eq!(plain, before, "{name}");
            assert_eq!(Manifest::from_json(&after.to_json()).unwrap(), after);
            // All that is needed is in the store.
            assert!(lab.join(&after) == once, "{name}");
            assert!(lab.join(&before) == bytes, "{name}");
            let objects = object_files(&lab.store()) - object_files(&plain_lab.store());
            assert_eq!(
                objects, 2,
                "{name}: chunk and zarr.json of the stamped skeleton"
            );
            seen.push(before.header.format.clone());
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen, ["gguf", "onnx", "safetensors", "torch-zip"]);
}

/// Two tensors of one type and shape with different values: their positions.
fn alike(manifest: &Manifest) -> Option<(usize, usize)> {
    let tensors = &manifest.tensors;
    let pairs = (0..tensors.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    pairs.into_iter().find(|&(a, b)| {
        let (a, b) = (&tensors[a], &tensors[b]);
        let same = (a.dtype, &a.shape, &a.order) == (b.dtype, &b.shape, &b.order);
        same && a.has_array() && b.has_array() && a.hash != b.hash
    })
}

#[test]
fn a_stamp_of_other_tensors_is_passed_over() {
    let mut seen = Vec::new();
    for (path, bytes, report) in fixtures() {
        let name = path.display();
        let lab = Lab::new();
        let before = lab.split(&bytes);
        let Some((changed, other)) = alike(&before) else {
            continue;
        };
        // What a merge of lines makes of a stamp on one side and another value on the other.
        let mut merged = [lab.split(&stamped(&bytes, &requests(&report)[0])), before];
        for manifest in &mut merged {
            let other = manifest.tensors[other].clone();
            let tensor = &mut manifest.tensors[changed];
            (tensor.hash, tensor.chunks) = (other.hash, other.chunks);
            (tensor.fill, tensor.meta) = (other.fill, other.meta);
        }
        let [with, without] = merged;
        assert!(with.stamped.is_some(), "{name}");
        let file = lab.join(&with);
        assert!(file == lab.join(&without), "{name}");
        assert_eq!(stamps(&with, &lab.objects()).unwrap().stamp, None, "{name}");
        assert_eq!(lab.split(&file).stamped, None, "{name}");
        seen.push(without.header.format);
    }
    seen.sort_unstable();
    seen.dedup();
    // The one GGUF file has no such tensors.
    assert_eq!(seen, ["onnx", "safetensors", "torch-zip"]);
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
    let (_, bytes, report) = unstamped_checkpoint();
    let once = stamped(&bytes, &requests(&report)[0]);
    let lab = Lab::new();
    for from_end in [23, 60] {
        let mut damaged = once.clone();
        let at = damaged.len() - from_end;
        damaged[at] ^= 1;
        let manifest = lab.split(&damaged);
        assert!(manifest.stamped.is_none(), "{from_end}");
        assert!(lab.join(&manifest) == damaged, "{from_end}");
    }
}

/// A file with one more stamp, which says that the file is the one before.
fn forged(mut file: Vec<u8>) -> Vec<u8> {
    let source = file.as_slice();
    let archive = Archive::read(&source, &Limits::default()).unwrap();
    let (folder, _) = archive.entries[archive.first].name.split_once('/').unwrap();
    let stamp = json!({ "content": { "file_base": { "length": file.len() } } }).to_string();
    let record = Addition {
        name: &format!("{folder}/{STAMP}"),
        bytes: stamp.as_bytes(),
    };
    let tail = append(&source, &archive, &[record]).unwrap();
    file.extend(tail);
    file
}

#[test]
fn a_stamp_on_a_stamp_is_a_part_of_the_skeleton() {
    let (_, bytes, _) = unstamped_checkpoint();
    let once = forged(bytes);
    let twice = forged(once.clone());
    let lab = Lab::new();
    for (file, has_one) in [(once, true), (twice, false)] {
        let manifest = lab.split(&file);
        assert!(manifest.skeleton.is_some());
        assert_eq!(manifest.stamped.is_some(), has_one);
        assert!(lab.join(&manifest) == file);
    }
}

#[test]
fn a_missing_skeleton_is_an_error() {
    let (_, bytes, report) = fixtures().swap_remove(0);
    let lab = Lab::new();
    let manifest = lab.split(&stamped(&bytes, &requests(&report)[0]));
    let skeleton = manifest.stamped.as_ref().unwrap();
    fs::remove_file(object_path(&lab.store(), &skeleton.chunks[0])).unwrap();
    assert!(stamps(&manifest, &lab.objects()).is_err());
}
