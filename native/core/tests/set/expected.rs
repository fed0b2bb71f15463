//! Every set of the fixtures: each tensor of `expected.json` has its dtype, shape and values.

use std::collections::BTreeMap;

use super::facts::{self, expected, facts};
use super::{fixtures, look};

/// Path of the folder or index, key in `expected.json` of the whole or of its files, format.
const SETS: &[(&str, &[&str], &str)] = &[
    (
        "safetensors/sharded",
        &[
            "safetensors/sharded/model-00001-of-00002.safetensors",
            "safetensors/sharded/model-00002-of-00002.safetensors",
        ],
        "safetensors-shards",
    ),
    (
        "onnx/external.onnx",
        &["onnx/external.onnx"],
        "onnx-external",
    ),
    (
        "tensorflow/bundle",
        &["tensorflow/bundle"],
        "tensorflow-bundle",
    ),
    (
        "tensorflow/saved_model",
        &["tensorflow/saved_model"],
        "tensorflow-bundle",
    ),
    ("torch/dcp", &["torch/dcp"], "torch-dcp"),
    ("torch/dcp/.metadata", &["torch/dcp"], "torch-dcp"),
];

/// Tensors of text, whose values are not read.
const TEXT: &str = "string";

#[test]
fn tensors_are_those_that_the_framework_saved() {
    let expected = expected();
    for (path, keys, format) in SETS {
        let view = look(&fixtures().join(path));
        assert_eq!(view.problems, [""; 0], "{path}");
        assert_eq!(view.format, *format);
        let mut found = BTreeMap::new();
        for tensor in view.tensors.iter().filter(|t| t.dtype != TEXT) {
            let values = view.read(tensor, 1 << 20).unwrap();
            assert_eq!(values.len() as u64, tensor.bytes, "{path}: {}", tensor.name);
            let facts = facts(&tensor.dtype, &tensor.shape, &values);
            found.insert(tensor.name.clone(), facts);
        }
        let mut wanted = BTreeMap::new();
        for key in *keys {
            for (name, tensor) in expected[*key]["tensors"].as_object().unwrap() {
                wanted.insert(name.clone(), facts::wanted(tensor));
            }
        }
        assert!(wanted.len() >= 2, "{path}: nothing to compare");
        assert_eq!(found, wanted, "{path}");
    }
}

#[test]
fn as_json() {
    let view = look(&fixtures().join("onnx/external.onnx"));
    assert_eq!(
        serde_json::to_value(&view).unwrap(),
        serde_json::json!({
            "format": "onnx-external",
            "files": [
                { "path": "external.onnx", "bytes": 222, "format": "onnx", "tensors": 0 },
                { "path": "external.onnx.data", "bytes": 6336, "format": "data", "tensors": 2 },
            ],
            "tensors": [
                { "name": "B", "dtype": "float32", "shape": [48], "bytes": 192, "file": "external.onnx.data" },
                { "name": "W", "dtype": "float32", "shape": [32, 48], "bytes": 6144, "file": "external.onnx.data" },
            ],
            "problems": [],
        })
    );
}
