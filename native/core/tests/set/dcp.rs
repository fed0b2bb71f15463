//! PyTorch's distributed checkpoints: hostile case 78.

use std::time::Instant;

use super::build::{
    dict_value, global, int, ints, pickle, reduce, string, took_less, torch_zip, view as torch_view,
};
use super::{copy, files, look, names, problems, tensor, write};

const MODULE: &str = "torch.distributed.checkpoint.metadata";

fn class(name: &str) -> Vec<u8> {
    let module = match name {
        "_StorageInfo" => "torch.distributed.checkpoint.filesystem",
        _ => MODULE,
    };
    global(module, name)
}

/// An object with this state.
fn object(name: &str, state: &[u8]) -> Vec<u8> {
    [&class(name), &b")\x81"[..], state, b"b"].concat()
}

fn attributes(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<_> = items
        .iter()
        .map(|(key, value)| (string(key), value.clone()))
        .collect();
    dict_value(&items)
}

fn size(size: &[i32]) -> Vec<u8> {
    reduce(&global("torch", "Size"), &[ints(size)])
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [b"](", &items.concat()[..], b"e"].concat()
}

fn chunk(offset: i32, len: i32) -> Vec<u8> {
    let state = attributes(&[("offsets", size(&[offset])), ("sizes", size(&[len]))]);
    object("ChunkStorageMetadata", &state)
}

/// A tensor of so many floats in these parts.
fn stored(len: i32, chunks: &[(i32, i32)]) -> Vec<u8> {
    let properties = [b"(", &global("torch", "float32")[..], b"t"].concat();
    let chunks: Vec<_> = chunks
        .iter()
        .map(|&(offset, len)| chunk(offset, len))
        .collect();
    let state = attributes(&[
        ("properties", object("TensorProperties", &properties)),
        ("size", size(&[len])),
        ("chunks", list(&chunks)),
    ]);
    object("TensorStorageMetadata", &state)
}

/// A part of `w` at an offset, and where it is.
fn place(part: i32, path: &str, offset: i32, length: i32) -> (Vec<u8>, Vec<u8>) {
    let key = attributes(&[
        ("fqn", string("w")),
        ("offset", size(&[part])),
        ("index", int(0)),
    ]);
    let info = attributes(&[
        ("relative_path", string(path)),
        ("offset", int(offset)),
        ("length", int(length)),
    ]);
    (object("MetadataIndex", &key), object("_StorageInfo", &info))
}

fn metadata(entries: &[(&str, Vec<u8>)], places: &[(Vec<u8>, Vec<u8>)], paths: &[u8]) -> Vec<u8> {
    let state = attributes(&[
        ("state_dict_metadata", attributes(entries)),
        ("planner_data", paths.to_vec()),
        ("storage_data", dict_value(places)),
    ]);
    pickle(&object("Metadata", &state))
}

/// What `torch.save` writes for a tensor of `len` of the 4 floats of a storage.
fn part(byte: u8, len: i32) -> Vec<u8> {
    torch_zip(&[
        ("data.pkl", &pickle(&torch_view(0, &[len], &[1]))),
        ("byteorder", b"little"),
        ("data/0", &[byte; 16]),
        ("version", b"3\n"),
    ])
}

