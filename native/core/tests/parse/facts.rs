//! What `expected.json` says of the fixtures.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The fixtures' folder.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../__test__/fixtures")
}

pub fn expected() -> Map<String, Value> {
    let text = std::fs::read(folder().join("expected.json")).unwrap();
    let Value::Object(all) = serde_json::from_slice(&text).unwrap() else {
        panic!("expected.json is no object");
    };
    all
}

/// Type, shape and SHA-256 of the values, in hexadecimal.
pub type Facts = (String, Vec<u64>, String);

/// Those of a tensor with these values.
pub fn facts(dtype: &str, shape: &[u64], values: &[u8]) -> Facts {
    let digest = Sha256::digest(values);
    let digest = digest.iter().map(|b| format!("{b:02x}")).collect();
    (dtype.into(), shape.to_vec(), digest)
}

/// Those of a tensor as `expected.json` has it.
pub fn wanted(tensor: &Value) -> Facts {
    let text = |key: &str| tensor[key].as_str().unwrap().to_owned();
    let shape = serde_json::from_value(tensor["shape"].clone()).unwrap();
    (text("dtype"), shape, text("sha256"))
}
