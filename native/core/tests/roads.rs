//! The two roads end to end: any bytes come back, changes cost what they should, damage is found.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use git_theta_core::bytes::Limits;
use git_theta_core::cancel::Cancel;
use git_theta_core::compose::{Stream, read_tensor};
use git_theta_core::decompose::{Options, Outcome, decompose, decompose_file};
use git_theta_core::format::parse;
use git_theta_core::inspect::{self, describe};
use git_theta_core::layout::Parsed;
use git_theta_core::object::{ObjectReader, object_path};
use git_theta_core::progress::Progress;
use git_theta_core::record::{Manifest, ObjectRef};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;

struct Lab {
    dir: tempfile::TempDir,
}

impl Lab {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn store(&self) -> PathBuf {
        self.dir.path().join("objects")
    }

    fn options(&self, previous: Vec<Manifest>) -> Options {
        Options {
            store: self.store(),
            temp: self.dir.path().join("tmp"),
            previous,
            threads: Some(3),
            sync: false,
        }
    }

    fn split(&self, bytes: &[u8], previous: Vec<Manifest>) -> Outcome {
        let progress = Progress::default();
        let outcome = decompose(
            &bytes,
            &self.options(previous),
            &Cancel::default(),
            &progress,
        )
        .unwrap();
        let seen = progress.snapshot();
        assert_eq!((seen.bytes, seen.tensors), (seen.total, seen.total_tensors));
        outcome
    }

    fn open(&self, manifest: &Manifest) -> git_theta_core::Result<Stream> {
        let reader = ObjectReader::new(vec![self.store()]);
        Stream::open(manifest.clone(), reader, Some(3), &Cancel::default())
    }

    fn join(&self, manifest: &Manifest) -> git_theta_core::Result<Vec<u8>> {
        let mut stream = self.open(manifest)?;
        let mut bytes = vec![0; stream.size() as usize + 1];
        let read = stream.read(&mut bytes)?;
        assert_eq!(read as u64, stream.size());
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Splits, joins and compares; the records also survive their own text.
    fn round_trip(&self, bytes: &[u8]) -> Manifest {
        let manifest = self.split(bytes, Vec::new()).manifest;
        assert_eq!(Manifest::from_json(&manifest.to_json()).unwrap(), manifest);
        assert!(
            self.join(&manifest).unwrap() == bytes,
            "the bytes came back changed"
        );
        manifest
    }
}

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.parent() != Some(&root) {
                let name = path
                    .strip_prefix(&root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                files.push((name.replace('\\', "/"), fs::read(&path).unwrap()));
            }
        }
    }
    assert!(files.len() > 80);
    files.sort();
    files
}

fn fixture(name: &str) -> Vec<u8> {
    fixtures().into_iter().find(|(n, _)| n == name).unwrap().1
}

fn objects(manifest: &Manifest) -> BTreeSet<ObjectRef> {
    let mut all = BTreeSet::new();
    all.extend(manifest.pieces.iter().flatten());
    if let Some(s) = &manifest.skeleton {
        all.extend(s.chunks.iter().chain([&s.meta]));
    }
    all.extend(manifest.groups.iter().map(|g| g.meta));
    for s in &manifest.storages {
        all.extend(s.chunks.iter().flatten().chain([&s.meta]));
    }
    for t in &manifest.tensors {
        all.extend(t.chunks.iter().flatten().chain(&t.meta));
    }
    all
}

/// Is it a tensor that stays in the skeleton? The tests of parsing compare its values.
fn is_listed(bytes: &[u8], tensor: &str) -> bool {
    match parse(&bytes, &Limits::default()).unwrap() {
        Parsed::Layout(layout) => layout.listed.iter().any(|listed| listed.name == tensor),
        Parsed::Opaque(_) => false,
    }
}

