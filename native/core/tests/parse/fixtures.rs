//! Every fixture: each tensor of `expected.json` has its dtype, shape and values.

use std::collections::BTreeMap;

use git_theta_core::bytes::{FileSource, Limits, ReadAt};
use git_theta_core::format::parse;
use git_theta_core::layout::{Layout, Packed, Parsed, Segment, Tensor, Values};
use git_theta_core::values;
use git_theta_core::zip::{Payload, TorchZip, ZipPart};
use serde_json::Value;

use super::facts::{self, Facts, expected, facts, folder};

/// All fixtures, by their path below the fixtures' folder.
pub fn files() -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder()).unwrap();
            let name = name.to_str().unwrap().replace('\\', "/");
            if path.is_dir() {
                folders.extend((name != "generate").then_some(path));
            } else if !["expected.json", "weights_only.json"].contains(&name.as_str()) {
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

/// Fixtures that are kept whole, and a part of the reason.
const OPAQUE: &[(&str, &str)] = &[
    ("keras/dense_group.h5", "a dense group (fractal heap)"),
    ("keras/fixed_array.h5", "a chunk index of layout version 4"),
];

/// Fixtures of which `expected.json` says nothing: whole, for this part of a reason.
const NOT_EXPECTED: &[(&str, &str)] = &[
    ("lightning/git_info.json", "no known checkpoint format"),
    ("onnx/external.onnx.data", "no known checkpoint format"),
    (
        "safetensors/sharded/model.safetensors.index.json",
        "no known checkpoint format",
    ),
    (
        "tensorflow/bundle/model.data-00000-of-00002",
        "no known checkpoint format",
    ),
    (
        "tensorflow/bundle/model.data-00001-of-00002",
        "no known checkpoint format",
    ),
    ("tensorflow/bundle/model.index", "index of a TensorFlow"),
    (
        "tensorflow/saved_model/fingerprint.pb",
        "no known checkpoint format",
    ),
    (
        "tensorflow/saved_model/saved_model.pb",
        "no known checkpoint format",
    ),
    (
        "tensorflow/saved_model/variables/variables.data-00000-of-00001",
        "no known checkpoint format",
    ),
    (
        "tensorflow/saved_model/variables/variables.index",
        "index of a TensorFlow",
    ),
    ("torch/dcp/.metadata", "a pickle"),
];

/// Fixtures whose tensors are all in another file: compared where the files are together.
const IN_ANOTHER_FILE: &[&str] = &["onnx/external.onnx"];

/// Archives that another tool than torch has written or changed.
const NO_TEMPLATE: &[&str] = &[
    "torch/appended_record.pt",
    "torch/rezipped_deflated.pt",
    "torch/rezipped_stored.pt",
];

/// Tensors that a format shows beside those that the framework counts: parts of sparse and quantised ones.
fn is_companion(name: &str) -> bool {
    let part = name.rsplit_once('/').map(|(_, part)| part);
    part.is_some_and(|part| {
        [
            "indices",
            "values",
            "crow_indices",
            "col_indices",
            "scales",
            "zero_points",
            "buffer",
            "sizes",
            "strides",
            "storage_offsets",
        ]
        .contains(&part)
    })
}

/// What a layout shows of each tensor: those that are listed in place of those that hold their bytes.
fn shown(source: &[u8], layout: &Layout) -> BTreeMap<String, Facts> {
    let mut all: BTreeMap<String, Facts> = layout
        .tensors
        .iter()
        .map(|t| {
            let values = gather(source, layout, t);
            (
                t.name.clone(),
                facts(t.dtype.name(), &t.view.shape, &values),
            )
        })
        .collect();
    for listed in &layout.listed {
        let read = |packed: &Packed| values::read(&source, packed, 1 << 20).unwrap();
        let values = match &listed.values {
            Values::Tensor => {
                let held = layout.tensors.iter().find(|t| t.name == listed.name);
                gather(source, layout, held.unwrap())
            }
            Values::Parts(parts, packed) => {
                for part in parts {
                    assert!(all.remove(part).is_some(), "{part}");
                }
                read(packed)
            }
            Values::Packed(packed) => read(packed),
            Values::Unread(_) => continue,
        };
        let facts = facts(&listed.dtype, &listed.shape, &values);
        all.insert(listed.name.clone(), facts);
    }
    all
}

#[test]
fn tensors_are_those_that_the_framework_saved() {
    let expected = expected();
    let (mut compared, mut opaque) = (0, 0);
    for name in files() {
        let source = FileSource::open(&folder().join(&name)).unwrap();
        let bytes = bytes(&name);
        let parsed = parse(&source, &Limits::default()).unwrap();
        let whole = OPAQUE.iter().chain(NOT_EXPECTED);
        let why = whole.clone().find(|(file, _)| *file == name);
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
        let mut found = shown(&bytes, &layout);
        if IN_ANOTHER_FILE.contains(&name.as_str()) {
            assert!(found.is_empty() && !layout.listed.is_empty(), "{name}");
            continue;
        }
        let record = &expected[&name];
        let by_path = record["tensors"].as_object().unwrap();
        let by_module = record.get("state_dict").and_then(Value::as_object);
        let by_module = by_module.into_iter().flatten();
        // Names of Lightning's callbacks hold a quote, a colon, a space, but no separator.
        let wanted = by_path.iter().map(|(path, tensor)| (path.clone(), tensor));
        let wanted: Vec<(String, Facts)> = wanted
            .chain(by_module.map(|(dotted, tensor)| (module_path(dotted), tensor)))
            .map(|(path, tensor)| (path, facts::wanted(tensor)))
            .collect();
        assert!(
            !wanted.is_empty() || name == "safetensors/empty.safetensors",
            "{name}: nothing to compare"
        );
        compared += wanted.len();
        if record.get("naming").is_some() {
            // The framework names by layers, the file by its own folders.
            let mut wanted: Vec<Facts> = wanted.into_iter().map(|(_, facts)| facts).collect();
            let mut found: Vec<Facts> = found.into_values().collect();
            wanted.sort();
            found.retain(|facts| wanted.contains(facts));
            found.sort();
            assert_eq!(found, wanted, "{name}");
            continue;
        }
        for (path, facts) in &wanted {
            let names: Vec<&String> = found.keys().collect();
            let context = format!("{name}: {path} among {names:?}");
            assert_eq!(found.remove(path).as_ref(), Some(facts), "{context}");
        }
        let rest: Vec<String> = found.into_keys().filter(|p| !is_companion(p)).collect();
        assert_eq!(rest, Vec::<String>::new(), "{name}: not expected");
    }
    assert!(compared > 300, "only {compared} tensors");
    assert_eq!(opaque, OPAQUE.len() + NOT_EXPECTED.len());
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

/// From the payloads alone, with their real CRCs.
fn is_regenerated(name: &str, bytes: &[u8], zip: &TorchZip) {
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
        let len = again.len() as u64 - before;
        assert_eq!(len, plan.part_len(part), "{name}: {part:?}");
    }
    let whole = &bytes[zip.offset as usize..][..zip.len as usize];
    assert_eq!(again, whole, "{name}");
}

#[test]
fn archives_of_torch_save_are_regenerated() {
    let mut regenerated = 0;
    for name in files() {
        let bytes = bytes(&name);
        let Parsed::Layout(layout) = parse(&bytes, &Limits::default()).unwrap() else {
            continue;
        };
        if !["torch-zip", "torch-package", "torch-export", "torch-dcp"].contains(&layout.format) {
            continue;
        }
        if NO_TEMPLATE.contains(&name.as_str()) {
            let plain = |s: &Segment| !matches!(s, Segment::TorchZip(_));
            assert!(layout.segments.iter().all(plain), "{name}");
            continue;
        }
        let several = layout.format == "torch-dcp";
        assert_eq!(layout.segments.len() > 1, several, "{name}");
        for segment in &layout.segments {
            let Segment::TorchZip(zip) = segment else {
                panic!("{name}: {segment:?}");
            };
            is_regenerated(&name, &bytes, zip);
            regenerated += 1;
        }

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
fn listed_tensors_and_arrays() {
    let listed = |file: &str| -> Vec<(String, String, Vec<u64>)> {
        let listed = layout(&bytes(file)).listed.into_iter();
        listed.map(|l| (l.name, l.dtype, l.shape)).collect()
    };
    let of = |name: &str, dtype: &str, shape: &[u64]| (name.into(), dtype.into(), shape.to_vec());
    assert_eq!(
        listed("torch/listed.pt"),
        [
            of("conj", "complex64", &[3]),
            of("expanded", "float32", &[1 << 20, 8]),
            of("meta", "bfloat16", &[3, 2]),
            of("neg", "float32", &[3]),
            of("packed", "quint4x2", &[2, 4]),
        ]
    );
    assert_eq!(
        listed("torch/numpy_protocol5.pt"),
        [
            of("np/a", "int16", &[2, 3]),
            of("np/big", ">f8", &[2]),
            of("np/f", "float32", &[2, 2]),
            of("np/o", "object", &[2]),
            of("np/s", "U2", &[2]),
        ]
    );
    assert_eq!(
        listed("torch/hparams.pt"),
        [
            of("hyper_parameters/betas", "float64", &[2]),
            of("hyper_parameters/layers", "int64", &[]),
            of("hyper_parameters/lr", "float64", &[]),
            of("hyper_parameters/on", "bool", &[]),
        ]
    );
    assert_eq!(
        listed("torch/train_loop.pt"),
        [of("rng/numpy/1", "uint32", &[624])]
    );
    assert_eq!(listed("torch/rezipped_deflated.pt").len(), 11);
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
    assert_eq!(
        names("torch/nested.pt"),
        ["n/buffer", "n/sizes", "n/storage_offsets", "n/strides", "w"]
    );
}
