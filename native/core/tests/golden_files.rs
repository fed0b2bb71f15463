//! Formats that whole files depend on and that must not change: skeleton containers and the cutting of
//! opaque files. `GIT_THETA_GOLDEN=write` writes the vectors anew, which is a change of the format.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use git_theta_core::cancel::Cancel;
use git_theta_core::codec::Decoder;
use git_theta_core::decompose::{Options, decompose};
use git_theta_core::object::ObjectReader;
use git_theta_core::progress::Progress;
use git_theta_core::record::Manifest;
use git_theta_core::skeleton::Container;
use serde::{Deserialize, Serialize};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn split(bytes: &[u8]) -> (Manifest, ObjectReader, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        store: dir.path().join("objects"),
        temp: dir.path().join("tmp"),
        previous: Vec::new(),
        threads: Some(2),
        sync: false,
    };
    let progress = Progress::default();
    let manifest = decompose(&bytes, &options, &Cancel::default(), &progress)
        .unwrap()
        .manifest;
    (manifest, ObjectReader::new(vec![options.store]), dir)
}

fn golden<T: Serialize + for<'a> Deserialize<'a> + PartialEq + std::fmt::Debug>(
    name: &str,
    now: &T,
) {
    let path = root().join("tests/golden").join(name);
    if std::env::var_os("GIT_THETA_GOLDEN").is_some_and(|v| v == "write") {
        fs::write(&path, serde_json::to_string_pretty(now).unwrap() + "\n").unwrap();
    }
    let kept: T = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert!(kept == *now, "{name} is not what is written now: {now:#?}");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Skeleton {
    fixture: String,
    hash: String,
    container: String,
}

#[test]
fn skeleton_containers() {
    let mut found = Vec::new();
    for fixture in [
        "safetensors/unpadded_null_metadata.safetensors",
        "torch/tied.pt",
        "torch/views.pt",
        "torch/nocrc.pt",
        "torch/rezipped_stored.pt",
        "torch1.13/state_dict.pt",
    ] {
        let bytes = fs::read(root().join("../../__test__/fixtures").join(fixture)).unwrap();
        let (manifest, objects, _dir) = split(&bytes);
        let record = manifest.skeleton.unwrap();
        let mut chunk = Vec::new();
        objects.read(&record.chunks[0], &mut chunk).unwrap();
        let mut container = vec![0; record.size as usize];
        Decoder::new()
            .unwrap()
            .decode(&chunk, &mut container)
            .unwrap();
        assert_eq!(Container::parse(&container).unwrap().to_bytes(), container);
        found.push(Skeleton {
            fixture: fixture.into(),
            hash: record.hash.to_string(),
            container: container.iter().map(|b| format!("{b:02x}")).collect(),
        });
    }
    golden("skeleton.json", &found);
}

/// What a stamp is of, of the manifests that are vectors of their text.
#[test]
fn base_hashes() {
    let folder = root().join("../../__test__/golden/manifest");
    let mut found = BTreeMap::new();
    for name in ["stamped", "order", "same-and-view", "names"] {
        let text = fs::read_to_string(folder.join(format!("{name}.theta"))).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let manifest = Manifest::from_json(&format!("[{}]", lines.join(","))).unwrap();
        found.insert(name.to_owned(), manifest.base_hash().to_string());
    }
    golden("base_hash.json", &found);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pieces {
    bytes: u64,
    seed: u32,
    pieces: Vec<String>,
}

#[test]
fn pieces_of_opaque_files() {
    let mut found = Vec::new();
    for (bytes, seed) in [(0u64, 1u32), (1, 1), (40_000_000, 1), (9_000_001, 7)] {
        // The generator of Numerical Recipes, its upper byte.
        let mut state = seed;
        let data: Vec<u8> = (0..bytes)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect();
        let pieces = split(&data).0.pieces.unwrap();
        let pieces = pieces.iter().map(ToString::to_string).collect();
        found.push(Pieces {
            bytes,
            seed,
            pieces,
        });
    }
    golden("pieces.json", &found);
}

#[test]
fn broken_containers_are_refused() {
    let bytes = fs::read(root().join("../../__test__/fixtures/torch/tied.pt")).unwrap();
    let (manifest, objects, _dir) = split(&bytes);
    let record = manifest.skeleton.unwrap();
    let mut chunk = Vec::new();
    objects.read(&record.chunks[0], &mut chunk).unwrap();
    let mut good = vec![0; record.size as usize];
    Decoder::new().unwrap().decode(&chunk, &mut good).unwrap();
    for len in 0..good.len() {
        assert!(Container::parse(&good[..len]).is_err(), "cut to {len}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(Container::parse(&longer).is_err());
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            // What is still a container has one encoding.
            if let Ok(container) = Container::parse(&bad) {
                assert_eq!(container.to_bytes(), bad);
            }
        }
    }
    let header = b"git-theta skeleton 1\0";
    for (body, rule) in [
        (&b"\x01\x00\x01a\x00"[..], "an array is not used"),
        (
            b"\x02\x00\x01a\x00\x01a\x02\x01\x00\x01\x01",
            "an array is listed twice",
        ),
        (b"\x01\x00\x01a\x02\x01\x00\x01\x00", "each used once"),
        (b"\x01\x00\x01a\x01\x01\x01", "in order of use"),
        (b"\x00\x02\x00\x01\x00\x01ab", "does not follow another"),
        (b"\x00\x01\x00\x00", "a literal is not empty"),
        (b"\x00\x01\x00\x02a", "exactly what the segments use"),
        (b"\x00\x01\x07", "unknown kind of a segment"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "not a varint"),
        (b"\x01\x00\x02\xff\xfe\x00", "not UTF-8"),
    ] {
        let error = Container::parse(&[header, body].concat()).unwrap_err();
        assert_eq!(error.code(), "ERR_THETA_INVALID");
        assert!(
            error.to_string().contains(rule),
            "{error} is not about {rule}"
        );
    }
}