/// What a later version may bring: a version, an instruction, a class, a type that nobody knows yet.
#[test]
fn what_is_not_known_yet_comes_back() {
    let lab = Lab::new();
    for (name, old, new, reason) in [
        (
            "torch/filelike.pt",
            &b"3\n"[..],
            &b"99"[..],
            Some("unknown version"),
        ),
        (
            "torch/filelike.pt",
            b"}q",
            b"\xffq",
            Some("unknown opcode 0xff"),
        ),
        (
            "torch/filelike.pt",
            b"FloatStorage",
            b"FlootStorage",
            Some("unknown storage class"),
        ),
        (
            "safetensors/bf16.safetensors",
            b"\"BF16\"",
            b"\"BF17\"",
            Some("unknown dtype"),
        ),
        // Its extent is known.
        ("gguf/model.gguf", b"q8\x02\0\0\0", b"q8\x02\0\0\0", None),
    ] {
        let mut bytes = fixture(name);
        let at = bytes.windows(old.len()).position(|window| window == old);
        let at = at.unwrap_or_else(|| panic!("{name}: {old:?}"));
        bytes[at..at + new.len()].copy_from_slice(new);
        if reason.is_none() {
            // Number of axes, two of them, then the type.
            bytes[at + 6 + 16] = 200;
        }
        let manifest = lab.round_trip(&bytes);
        match reason {
            Some(reason) => {
                let found = manifest.header.reason.unwrap();
                assert!(found.contains(reason), "{name}: {found}");
            }
            None => assert_eq!(manifest.header.format, "gguf"),
        }
    }
}

/// From the skeleton alone, with no tensor's objects there.
#[test]
fn manifests_tell_what_their_files_are_besides_tensors() {
    let (lab, mut described) = (Lab::new(), 0);
    for (name, bytes) in fixtures() {
        let manifest = lab.split(&bytes, Vec::new()).manifest;
        let Some(skeleton) = &manifest.skeleton else {
            continue;
        };
        let store = lab.dir.path().join("skeletons");
        let copied = skeleton.chunks.iter().chain([&skeleton.meta]);
        for object in copied {
            let to = object_path(&store, object);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(object_path(&lab.store(), object), to).unwrap();
        }
        let json = |text: String| serde_json::from_str::<Value>(&text).unwrap();
        let reader = ObjectReader::new(vec![store]);
        let found = json(describe(&manifest, &reader).unwrap());
        let (options, progress) = (inspect::Options::default(), Progress::default());
        let whole = inspect::inspect(&&bytes[..], &options, &Cancel::default(), &progress);
        let whole = json(whole.unwrap());
        for key in [
            "writer",
            "objects",
            "globals",
            "weightsOnly",
            "size",
            "parameters",
            "tensors",
        ] {
            assert_eq!(found.get(key), whole.get(key), "{name}: {key}");
        }
        described += 1;
    }
    assert!(described > 50, "{described}");
}

#[test]
fn every_fixture_comes_back_and_its_tensors_are_the_framework_s() {
    let lab = Lab::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures");
    let expected: Value =
        serde_json::from_slice(&fs::read(root.join("expected.json")).unwrap()).unwrap();
    let reader = ObjectReader::new(vec![lab.store()]);
    let (mut split, mut compared) = (0, 0);
    for (name, bytes) in fixtures() {
        let manifest = lab.round_trip(&bytes);
        if manifest.pieces.is_some() {
            continue;
        }
        split += 1;
        let Some(tensors) = expected[&name]["tensors"].as_object() else {
            continue;
        };
        // The framework's names are not the file's.
        if expected[&name].get("naming").is_some() {
            continue;
        }
        let Parsed::Layout(layout) = parse(&bytes, &Limits::default()).unwrap() else {
            panic!("{name}: split, and opaque");
        };
        for (tensor, facts) in tensors {
            if layout.listed.iter().any(|listed| listed.name == *tensor) {
                continue;
            }
            let record = manifest.tensors.iter().find(|t| t.tensor == *tensor);
            let Some(record) = record else {
                assert!(is_listed(&bytes, tensor), "{name}: {tensor} is missing");
                continue;
            };
            let what = format!("{name}: {tensor}");
            assert_eq!(
                record.dtype.name(),
                facts["dtype"].as_str().unwrap(),
                "{what}"
            );
            assert_eq!(serde_json::json!(record.shape), facts["shape"], "{what}");
            let values = read_tensor(&manifest, tensor, &reader).unwrap();
            let sha256 = git_theta_core::object::object_ref(&values).hex();
            assert_eq!(sha256, facts["sha256"].as_str().unwrap(), "{what}");
            compared += 1;
        }
    }
    assert!(
        split >= 60 && compared >= 300,
        "{split} split, {compared} compared"
    );
}

