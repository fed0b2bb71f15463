//! Files of Keras: what is split, what is listed and shown, and archives around them.

use git_theta_core::bytes::Limits;
use git_theta_core::format::describe;
use git_theta_core::layout::Values;
use serde_json::json;

use super::build::{Opaque, Split, check_all, names, other_zip, put};
use super::damage::split_cuts;
use super::fixtures::{bytes as fixture, layout};

#[test]
fn every_truncation() {
    for name in [
        "keras/userblock.h5",
        "keras/latest.h5",
        "keras/chunk_tree.h5",
    ] {
        // The library may leave unused bytes behind the end that it states.
        assert_eq!(split_cuts(&fixture(name)), [0; 0], "{name}");
    }
}

#[test]
fn facts() {
    let of = |name: &str| describe(&fixture(name), &Limits::default()).unwrap();
    let types = of("keras/types.h5");
    assert_eq!(types.writer.as_deref(), Some("Keras 3.15.1"));
    let big = format!("{}…", "x".repeat(200));
    let wanted = json!({"attributes": {
        "big": big, "fixed": "abc", "keras_version": "3.15.1", "layer_names": ["a", "b"],
        "rate": 0.5, "steps": -3,
    }});
    assert_eq!(types.objects, wanted);
    let other = of("keras/other.h5").objects;
    let links = json!({"links/external": "link to another file", "links/soft": "soft link"});
    assert_eq!(other, json!({ "notFollowed": links }));
    let legacy = of("keras/legacy.h5");
    assert_eq!(legacy.writer.as_deref(), Some("Keras 3.15.1"));
    let config = legacy.objects["attributes"]["model_config"]
        .as_str()
        .unwrap();
    assert!(config.starts_with("{\"class_name\": \"Sequential\""));

    let archive = of("keras/model.keras");
    assert_eq!(archive.writer.as_deref(), Some("Keras 3.15.1"));
    let config = &archive.objects["config.json"];
    assert_eq!(config["class"], "Sequential");
    assert_eq!(
        config["layers"],
        json!(["input_layer: InputLayer", "d1: Dense", "d2: Dense"])
    );
}

#[test]
fn unread_datasets_have_a_reason() {
    let layout = layout(&fixture("keras/other.h5"));
    let listed = layout.listed.iter().map(|listed| match listed.values {
        Values::Unread(why) => (&listed.name[..], &listed.dtype[..], &listed.shape[..], why),
        _ => panic!("{listed:?}"),
    });
    let elsewhere = "its values are in another file";
    let wanted: &[(&str, &str, &[u64], &str)] = &[
        (
            "big_endian",
            "float32, big-endian",
            &[4],
            "the values are big-endian",
        ),
        (
            "big_endian_int",
            "int16, big-endian",
            &[4],
            "the values are big-endian",
        ),
        (
            "committed",
            "committed type",
            &[2],
            "its type is another object",
        ),
        ("compound", "compound", &[2], "compounds are not numbers"),
        ("elsewhere", "float32", &[2], elsewhere),
        (
            "enumeration",
            "enumeration",
            &[2],
            "enumerations are not numbers",
        ),
        ("fixed_string", "string", &[2], "strings are not numbers"),
        ("lzf", "float64", &[9], "compressed by LZF"),
        ("null", "null", &[], "it has no values"),
        ("opaque", "opaque", &[2], "opaque bytes are not numbers"),
        ("scaled", "int64", &[9], "packed by the filter Scale-Offset"),
        (
            "sequences",
            "sequence",
            &[2],
            "sequences of variable length are not tensors",
        ),
        ("string", "string", &[], "strings are not numbers"),
        (
            "virtual",
            "float32",
            &[2],
            "it is virtual: its values are in other datasets",
        ),
    ];
    assert_eq!(listed.collect::<Vec<_>>(), wanted);
}

#[test]
fn what_is_split() {
    let of = |name: &str| layout(&fixture(name));
    let types = of("keras/types.h5");
    let tensor = |name: &str| types.tensors.iter().find(|t| t.name == name).unwrap();
    assert_eq!(tensor("tied/a").storage, tensor("tied/b").storage);
    assert_eq!(tensor("empty").storage, None);
    assert_eq!(tensor("numbers/complex64").view.shape, [2, 3]);

    let chunks = of("keras/chunks.h5");
    let ragged: Vec<_> = names(&chunks)
        .into_iter()
        .filter(|n| n.starts_with("ragged"))
        .collect();
    assert_eq!(ragged.len(), 9);
    assert_eq!((ragged[0], ragged[8]), ("ragged/0.0", "ragged/2.2"));
    assert!(names(&chunks).contains(&"one"));

    let archive = of("keras/model.keras");
    assert_eq!((archive.format, archive.tensors.len()), ("keras", 4));
}

#[test]
fn keras_archives() {
    let weights = fixture("keras/latest.h5");
    let with = |name: &str, content: &[u8]| {
        other_zip(&[
            ("metadata.json", b"{}", false),
            (name, content, false),
            ("config.json", b"[", false),
        ])
    };
    let good = with("model.weights.h5", &weights);
    // The method, in the local header and in the directory.
    let method = |record: &str| {
        let mut bytes = good.clone();
        let names: Vec<usize> = (0..bytes.len())
            .filter(|&at| bytes[at..].starts_with(record.as_bytes()))
            .collect();
        let [local, central] = names[..] else {
            panic!("{names:?}");
        };
        bytes[local - 22] = 8;
        bytes[central - 36] = 8;
        bytes
    };
    check_all(vec![
        ("good", good.clone(), Split(3)),
        (
            "compressed",
            method("model.weights.h5"),
            Opaque("is compressed"),
        ),
        ("compressed configuration", method("config.json"), Split(3)),
        (
            "a user block",
            with("model.weights.h5", &fixture("keras/userblock.h5")),
            Split(3),
        ),
        (
            "no HDF5",
            with("model.weights.h5", b"text"),
            Opaque("no superblock"),
        ),
        (
            "damaged",
            with("model.weights.h5", &put(&weights, 60, &[9])),
            Opaque("keras: in model.weights.h5: hdf5 object header: wrong checksum"),
        ),
        (
            "NumPy",
            with("model.weights.npz", b""),
            Opaque("weights in model.weights.npz"),
        ),
        (
            "no weights",
            with("other", b""),
            Opaque("model.weights.h5 is missing"),
        ),
        (
            "no configuration",
            other_zip(&[
                ("metadata.json", b"{}", false),
                ("model.weights.h5", &weights, false),
            ]),
            Opaque("torch zip"),
        ),
    ]);
    let facts = describe(&good, &Limits::default()).unwrap();
    assert_eq!(facts.writer, None);
}
