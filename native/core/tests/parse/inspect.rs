//! Reports on files: their fields, what is read for them, hashes.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use git_theta_core::cancel::Cancel;
use git_theta_core::inspect::{Options, inspect, inspect_path};
use git_theta_core::progress::Progress;
use git_theta_core::tensor::{Dtype, tensor_hash};
use serde_json::{Value, json};

use super::build::*;
use super::facts::folder;
use super::fixtures::{bytes, files};

fn report(bytes: &[u8], options: &Options) -> Value {
    let text = inspect(&bytes, options, &Cancel::default(), &Progress::default()).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn hashing() -> Options {
    Options {
        hash: true,
        ..Options::default()
    }
}

#[test]
fn fields_of_a_report() {
    let found = report(&plain_checkpoint(), &hashing());
    let hash = tensor_hash(Dtype::Float32, &[4], &[1; 16]).to_string();
    let mut expected = json!({
        "format": "torch-zip",
        "writer": "torch.save, since 2.1",
        "objects": {"w": "tensor float32 [4]"},
        "globals": ["collections.OrderedDict", "torch.FloatStorage", "torch._utils._rebuild_tensor_v2"],
        "weightsOnly": {"loads": true, "rules": "torch 2.15", "because": []},
        "size": plain_checkpoint().len(),
        "parameters": 4,
        "tensors": [{"name": "w", "dtype": "float32", "shape": [4], "bytes": 16, "hash": hash}],
    });
    expected["bytesRead"] = found["bytesRead"].clone();
    assert_eq!(found, expected);

    let bare = Options {
        bare: true,
        ..Options::default()
    };
    let found = report(&plain_checkpoint(), &bare);
    assert_eq!(found["objects"], Value::Null);
    assert_eq!(found["tensors"][0]["name"], "w");

    let found = report(b"no checkpoint", &Options::default());
    assert_eq!(found["format"], "opaque");
    assert_eq!(found["reason"], "no known checkpoint format");
    assert_eq!(found["tensors"], json!([]));
}

#[test]
fn shared_storages_and_counts() {
    let found = report(&bytes("torch/views.pt"), &Options::default());
    let of = |name: &str| {
        let all = found["tensors"].as_array().unwrap();
        all.iter().find(|t| t["name"] == name).unwrap().clone()
    };
    assert_eq!(of("row")["viewOf"], "base");
    assert_eq!(of("base").get("viewOf"), None);
    let tied = report(&bytes("torch2.15/views.pt"), &Options::default());
    let all = tied["tensors"].as_array().unwrap();
    let same: Vec<_> = all.iter().filter(|t| !t["same"].is_null()).collect();
    assert_eq!(same.len(), 1);
    let counted = all.iter().filter(|t| t["same"].is_null());
    let elements = counted.map(|t| {
        let shape = t["shape"].as_array().unwrap();
        shape.iter().map(|d| d.as_u64().unwrap()).product::<u64>()
    });
    assert_eq!(tied["parameters"], elements.sum::<u64>());
}

#[test]
fn chosen_tensors_are_hashed() {
    let all = report(&bytes("torch2.15/views.pt"), &hashing());
    let chosen = Options {
        only: Some(["tied".to_owned()].into()),
        ..hashing()
    };
    let found = report(&bytes("torch2.15/views.pt"), &chosen);
    let hashes = |report: &Value| -> Vec<(String, Option<String>)> {
        let tensors = report["tensors"].as_array().unwrap();
        let text = |v: &Value| v.as_str().map(str::to_owned);
        let pair = |t: &Value| (text(&t["name"]).unwrap(), text(&t["hash"]));
        tensors.iter().map(pair).collect()
    };
    for ((name, hash), (_, expected)) in hashes(&found).into_iter().zip(hashes(&all)) {
        // What it is an alias of is hashed for it.
        let is_chosen = name == "tied" || name == "base";
        assert_eq!(hash, expected.filter(|_| is_chosen), "{name}");
    }
}

#[test]
fn safetensors_show_their_metadata() {
    let header = br#"{"__metadata__":{"format":"pt","n":"\u001b[31m"},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    let file = [&(header.len() as u64).to_le_bytes()[..], header, b"x"].concat();
    let found = report(&file, &Options::default());
    assert_eq!(
        found["objects"],
        json!({"__metadata__": {"format": "pt", "n": "\u{1b}[31m"}})
    );
    assert_eq!(found.get("globals"), None);
    assert_eq!(found.get("weightsOnly"), None);
}

#[test]
fn lightning_tells_its_version() {
    let found = report(
        &bytes("lightning/original_callback_lightning_1.4.9.ckpt"),
        &Options::default(),
    );
    assert_eq!(found["writer"], "Lightning 1.4.9");
    assert_eq!(found["objects"]["pytorch-lightning_version"], "1.4.9");
}

#[test]
fn every_fixture_has_a_report_with_hashes() {
    let mut hashed = 0;
    for name in files() {
        let path = folder().join(&name);
        let text = inspect_path(&path, &hashing(), &Cancel::default(), &Progress::default());
        let found: Value = serde_json::from_str(&text.unwrap()).unwrap();
        for tensor in found["tensors"].as_array().unwrap() {
            let hash = tensor["hash"].as_str();
            assert_ne!(
                hash.is_some(),
                tensor["unread"].is_string(),
                "{name}: {tensor}"
            );
            hashed += usize::from(hash.is_some());
        }
    }
    assert!(hashed > 300, "only {hashed}");
}

#[test]
fn headers_alone_are_read() {
    let header = br#"{"w":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}}"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m");
    let mut file = File::create(&path).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes())
        .unwrap();
    file.write_all(header).unwrap();
    // A hole of 1 GiB.
    file.seek(SeekFrom::Current((1 << 30) - 1)).unwrap();
    file.write_all(b"\0").unwrap();
    drop(file);
    let (cancel, progress) = (Cancel::default(), Progress::default());
    let text = inspect_path(&path, &Options::default(), &cancel, &progress).unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(found["parameters"], 1 << 28);
    assert!(
        found["bytesRead"].as_u64().unwrap() < 4096,
        "{}",
        found["bytesRead"]
    );

    cancel.cancel();
    let stopped = inspect_path(&path, &hashing(), &cancel, &progress);
    assert!(stopped.is_err());
}

#[test]
fn folders_are_models_of_several_files() {
    let (cancel, progress) = (Cancel::default(), Progress::default());
    let look = |name: &str| {
        let path = super::facts::folder().join(name);
        let text = inspect_path(&path, &hashing(), &cancel, &progress).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let found = look("safetensors/sharded");
    assert_eq!(found["format"], "safetensors-shards");
    assert_eq!(found["problems"], serde_json::json!([]));
    assert_eq!(found["files"].as_array().unwrap().len(), 3);
    // Hashes are those of the same tensors alone.
    let alone = look("safetensors/sharded/model-00001-of-00002.safetensors");
    for tensor in alone["tensors"].as_array().unwrap() {
        let all = found["tensors"].as_array().unwrap();
        let same = all.iter().find(|t| t["name"] == tensor["name"]).unwrap();
        assert_eq!(same["hash"], tensor["hash"], "{tensor}");
        assert_eq!(same["file"], "model-00001-of-00002.safetensors");
    }
    // By index, and by folder.
    assert_eq!(look("torch/dcp"), look("torch/dcp/.metadata"));

    let folder = tempfile::tempdir().unwrap();
    let refused = inspect_path(folder.path(), &Options::default(), &cancel, &progress);
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("no checkpoint is in this folder"), "{text}");
}
