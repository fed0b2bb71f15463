//! Every torch, Lightning and safetensors fixture: each tensor of `expected.json` has its dtype, shape and values.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git_theta_core::bytes::{FileSource, Limits, ReadAt};
use git_theta_core::format::parse;
use git_theta_core::layout::{Layout, Parsed, Segment, Tensor};
use git_theta_core::zip::{Payload, ZipPart};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures")
}

/// All files of the formats that are split, by their path below the fixtures' folder.
pub fn files() -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder()).unwrap();
            let name = name.to_str().unwrap().replace('\\', "/");
            let ours = ["torch", "lightning/", "safetensors/"];
            let data = [".pt", ".ckpt", ".safetensors"];
            if ours.iter().any(|p| name.starts_with(p)) && data.iter().any(|e| name.ends_with(e)) {
                files.push(name);
            }
        }
    }
    files.sort();
    files
}

pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap()
}

/// The elements of a view in C order.
pub fn gather(source: &[u8], layout: &Layout, tensor: &Tensor) -> Vec<u8> {
    let Some(id) = tensor.storage else {
        return Vec::new();
    };
    let storage = &layout.storages[id];
    let data = &source[storage.offset as usize..][..storage.len as usize];
    let Some(size) = tensor.dtype.item_size() else {
        return data.to_vec();
    };
    let mut out = Vec::new();
    let mut index = vec![0u64; tensor.view.shape.len()];
    loop {
        let steps = index.iter().zip(&tensor.view.strides).map(|(i, s)| i * s);
        let at = ((tensor.view.offset + steps.sum::<u64>()) * size) as usize;
        out.extend_from_slice(&data[at..at + size as usize]);
        let mut axis = index.len();
        loop {
            if axis == 0 {
                return out;
            }
            axis -= 1;
            index[axis] += 1;
            if index[axis] < tensor.view.shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

pub fn layout(bytes: &[u8]) -> Layout {
    match parse(&bytes, &Limits::default()).unwrap() {
        Parsed::Layout(layout) => layout,
        Parsed::Opaque(reason) => panic!("opaque: {reason}"),
    }
}

fn expected() -> serde_json::Map<String, Value> {
    let text = bytes("expected.json");
    let Value::Object(all) = serde_json::from_slice(&text).unwrap() else {
        panic!("expected.json is no object");
    };
    all
}

/// Fixtures that are kept whole, and a part of the reason.
const OPAQUE: &[(&str, &str)] = &[
    ("torch/legacy.pt", "before 1.6"),
    ("torch/rezipped_deflated.pt", "compressed"),
    ("torch1.13/legacy.pt", "before 1.6"),
    ("torch2.0/legacy.pt", "before 1.6"),
    ("torch2.15/legacy.pt", "before 1.6"),
    ("torch2.4/legacy.pt", "before 1.6"),
];

/// Archives that another tool than torch has written or changed.
const NO_TEMPLATE: &[&str] = &["torch/appended_record.pt", "torch/rezipped_stored.pt"];

#[test]
fn tensors_are_those_that_the_framework_saved() {
    let expected = expected();
    let (mut compared, mut opaque) = (0, 0);
    for name in files() {
        let source = FileSource::open(&folder().join(&name)).unwrap();
        let bytes = bytes(&name);
        let parsed = parse(&source, &Limits::default()).unwrap();
        let why = OPAQUE.iter().find(|(file, _)| *file == name);
        let layout = match (parsed, why) {
            (Parsed::Layout(layout), None) => layout,
            (Parsed::Opaque(reason), Some((_, part))) => {
                assert!(reason.contains(part), "{name}: {reason}");
                opaque += 1;
                continue;
            }
            (other, _) => panic!("{name}: {other:?}"),
        };
        layout.check().unwrap();
        assert_eq!(layout.size, source.len());
        let found: BTreeMap<&str, &Tensor> = layout
            .tensors
            .iter()
            .map(|t| (t.name.as_str(), t))
            .collect();
        let by_path = expected[&name]["tensors"].as_object().unwrap();
        let by_module = expected[&name].get("state_dict").and_then(Value::as_object);
        let mut here = 0;
        for (path, tensor) in by_path {
            // Names of Lightning's callbacks hold a quote, a colon, a space, but no separator.
            check(&name, &bytes, &layout, found.get(path.as_str()), tensor);
            here += 1;
        }
        for (dotted, tensor) in by_module.into_iter().flatten() {
            check(
                &name,
                &bytes,
                &layout,
                found.get(module_path(dotted).as_str()),
                tensor,
            );
            here += 1;
        }
        let parts = found.keys().filter(|path| {
            let (parent, part) = path.rsplit_once('/').unwrap_or(("", path));
            let of = [
                "indices",
                "values",
                "crow_indices",
                "col_indices",
                "scales",
                "zero_points",
            ];
            of.contains(&part) && !by_path.contains_key(**path) && !parent.is_empty()
        });
        assert_eq!(
            found.len(),
            here + parts.count(),
            "{name}: {:?}",
            found.keys()
        );
        assert!(
            here > 0 || name == "safetensors/empty.safetensors",
            "{name}"
        );
        compared += here;
    }
    assert!(compared > 300, "only {compared} tensors");
    assert_eq!(opaque, OPAQUE.len());
}

/// The path through the attributes of `torch.nn.Module` to what `state_dict` calls `a.b.weight`.
fn module_path(dotted: &str) -> String {
    let parts: Vec<&str> = dotted.split('.').collect();
    let (leaf, modules) = parts.split_last().unwrap();
    let kind = if *leaf == "r" {
        "_buffers"
    } else {
        "_parameters"
    };
    let modules: String = modules.iter().map(|m| format!("_modules/{m}/")).collect();
    format!("{modules}{kind}/{leaf}")
}

fn check(file: &str, bytes: &[u8], layout: &Layout, found: Option<&&Tensor>, expected: &Value) {
    let Some(found) = found else {
        let names: Vec<_> = layout.tensors.iter().map(|t| &t.name).collect();
        panic!("{file}: {expected} is missing among {names:?}");
    };
    let context = format!("{file}: {}", found.name);
    assert_eq!(found.dtype.name(), expected["dtype"], "{context}");
    let shape: Vec<u64> = serde_json::from_value(expected["shape"].clone()).unwrap();
    assert_eq!(found.view.shape, shape, "{context}");
    let digest = Sha256::digest(gather(bytes, layout, found));
    let digest: String = digest.iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(digest, expected["sha256"], "{context}");
}

#[test]
fn archives_of_torch_save_are_regenerated() {
    let mut regenerated = 0;
    for name in files() {
        if name.ends_with(".safetensors") || OPAQUE.iter().any(|(file, _)| *file == name) {
            continue;
        }
        let bytes = bytes(&name);
        let layout = layout(&bytes);
        if NO_TEMPLATE.contains(&name.as_str()) {
            let plain = |s: &Segment| !matches!(s, Segment::TorchZip(_));
            assert!(layout.segments.iter().all(plain), "{name}");
            continue;
        }
        let [Segment::TorchZip(zip)] = &layout.segments[..] else {
            panic!("{name}: {:?}", layout.segments);
        };
        assert_eq!(zip.crc, name != "torch/nocrc.pt", "{name}");
        assert_eq!(zip.alignment, if name.contains("4096") { 4096 } else { 64 });
        let ids = zip
            .records
            .iter()
            .filter(|r| matches!(r.payload, Payload::SerializationId(_)));
        // PyTorch writes it since 2.1.
        let old = ["torch1.13/", "torch2.0/", "lightning/original"];
        let new = !old.iter().any(|folder| name.starts_with(folder));
        assert_eq!(ids.count(), usize::from(new), "{name}");

        // From the payloads alone, with their real CRCs.
        let plan = zip.plan().unwrap();
        let payload = |record: usize| {
            let record = &zip.records[record];
            &bytes[record.offset as usize..][..record.len as usize]
        };
        let crcs: Vec<u32> = (0..zip.records.len())
            .map(|i| crc32fast::hash(payload(i)))
            .collect();
        let mut again = Vec::new();
        for part in plan.parts() {
            let before = again.len() as u64;
            match part {
                ZipPart::Bytes(bytes) => again.extend_from_slice(bytes),
                ZipPart::Payload(record) => again.extend_from_slice(payload(*record)),
                ZipPart::Late(id, _) => again.extend(plan.late(*id, &crcs)),
            }
            assert_eq!(
                again.len() as u64 - before,
                plan.part_len(part),
                "{name}: {part:?}"
            );
        }
        assert_eq!(again, bytes, "{name}");
        regenerated += 1;

        let plain = layout.without_templates();
        plain.check().unwrap();
        assert_eq!(
            (&plain.storages, &plain.tensors),
            (&layout.storages, &layout.tensors)
        );
        assert!(
            plain
                .segments
                .iter()
                .all(|s| !matches!(s, Segment::TorchZip(_)))
        );
    }
    assert!(regenerated > 50, "only {regenerated}");
}

#[test]
fn views_and_shared_storages() {
    let bytes = bytes("torch/views.pt");
    let layout = layout(&bytes);
    let of = |name: &str| layout.tensors.iter().find(|t| t.name == name).unwrap();
    assert_eq!(of("base").storage, of("transposed").storage);
    assert_eq!(of("base").storage, of("strided").storage);
    assert_eq!(layout.storages[of("row").storage.unwrap()].name, "base");
    assert_eq!(of("row").view.offset, 6);
    assert_eq!(of("expanded").view.strides, [0]);
    assert_eq!(layout.storages[of("expanded").storage.unwrap()].len, 4);

    let empty = super::fixtures::layout(&super::fixtures::bytes("torch/scalars_and_empty.pt"));
    let of = |name: &str| empty.tensors.iter().find(|t| t.name == name).unwrap();
    assert_eq!(of("empty").storage, None);
    assert_eq!(of("scalar").view.shape, [0u64; 0]);
}

#[test]
fn companions_of_sparse_and_quantised_tensors() {
    let names = |file: &str| -> Vec<String> {
        let tensors = layout(&bytes(file)).tensors;
        tensors.into_iter().map(|t| t.name).collect()
    };
    assert_eq!(names("torch/sparse_coo.pt"), ["d", "s/indices", "s/values"]);
    assert_eq!(
        names("torch/sparse_csr.pt"),
        ["d", "s/col_indices", "s/crow_indices", "s/values"]
    );
    assert_eq!(
        names("torch/quantized.pt"),
        ["q", "qc", "qc/scales", "qc/zero_points"]
    );
}