#[test]
fn the_same_bytes_give_the_same_manifest_whatever_is_known() {
    let lab = Lab::new();
    for name in [
        "torch/train_loop.pt",
        "torch/views.pt",
        "safetensors/dtypes.safetensors",
    ] {
        let bytes = fixture(name);
        let first = lab.split(&bytes, Vec::new());
        let again = lab.split(&bytes, vec![first.manifest.clone()]);
        assert_eq!(again.manifest, first.manifest);
        assert_eq!(again.written, 0, "{name}: nothing is new");
        let elsewhere = Lab::new().split(&bytes, Vec::new());
        assert_eq!(elsewhere.manifest, first.manifest);
    }
}

/// A torch zip with one float changed inside the first storage that has its value.
fn with_one_change(bytes: &[u8], record: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let file = archive.by_name(record).unwrap();
    let (start, size) = (file.data_start().unwrap(), file.size() as usize);
    let start = start as usize;
    let old = crc32fast::hash(&bytes[start..start + size]);
    let mut changed = bytes.to_vec();
    changed[start + 5] ^= 0x40;
    let new = crc32fast::hash(&changed[start..start + size]);
    // As a writer would: its CRC, in descriptor and directory, changes with it.
    let mut places = 0;
    for i in 0..changed.len() - 4 {
        if changed[i..i + 4] == old.to_le_bytes() {
            changed[i..i + 4].copy_from_slice(&new.to_le_bytes());
            places += 1;
        }
    }
    assert_eq!(places, 2);
    changed
}

#[test]
fn one_changed_tensor_costs_one_tensor() {
    let lab = Lab::new();
    // Written without CRCs or ids that follow from the values, so that one flip is a whole change.
    let bytes = fixture("safetensors/t5ish.safetensors");
    let first = lab.split(&bytes, Vec::new()).manifest;
    let mut changed = bytes.clone();
    let last = changed.len() - 3;
    changed[last] ^= 0x40;
    let second = lab.split(&changed, vec![first.clone()]);
    assert_eq!(second.written, 2, "a chunk and its zarr.json");
    assert_eq!(second.manifest.skeleton, first.skeleton);
    let differ = first
        .tensors
        .iter()
        .zip(&second.manifest.tensors)
        .filter(|(a, b)| a != b);
    assert_eq!(differ.count(), 1);
    assert!(lab.join(&second.manifest).unwrap() == changed);
}

#[test]
fn crcs_of_a_torch_zip_are_no_part_of_its_skeleton() {
    let lab = Lab::new();
    // torch 1.13 wrote no serialization id, so CRCs are all that depends on values.
    let bytes = fixture("torch1.13/state_dict.pt");
    let first = lab.split(&bytes, Vec::new()).manifest;
    let changed = with_one_change(&bytes, "state_dict/data/0");
    let second = lab.split(&changed, vec![first.clone()]);
    assert_eq!(second.manifest.skeleton, first.skeleton);
    assert_eq!(second.written, 2, "a chunk and its zarr.json");
    assert!(lab.join(&second.manifest).unwrap() == changed);
}

