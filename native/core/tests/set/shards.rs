//! `*.index.json`: hostile case 71.

use std::time::Instant;

use git_theta_core::bytes::Limits;
use git_theta_core::set::view;

use super::build::{dict, tensor as torch_tensor, took_less, with_pickle};
use super::{copy, files, look, names, problems, tensor, write};

/// A safetensors file of bytes with these names.
fn shard(names: &[&str]) -> Vec<u8> {
    let entries: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            format!(
                r#""{name}":{{"dtype":"U8","shape":[1],"data_offsets":[{i},{}]}}"#,
                i + 1
            )
        })
        .collect();
    let header = format!("{{{}}}", entries.join(","));
    let len = (header.len() as u64).to_le_bytes();
    [&len, header.as_bytes(), &vec![7; names.len()]].concat()
}

/// A folder with the shards `a` and `b`, and an index with this map.
fn folder(map: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "a", shard(&["x", "y"]));
    write(&folder, "b", shard(&["z"]));
    write(
        &folder,
        "model.safetensors.index.json",
        format!(r#"{{"weight_map":{{{map}}}}}"#),
    );
    folder
}

const INDEX: &str = "model.safetensors.index.json";

#[test]
fn maps() {
    for (case, map, found, rules) in [
        (
            "good",
            r#""x":"a","y":"a","z":"b""#,
            &["x", "y", "z"][..],
            &[][..],
        ),
        (
            "missing shard",
            r#""x":"a","y":"a","z":"c""#,
            &["x", "y"],
            &["c: the file is missing"],
        ),
        (
            "missing tensor",
            r#""x":"a","y":"a","w":"b","z":"b""#,
            &["x", "y", "z"],
            &["w: b does not have it"],
        ),
        (
            "extra tensor",
            r#""x":"a","z":"b""#,
            &["x", "y", "z"],
            &["y: it is in a, and"],
        ),
        (
            "another shard",
            r#""x":"a","y":"b","z":"b""#,
            &["x", "z"],
            &["y: a has it too", "y: b does not have it"],
        ),
        (
            "two shards",
            r#""x":"a","y":"a","z":"b","z":"a""#,
            &["x", "y", "z"],
            &["names two files: a and b", "z: a does not have it"],
        ),
        (
            "the same twice",
            r#""x":"a","x":"a","y":"a","z":"b""#,
            &["x", "y", "z"],
            &[],
        ),
        (
            "outside",
            r#""x":"../../etc/passwd""#,
            &[],
            &["../../etc/passwd: the path leads out"],
        ),
        (
            "absolute",
            r#""x":"/etc/passwd""#,
            &[],
            &["/etc/passwd: the path is absolute"],
        ),
        ("backslash", r#""x":"\\\\server\\a""#, &[], &["a backslash"]),
        ("drive", r#""x":"C:a""#, &[], &["the path is absolute"]),
        ("zero byte", r#""x":"a\u0000""#, &[], &["a zero byte"]),
        (
            "escapes are not printed",
            r#""x":"\u001b[2J\n""#,
            &[],
            &["[2J: the file is missing"],
        ),
        (
            "the folder",
            r#""x":".""#,
            &[],
            &[".: it is no regular file"],
        ),
        ("no name", r#""x":"""#, &[], &["the name is empty"]),
        (
            "the index itself",
            r#""x":"model.safetensors.index.json""#,
            &[],
            &["no known checkpoint format"],
        ),
    ] {
        let folder = folder(map);
        let view = look(&folder.path().join(INDEX));
        problems(case, &view, rules);
        assert_eq!(names(&view), found, "{case}");
        for problem in &view.problems {
            assert!(!problem.chars().any(char::is_control), "{problem:?}");
        }
    }
}

#[test]
fn the_place_that_the_index_gives_wins() {
    let folder = folder(r#""x":"b","y":"a","z":"b""#);
    write(&folder, "b", shard(&["z", "x"]));
    let view = look(&folder.path().join(INDEX));
    problems("two", &view, &["x: a has it too"]);
    assert_eq!(tensor(&view, "x").file, "b");
    assert_eq!(
        files(&view),
        [
            (INDEX, "json", 0),
            ("a", "safetensors", 1),
            ("b", "safetensors", 2)
        ]
    );
}

#[test]
fn what_is_no_index() {
    let folder = tempfile::tempdir().unwrap();
    let nested = format!(r#"{{"weight_map":{{}},"x":{}"#, "[".repeat(1_000_000));
    for (case, json, rule) in [
        ("no map", "{}", "missing field `weight_map`"),
        ("cut", r#"{"weight_map":{"x":"a""#, "EOF"),
        ("numbers", r#"{"weight_map":{"x":1}}"#, "invalid type"),
        ("list", r#"{"weight_map":[]}"#, "invalid type"),
        (
            "two maps",
            r#"{"weight_map":{},"weight_map":{}}"#,
            "duplicate field",
        ),
        ("nested", nested.as_str(), "EOF"),
    ] {
        write(&folder, INDEX, json);
        problems(case, &look(&folder.path().join(INDEX)), &[rule]);
        // Under another name it is not said to be one.
        write(&folder, "config.json", json);
        let other = view(&folder.path().join("config.json"), &Limits::default());
        assert!(other.unwrap().is_none());
    }
}

#[test]
fn total_size() {
    for (size, rules) in [
        ("3", &[][..]),
        ("3.0", &[]),
        ("null", &[]),
        ("4", &["total_size is 4, the tensors have 3 bytes"]),
        ("-1", &["total_size is -1"]),
        ("\"3\"", &["no index of tensors"]),
    ] {
        let folder = folder("");
        let map = r#"{"x":"a","y":"a","z":"b"}"#;
        let json = format!(r#"{{"metadata":{{"total_size":{size}}},"weight_map":{map}}}"#);
        write(&folder, INDEX, json);
        problems(size, &look(&folder.path().join(INDEX)), rules);
    }
}

#[test]
fn shards_of_torch() {
    let folder = tempfile::tempdir().unwrap();
    let file = with_pickle(&dict(&[
        ("w/%", torch_tensor("0")),
        ("v", torch_tensor("1")),
    ]));
    write(&folder, "pytorch_model-00001-of-00001.bin", file);
    let map = r#""w/%":"pytorch_model-00001-of-00001.bin","v":"pytorch_model-00001-of-00001.bin""#;
    let json = format!(r#"{{"metadata":{{"total_size":7}},"weight_map":{{{map}}}}}"#);
    write(&folder, "pytorch_model.bin.index.json", json);
    let view = look(folder.path());
    problems("torch", &view, &[]);
    assert_eq!(
        (view.format.as_str(), names(&view)),
        ("torch-shards", vec!["v", "w%2F%25"])
    );
    let values = view.read(tensor(&view, "v"), 16).unwrap();
    assert_eq!(values, [2; 16]);
    assert!(view.read(tensor(&view, "v"), 15).is_err());
}

#[test]
fn damaged_shards() {
    let folder = copy("safetensors/sharded");
    let shard = "model-00002-of-00002.safetensors";
    let good = std::fs::read(folder.path().join(shard)).unwrap();
    write(&folder, shard, &good[..good.len() - 1]);
    let view = look(folder.path());
    problems("cut", &view, &["data_offsets outside the data"]);
    assert_eq!(view.files[2].format, "opaque");
    assert_eq!(view.tensors.len(), 5);
    write(
        &folder,
        shard,
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    );
    problems("pointer", &look(folder.path()), &["a Git LFS pointer"]);
}

#[cfg(unix)]
#[test]
fn links() {
    let outside = tempfile::tempdir().unwrap();
    write(&outside, "a", shard(&["x"]));
    let folder = tempfile::tempdir().unwrap();
    let link = |target: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
    };
    link(&outside.path().join("a"), "a");
    link("/dev/zero".as_ref(), "b");
    write(&folder, "c", shard(&["z"]));
    link("c".as_ref(), "d");
    let map = r#"{"weight_map":{"x":"a","y":"b","z":"d"}}"#;
    write(&folder, INDEX, map);
    let view = look(&folder.path().join(INDEX));
    problems(
        "links",
        &view,
        &["a: a link leads out", "b: a link leads out"],
    );
    assert_eq!(names(&view), ["z"]);
}

#[test]
fn many_entries() {
    let start = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "a", shard(&["0"]));
    let map: Vec<String> = (0..500_000).map(|i| format!(r#""{i}":"a""#)).collect();
    write(
        &folder,
        INDEX,
        format!(r#"{{"weight_map":{{{}}}}}"#, map.join(",")),
    );
    let view = look(folder.path());
    assert_eq!(view.problems.len(), 1001);
    assert_eq!(view.problems[1000], "498999 more problems");
    let map: Vec<String> = (0..1_000_001).map(|i| format!(r#""{i}":"a""#)).collect();
    write(
        &folder,
        INDEX,
        format!(r#"{{"weight_map":{{{}}}}}"#, map.join(",")),
    );
    problems(
        "too many",
        &look(&folder.path().join(INDEX)),
        &["more than 1000000 tensors"],
    );
    took_less(start, 20);
}