/// Lengths of the parts in `data`: one behind the other, of 4 and of 2 floats.
fn folder(metadata: &[u8]) -> (tempfile::TempDir, [i32; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let parts = [part(1, 4), part(2, 2)];
    write(&folder, ".metadata", metadata);
    write(&folder, "data", parts.concat());
    (folder, lengths())
}

fn lengths() -> [i32; 2] {
    [part(1, 4), part(2, 2)].map(|part| i32::try_from(part.len()).unwrap())
}

#[test]
fn parts() {
    let [a, b] = lengths();
    let good = [place(0, "data", 0, a), place(4, "data", a, b)];
    let chunks = [(0, 4), (4, 2)];
    let with = |at: usize, place| {
        let mut places = good.clone();
        places[at] = place;
        places.to_vec()
    };
    for (case, len, chunks, places, rules) in [
        ("good", 6, &chunks[..], good.to_vec(), &[][..]),
        (
            "holes",
            7,
            &chunks,
            good.to_vec(),
            &["w: its parts leave holes"],
        ),
        (
            "outside",
            5,
            &chunks,
            good.to_vec(),
            &["w: a part lies outside"],
        ),
        ("no parts", 6, &[], good.to_vec(), &["leave holes"]),
        (
            "no place",
            6,
            &chunks,
            good[..1].to_vec(),
            &["w: the part at [4] has no place"],
        ),
        (
            "missing",
            6,
            &chunks,
            with(1, place(4, "none", 0, b)),
            &["none: the file is missing"],
        ),
        (
            "up",
            6,
            &chunks,
            with(1, place(4, "../data", 0, b)),
            &["../data: the path leads out"],
        ),
        (
            "absolute",
            6,
            &chunks,
            with(1, place(4, "/etc/passwd", 0, b)),
            &["absolute"],
        ),
        (
            "past the end",
            6,
            &chunks,
            with(1, place(4, "data", a + 1, b)),
            &["are not all in data"],
        ),
        (
            "negative",
            6,
            &chunks,
            with(1, place(4, "data", -1, b)),
            &["w: its place is not understood", "has no place"],
        ),
        (
            "two places",
            6,
            &chunks,
            [good.to_vec(), vec![place(4, "data", 0, a)]].concat(),
            &["w: one part has two places"],
        ),
        (
            "another part",
            6,
            &chunks,
            with(1, place(4, "data", 0, a)),
            &["has the shape [4]"],
        ),
        (
            "no zip",
            6,
            &chunks,
            with(1, place(4, "data", a + 1, b - 1)),
            &["no known checkpoint format"],
        ),
    ] {
        let (folder, _) = folder(&metadata(&[("w", stored(len, chunks))], &places, b"N"));
        let view = look(&folder.path().join(".metadata"));
        problems(case, &view, rules);
        assert_eq!(names(&view), ["w"], "{case}");
        let complete = rules.is_empty() || case == "two places";
        assert_eq!(
            view.read(tensor(&view, "w"), 100).is_ok(),
            complete,
            "{case}"
        );
    }
}

#[test]
fn values_of_parts() {
    let [a, b] = lengths();
    let places = [place(0, "data", 0, a), place(4, "data", a, b)];
    let (folder, _) = folder(&metadata(
        &[("w", stored(6, &[(0, 4), (4, 2)]))],
        &places,
        b"N",
    ));
    let view = look(&folder.path().join(".metadata"));
    let values = view.read(tensor(&view, "w"), 24).unwrap();
    assert_eq!(values, [vec![1; 16], vec![2; 8]].concat());
    assert!(view.read(tensor(&view, "w"), 23).is_err());
    assert_eq!(
        files(&view),
        [
            (".metadata", "torch-dcp-metadata", 0),
            ("data", "torch-dcp", 1)
        ]
    );
}

#[test]
fn overlapping_ranges() {
    let [a, b] = lengths();
    // Of another length: torch would read the same.
    let places = [place(0, "data", 0, a), place(4, "data", a - 1, b)];
    let (folder, _) = folder(&metadata(
        &[("w", stored(6, &[(0, 4), (4, 2)]))],
        &places,
        b"N",
    ));
    problems(
        "overlap",
        &look(folder.path()),
        &[
            "no known checkpoint format",
            "w: its values overlap those of w",
        ],
    );
}

#[test]
fn paths_of_the_planner() {
    let path = [b"(", &string("a/b")[..], &int(3), &string("%"), b"t"].concat();
    let paths = dict_value(&[(string("w"), path)]);
    let [a, _] = lengths();
    let bytes = [&class("BytesStorageMetadata"), &b")\x81"[..]].concat();
    let entries = [("w", stored(4, &[(0, 4)])), ("x/y", bytes)];
    let (folder, _) = folder(&metadata(&entries, &[place(0, "data", 0, a)], &paths));
    let view = look(folder.path());
    problems("paths", &view, &[]);
    assert_eq!(names(&view), ["a%2Fb/3/%25"]);

    let flat = [("x/y", stored(0, &[]))];
    let (folder, _) = self::folder(&metadata(&flat, &[place(0, "data", 0, a)], b"N"));
    let view = look(&folder.path().join(".metadata"));
    assert_eq!(names(&view), ["x%2Fy"]);
}

#[test]
fn what_is_not_understood() {
    let bad = [
        ("a", int(3)),
        (
            "b",
            object(
                "TensorStorageMetadata",
                &attributes(&[("size", size(&[1]))]),
            ),
        ),
        ("c", object("TensorStorageMetadata", b"N")),
        ("c", object("TensorStorageMetadata", b"N")),
    ];
    let (folder, _) = folder(&metadata(&bad, &[(int(1), int(2))], b"N"));
    problems(
        "entries",
        &look(folder.path()),
        &[
            "a: neither a tensor",
            "b: no type, shape",
            "c: no type",
            "c: it is there twice",
            "a key of another kind",
        ],
    );
    write(
        &folder,
        ".metadata",
        pickle(&object("Metadata", &attributes(&[]))),
    );
    problems("empty", &look(folder.path()), &["no state_dict_metadata"]);
    // Not executed, and not taken for metadata.
    write(
        &folder,
        ".metadata",
        pickle(&reduce(&global("os", "system"), &[string("false")])),
    );
    let limits = git_theta_core::bytes::Limits::default();
    let found = git_theta_core::set::view(&folder.path().join(".metadata"), &limits);
    assert!(found.unwrap().is_none());
}

#[test]
fn bombs() {
    let start = Instant::now();
    // Each tuple holds the one before it twice.
    let doubled = b"0h\x00h\x00\x86q\x00".repeat(64);
    let bomb = [b"(lq\x00", &doubled[..]].concat();
    let entries = [("w", bomb)];
    let (folder, [a, _]) = folder(&metadata(&entries, &[], b"N"));
    problems("doubled", &look(folder.path()), &["neither a tensor"]);

    // One list of parts, shared by many tensors.
    let chunks: Vec<_> = (0..2000).map(|part| chunk(part, 1)).collect();
    let shared = [&list(&chunks)[..], b"q\x05"].concat();
    let properties = [b"(", &global("torch", "float32")[..], b"t"].concat();
    let properties = object("TensorProperties", &properties);
    let names: Vec<String> = (0..2000).map(|i| i.to_string()).collect();
    let entries: Vec<_> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let chunks = if i == 0 {
                shared.clone()
            } else {
                b"h\x05".to_vec()
            };
            let state = [
                ("properties", properties.clone()),
                ("size", size(&[2000])),
                ("chunks", chunks),
            ];
            (
                name.as_str(),
                object("TensorStorageMetadata", &attributes(&state)),
            )
        })
        .collect();
    write(&folder, ".metadata", metadata(&entries, &[], b"N"));
    problems(
        "shared",
        &look(folder.path()),
        &["more than 1000000 parts of tensors"],
    );

    // One attribute among very many, asked for again and again.
    let many: Vec<_> = (0..100_000).map(|i| (int(i), int(i))).collect();
    let index = object("MetadataIndex", &dict_value(&many));
    let (key, info) = place(0, "data", 0, a);
    let places = [
        vec![
            (key, info.clone()),
            ([&index[..], b"q\x06"].concat(), info.clone()),
        ],
        vec![(b"h\x06".to_vec(), info); 2000],
    ];
    write(
        &folder,
        ".metadata",
        metadata(&[("w", stored(4, &[(0, 4)]))], &places.concat(), b"N"),
    );
    let view = look(folder.path());
    assert_eq!(view.problems.len(), 1001);
    took_less(start, 20);
}

#[test]
fn damaged_fixture() {
    let folder = copy("torch/dcp");
    let data = std::fs::read(folder.path().join("__0_0.distcp")).unwrap();
    write(&folder, "__0_0.distcp", &data[..data.len() - 1]);
    problems("cut", &look(folder.path()), &["step: "]);
    let good = std::fs::read(folder.path().join(".metadata")).unwrap();
    for at in (0..good.len()).step_by(3) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x11;
        write(&folder, ".metadata", &bytes);
        let _ = look(folder.path());
        write(&folder, ".metadata", &good[..at]);
        let _ = look(folder.path());
    }
}