#[test]
fn an_archive_with_wrong_crcs_comes_back_too() {
    let lab = Lab::new();
    let mut bytes = fixture("torch/state_dict.pt");
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes.clone())).unwrap();
    let start = archive
        .by_name("state_dict/data/0")
        .unwrap()
        .data_start()
        .unwrap() as usize;
    bytes[start] ^= 1;
    let manifest = lab.round_trip(&bytes);
    assert!(
        manifest.skeleton.is_some(),
        "torch does not check CRCs: it is split all the same"
    );
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let lab = Lab::new();
    let bytes = fixture("torch/train_loop.pt");
    let source = lab.dir.path().join("source.pt");
    fs::write(&source, &bytes).unwrap();
    let options = lab.options(Vec::new());
    let progress = Progress::default();
    let manifest = decompose_file(&source, &options, &Cancel::default(), &progress)
        .unwrap()
        .manifest;
    let output = lab.dir.path().join("out").join("model.pt");
    fs::create_dir(output.parent().unwrap()).unwrap();
    let progress = Progress::default();
    let size = lab
        .open(&manifest)
        .unwrap()
        .write_file(&output, true, &progress)
        .unwrap();
    let seen = progress.snapshot();
    assert_eq!((seen.bytes, seen.tensors), (seen.total, seen.total_tensors));
    assert!(seen.tensors > 0);
    assert_eq!(size, bytes.len() as u64);
    assert!(fs::read(&output).unwrap() == bytes);

    let victim = *manifest
        .tensors
        .iter()
        .find_map(|t| t.chunks.as_ref())
        .unwrap()
        .first()
        .unwrap();
    fs::remove_file(object_path(&lab.store(), &victim)).unwrap();
    let error = lab
        .open(&manifest)
        .unwrap()
        .write_file(&output, false, &Progress::default())
        .unwrap_err();
    assert_eq!(error.code(), "ERR_THETA_MISSING_OBJECT");
    assert!(error.to_string().contains(&victim.hex()));
    assert!(fs::read(&output).unwrap() == bytes, "the old file stays");
    assert_eq!(fs::read_dir(output.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn every_damaged_object_is_named() {
    let lab = Lab::new();
    let manifest = lab.round_trip(&fixture("torch/views.pt"));
    // zarr.json files are for others: a checkpoint comes back without them.
    let is_meta = |object: &ObjectRef| {
        let bytes = fs::read(object_path(&lab.store(), object)).unwrap();
        bytes.starts_with(b"{\"zarr_format\"")
    };
    let mut needed = objects(&manifest);
    needed.retain(|object| !is_meta(object));
    assert!(needed.len() >= 2);
    for object in needed {
        let path = object_path(&lab.store(), &object);
        let good = fs::read(&path).unwrap();
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            fs::write(&path, bad).unwrap();
            let error = lab.join(&manifest).unwrap_err();
            assert_eq!(error.code(), "ERR_THETA_CORRUPT_OBJECT");
            assert!(error.to_string().contains(&object.hex()));
        }
        fs::write(&path, good).unwrap();
    }
    lab.join(&manifest).unwrap();
}

#[test]
fn a_manifest_that_names_another_tensor_s_objects_is_found_out() {
    let lab = Lab::new();
    let mut manifest = lab.round_trip(&fixture("safetensors/t5ish.safetensors"));
    let chunks: Vec<usize> = (0..manifest.tensors.len())
        .filter(|&i| manifest.tensors[i].chunks.is_some())
        .collect();
    manifest.tensors[chunks[0]].chunks = manifest.tensors[chunks[1]].chunks.clone();
    let error = lab.join(&manifest).unwrap_err();
    assert_eq!(error.code(), "ERR_THETA_CORRUPT_TENSOR");
    assert!(
        error
            .to_string()
            .contains(&manifest.tensors[chunks[0]].tensor)
    );
}

#[test]
fn large_files_are_split_into_chunks_and_pieces() {
    let lab = Lab::new();
    let mut noise = 1u64;
    let mut next = || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise
    };
    // A tensor of 40 MiB whose middle third is constant, one of zeros, one of noise.
    let mut data = Vec::new();
    let third = (40 << 20) / 3 / 8;
    for i in 0..(40usize << 20) / 8 {
        let value = if (third..2 * third).contains(&i) {
            7
        } else {
            next()
        };
        data.extend_from_slice(&value.to_le_bytes());
    }
    let zeros = vec![0u8; 33 << 20];
    let header = serde_json::json!({
        "big": {"dtype": "BF16", "shape": [20480, 1024], "data_offsets": [0, 40 << 20]},
        "zeros": {"dtype": "F32", "shape": [33, 1 << 18], "data_offsets": [40 << 20, 73 << 20]},
    })
    .to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&data);
    bytes.extend_from_slice(&zeros);
    let first = lab.round_trip(&bytes);
    assert_eq!(first.tensors[0].chunks.as_ref().unwrap().len(), 3);
    assert_eq!(first.tensors[1].fill.as_deref(), Some("0x00000000"));

    let at = bytes.len() - zeros.len() - 1;
    bytes[at] ^= 1;
    let second = lab.split(&bytes, vec![first.clone()]);
    assert_eq!(second.written, 2, "the last chunk and zarr.json");
    assert!(lab.join(&second.manifest).unwrap() == bytes);
    let third = lab.split(&bytes, vec![second.manifest.clone()]);
    assert_eq!((third.written, third.manifest), (0, second.manifest));

    // Cut off, nothing can be split; what both have in common is stored once.
    let cut = lab.split(&bytes[..bytes.len() - 9], Vec::new());
    let pieces = cut.manifest.pieces.clone().unwrap();
    assert!(pieces.len() >= 5);
    assert!(lab.join(&cut.manifest).unwrap() == bytes[..bytes.len() - 9]);
    bytes.insert(100, 0);
    let moved = lab.split(&bytes, Vec::new()).manifest.pieces.unwrap();
    let common = moved.iter().filter(|p| pieces.contains(p)).count();
    assert!(
        common + 4 >= pieces.len(),
        "{common} of {} pieces",
        pieces.len()
    );
}

#[test]
fn work_stops_when_asked() {
    let lab = Lab::new();
    let cancel = Cancel::default();
    cancel.cancel();
    let bytes = fixture("torch/train_loop.pt");
    let result = decompose(
        &bytes.as_slice(),
        &lab.options(Vec::new()),
        &cancel,
        &Progress::default(),
    );
    assert_eq!(result.unwrap_err().code(), "ERR_THETA_CANCELLED");
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<Vec<u8>> = fixtures()
        .into_iter()
        .filter(|(name, bytes)| bytes.len() < 40_000 && !name.ends_with(".json"))
        .map(|(_, bytes)| bytes)
        .collect();
    let file = prop::sample::select(files);
    (
        file.clone(),
        file,
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        0u8..5,
        any::<prop::sample::Index>(),
    )
        .prop_map(|(mut a, b, flips, kind, cut)| {
            for (at, value) in flips {
                let at = at.index(a.len().max(1));
                if let Some(byte) = a.get_mut(at) {
                    *byte = value;
                }
            }
            match kind {
                0 => a.truncate(cut.index(a.len() + 1)),
                1 => a.extend_from_slice(&b),
                2 => a
                    .splice(0..0, b[..cut.index(b.len() + 1)].iter().copied())
                    .for_each(drop),
                3 => {
                    a.remove(cut.index(a.len().max(1)).min(a.len().saturating_sub(1)));
                }
                _ => {}
            }
            a
        })
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn mutated_files_come_back(bytes in mutated()) {
        Lab::new().round_trip(&bytes);
    }

    #[test]
    fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        Lab::new().round_trip(&bytes);
    }
}
