//! ONNX models that no exporter writes: hostile case 76.

use std::time::Instant;

use git_theta_core::bytes::Limits;
use git_theta_core::format::describe;
use git_theta_core::layout::{Bytes, Layout, Values};

use super::build::{Opaque, Split, check, names, took_less};
use super::damage::{split_cuts, split_flips};
use super::fixtures;
use super::support::protobuf::{bytes, int, stated};

fn entry(number: u64, key: &str, value: &str) -> Vec<u8> {
    let fields = [bytes(1, key.as_bytes()), bytes(2, value.as_bytes())];
    bytes(number, &fields.concat())
}

fn model(graph: &[u8]) -> Vec<u8> {
    [int(1, 8), bytes(2, b"test"), bytes(7, graph)].concat()
}

/// A model of one initializer `w` with these fields besides its name.
fn one(fields: &[Vec<u8>]) -> Vec<u8> {
    model(&bytes(5, &tensor("w", fields)))
}

fn tensor(name: &str, fields: &[Vec<u8>]) -> Vec<u8> {
    [fields.concat(), bytes(8, name.as_bytes())].concat()
}

/// Two floats.
fn plain(name: &str) -> Vec<u8> {
    tensor(name, &[int(1, 2), int(2, 1), bytes(9, &[1; 8])])
}

/// A graph with `depth` graphs inside each other; the innermost holds an initializer.
fn nested(depth: usize) -> Vec<u8> {
    let mut graph = bytes(5, &plain("w"));
    for _ in 0..depth {
        let attribute = [bytes(1, b"body"), bytes(6, &graph)].concat();
        graph = bytes(1, &[bytes(3, b"n"), bytes(5, &attribute)].concat());
    }
    graph
}

fn listed(layout: &Layout) -> Vec<(&str, &str, &Values)> {
    let all = layout.listed.iter();
    all.map(|l| (l.name.as_str(), l.dtype.as_str(), &l.values))
        .collect()
}

#[test]
fn models() {
    let good = one(&[int(1, 2), int(2, 1), bytes(9, &[1; 8])]);
    let graph = bytes(5, &plain("w"));
    let with = |field: Vec<u8>| [good.clone(), field].concat();
    for (case, file, expected) in [
        ("one", good.clone(), Split(1)),
        ("unknown field", with(bytes(99, b"?")), Split(1)),
        (
            "no graph",
            [int(1, 8), bytes(2, b"test")].concat(),
            Opaque("no graph"),
        ),
        ("version alone", int(1, 8), Opaque("no known")),
        ("no version", bytes(7, &graph), Opaque("no known")),
        (
            "version 0",
            [int(1, 0), bytes(7, &graph)].concat(),
            Opaque("no known"),
        ),
        (
            "version 2^64-1",
            [int(1, u64::MAX), bytes(7, &graph)].concat(),
            Opaque("no known"),
        ),
        (
            "another first field",
            [int(2, 8), bytes(7, &graph)].concat(),
            Opaque("no known"),
        ),
        (
            "binary producer",
            [int(1, 8), bytes(2, b"\n\x01\x02"), bytes(7, &graph)].concat(),
            Opaque("no known"),
        ),
        (
            "number for producer",
            [int(1, 8), int(2, 8), bytes(7, &graph)].concat(),
            Opaque("no known"),
        ),
        ("two versions", with(int(1, 8)), Opaque("field 1 set twice")),
        (
            "two graphs",
            with(bytes(7, b"")),
            Opaque("field 7 set twice"),
        ),
        ("number for metadata", with(int(14, 1)), Opaque("wire type")),
        (
            "bad metadata",
            with(bytes(14, b"\x0a\x05a")),
            Opaque("shorter message"),
        ),
        (
            "key set twice",
            with(bytes(14, &[bytes(1, b"a"), bytes(1, b"b")].concat())),
            Opaque("set twice"),
        ),
        (
            "varint of 11 bytes",
            with([&[0x28][..], &[0xFF; 10], &[1]].concat()),
            Opaque("64 bits"),
        ),
        (
            "field past the end",
            with(stated(14, 1000, b"")),
            Opaque("shorter message"),
        ),
        (
            "length of 2^64-1",
            with(stated(14, u64::MAX, b"")),
            Opaque("shorter message"),
        ),
        (
            "graph past the end",
            [int(1, 8), stated(7, 1 << 40, &graph)].concat(),
            Opaque("shorter message"),
        ),
        (
            "group",
            with(vec![0x0B | 8 << 3, 0x0C | 8 << 3]),
            Opaque("group"),
        ),
        ("end of a group", with(vec![0x0C]), Opaque("group")),
        ("wire type 6", with(vec![0x7E]), Opaque("wire type")),
        ("field 0", with(vec![0, 0]), Opaque("bad tag")),
        ("trailing zero", with(vec![0]), Opaque("bad tag")),
    ] {
        check(case, &file, &expected);
    }
}

#[test]
fn tensors() {
    let dims = |dims: &[u64]| -> Vec<u8> { dims.iter().flat_map(|&dim| int(1, dim)).collect() };
    let float = || vec![int(1, 2), int(2, 1)];
    let floats = |more: &[Vec<u8>]| one(&[float(), more.to_vec()].concat());
    for (case, file, expected) in [
        ("raw", floats(&[bytes(9, &[1; 8])]), Split(1)),
        (
            "dims in one run",
            one(&[bytes(1, &[1, 2]), int(2, 1), bytes(9, &[1; 8])]),
            Split(1),
        ),
        ("scalar", one(&[int(2, 11), bytes(9, &[1; 8])]), Split(1)),
        ("empty", one(&[dims(&[0, 9]), int(2, 1)]), Split(1)),
        (
            "empty raw",
            one(&[dims(&[0, 9]), int(2, 1), bytes(9, b"")]),
            Split(1),
        ),
        ("no values", floats(&[]), Opaque("do not fit")),
        ("short", floats(&[bytes(9, &[1; 7])]), Opaque("do not fit")),
        ("long", floats(&[bytes(9, &[1; 9])]), Opaque("do not fit")),
        (
            "raw twice",
            floats(&[bytes(9, &[1; 8]), bytes(9, &[1; 8])]),
            Opaque("set twice"),
        ),
        (
            "raw and typed",
            floats(&[bytes(9, &[1; 8]), bytes(4, &[1; 8])]),
            Opaque("both raw and typed"),
        ),
        (
            "empty raw and typed",
            floats(&[bytes(9, b""), bytes(4, &[1; 8])]),
            Opaque("both raw and typed"),
        ),
        (
            "raw and no typed",
            floats(&[bytes(9, &[1; 8]), bytes(4, b"")]),
            Split(1),
        ),
        (
            "raw and external",
            floats(&[bytes(9, &[1; 8]), int(14, 1)]),
            Opaque("both internal and external"),
        ),
        (
            "typed and external",
            floats(&[bytes(4, &[1; 8]), int(14, 1)]),
            Opaque("both internal and external"),
        ),
        (
            "unknown location",
            floats(&[bytes(9, &[1; 8]), int(14, 2)]),
            Opaque("unknown location"),
        ),
        ("typed", floats(&[bytes(4, &[1; 8])]), Split(0)),
        (
            "typed, short",
            floats(&[bytes(4, &[1; 4])]),
            Opaque("do not fit"),
        ),
        (
            "typed, of another type",
            floats(&[bytes(7, &[1; 2])]),
            Opaque("another type"),
        ),
        (
            "typed twice",
            floats(&[bytes(4, &[1; 8]), bytes(7, &[1; 2])]),
            Opaque("two types"),
        ),
        (
            "typed as a number",
            floats(&[int(4, 1)]),
            Opaque("wire type"),
        ),
        (
            "segment",
            floats(&[bytes(9, &[1; 8]), bytes(3, b"")]),
            Opaque("segments"),
        ),
        (
            "negative dim",
            one(&[int(1, u64::MAX), int(2, 1), bytes(9, b"")]),
            Opaque("negative or too large"),
        ),
        (
            "2^53",
            one(&[dims(&[0, 1 << 53]), int(2, 1)]),
            Opaque("negative or too large"),
        ),
        (
            "product overflow",
            one(&[
                dims(&[1 << 40, 1 << 40, 1 << 40]),
                int(2, 1),
                bytes(9, &[1; 8]),
            ]),
            Opaque("do not fit"),
        ),
        (
            "65 axes",
            one(&[dims(&[1; 65]), int(2, 2), bytes(9, &[1])]),
            Opaque("more than 64 axes"),
        ),
        (
            "65 axes in one run",
            one(&[bytes(1, &[1; 65]), int(2, 2), bytes(9, &[1])]),
            Opaque("more than 64 axes"),
        ),
        (
            "dims of a float",
            one(&[b"\x0d\0\0\0\0".to_vec(), int(2, 2)]),
            Opaque("wire type"),
        ),
        (
            "dims cut",
            one(&[bytes(1, &[1, 0x80]), int(2, 2)]),
            Opaque("ends early"),
        ),
        (
            "unknown type",
            one(&[int(1, 2), int(2, 27), bytes(9, &[1; 8])]),
            Split(0),
        ),
        ("no type", one(&[int(1, 2), bytes(9, &[1; 8])]), Split(0)),
        (
            "type of 2^32",
            one(&[int(1, 2), int(2, (1 << 32) + 1), bytes(9, &[1; 8])]),
            Split(0),
        ),
        (
            "raw text",
            one(&[int(1, 1), int(2, 8), bytes(9, &[1; 8])]),
            Opaque("text in raw"),
        ),
        (
            "no name",
            model(&bytes(
                5,
                &tensor("", &[int(1, 1), int(2, 2), bytes(9, &[1])]),
            )),
            Opaque("without a name"),
        ),
        (
            "name that is not UTF-8",
            model(&bytes(5, &[plain(""), bytes(8, b"\xFF")].concat())),
            Opaque("field 8 set twice"),
        ),
        (
            "bad UTF-8",
            model(&bytes(
                5,
                &[int(1, 1), int(2, 2), bytes(9, &[1]), bytes(8, b"\xFF")].concat(),
            )),
            Opaque("not UTF-8"),
        ),
        (
            "long name",
            model(&bytes(5, &plain(&"a".repeat(70_000)))),
            Opaque("text of more than"),
        ),
        (
            "two of a name",
            model(&[bytes(5, &plain("w")), bytes(5, &plain("w"))].concat()),
            Opaque("two initializers \"w\""),
        ),
        (
            "split and listed",
            model(
                &[
                    bytes(5, &plain("w")),
                    bytes(5, &tensor("w", &[int(2, 7), bytes(7, &[1])])),
                ]
                .concat(),
            ),
            Opaque("two initializers"),
        ),
        (
            "sparse of the name",
            model(&[bytes(5, &plain("w")), bytes(15, &bytes(1, &plain("w")))].concat()),
            Opaque("two initializers"),
        ),
        (
            "bytes and listed",
            model(
                &[
                    bytes(5, &tensor("w", &[int(1, 2), int(2, 22), bytes(9, &[1])])),
                    bytes(5, &plain("w")),
                ]
                .concat(),
            ),
            Opaque("two initializers"),
        ),
    ] {
        check(case, &file, &expected);
    }
}

#[test]
fn external() {
    let at = |entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(key, value)| entry(13, key, value));
        let fields = [vec![int(1, 2), int(2, 1), int(14, 1)], entries.collect()].concat();
        one(&fields)
    };
    for (case, file, expected) in [
        (
            "plain",
            at(&[("location", "w.bin"), ("offset", "0"), ("length", "8")]),
            Split(0),
        ),
        // Whether the place is a good one is said where the files are together.
        ("no location", at(&[]), Split(0)),
        ("outside", at(&[("location", "../../etc/passwd")]), Split(0)),
        (
            "unknown key",
            at(&[("location", "w"), ("checksum", "0")]),
            Split(0),
        ),
        (
            "two locations",
            at(&[("location", "w"), ("location", "v")]),
            Opaque("stated twice"),
        ),
        ("negative", at(&[("offset", "-1")]), Opaque("no number")),
        ("spaces", at(&[("length", " 1")]), Opaque("no number")),
        ("plus", at(&[("length", "+1")]), Opaque("no number")),
        (
            "2^64",
            at(&[("length", "18446744073709551616")]),
            Opaque("no number"),
        ),
        (
            "2^53",
            at(&[("offset", "9007199254740992")]),
            Opaque("no number"),
        ),
        ("empty number", at(&[("offset", "")]), Opaque("no number")),
        (
            "65 entries",
            at(&[("a", "b"); 65]),
            Opaque("too many entries"),
        ),
    ] {
        let layout = check(case, &file, &expected);
        let external = Values::Unread("its values are in an external file");
        if let Some(layout) = layout {
            assert_eq!(listed(&layout), [("w", "float32", &external)], "{case}");
        }
    }
}

#[test]
fn what_is_listed() {
    let typed = [
        tensor("double", &[int(1, 1), int(2, 11), bytes(10, &[1; 8])]),
        tensor("halves", &[int(1, 1), int(2, 10), bytes(5, &[1])]),
        tensor("int4", &[int(1, 3), int(2, 22), bytes(9, &[1; 2])]),
        tensor(
            "runs",
            &[int(1, 2), int(2, 1), bytes(4, &[1; 4]), bytes(4, &[2; 4])],
        ),
        tensor(
            "single",
            &[int(1, 1), int(2, 1), [&[0x25][..], &[1; 4]].concat()],
        ),
        tensor("text", &[int(1, 1), int(2, 8), bytes(6, b"a")]),
        tensor("unsigned", &[int(1, 1), int(2, 12), bytes(11, &[1])]),
    ];
    let graph: Vec<u8> = typed.iter().flat_map(|tensor| bytes(5, tensor)).collect();
    let layout = check("typed", &model(&graph), &Split(1)).unwrap();
    let all = listed(&layout);
    let kinds: Vec<_> = all.iter().map(|(name, dtype, _)| (*name, *dtype)).collect();
    assert_eq!(
        kinds,
        [
            ("double", "float64"),
            ("halves", "float16"),
            ("int4", "INT4"),
            ("runs", "float32"),
            ("single", "float32"),
            ("text", "STRING"),
            ("unsigned", "uint32"),
        ]
    );
    for (index, unread) in [
        (1, "variable lengths"),
        (4, "fields of their own"),
        (5, "text"),
        (6, "variable lengths"),
    ] {
        assert!(matches!(all[index].2, Values::Unread(why) if why.contains(unread)));
    }
    assert_eq!(*all[2].2, Values::Tensor);
    let Values::Packed(packed) = all[3].2 else {
        panic!("{:?}", all[3]);
    };
    assert!(matches!(&packed.bytes, Bytes::Runs(runs) if runs.len() == 2));
    assert_eq!(
        (names(&layout), layout.listed[2].shape.as_slice()),
        (vec!["int4"], &[3][..])
    );
}

#[test]
fn graphs_inside() {
    let layout = check("3 deep", &model(&nested(3)), &Split(1)).unwrap();
    assert_eq!(names(&layout), ["n/body/n/body/n/body/w"]);
    // Three messages each; the graph itself and the model.
    check("32 deep", &model(&nested(32)), &Split(1));
    check("33 deep", &model(&nested(33)), &Opaque("nested deeper"));
    check("many deep", &model(&nested(3000)), &Opaque("nested deeper"));

    let attribute = |name: &[u8]| {
        let graphs = [
            bytes(11, &bytes(5, &plain("a/b"))),
            bytes(11, &bytes(5, &plain("w"))),
        ];
        bytes(5, &[bytes(1, name), graphs.concat()].concat())
    };
    let node = [bytes(2, b"out"), attribute(b"branches")].concat();
    let unnamed = attribute(b"");
    let graph = [bytes(1, &node), bytes(1, &unnamed)].concat();
    let training = bytes(20, &bytes(1, &bytes(5, &plain("w"))));
    let function = bytes(25, &[bytes(1, b"f/g"), bytes(7, &node)].concat());
    let file = [model(&graph), training, function].concat();
    let layout = check("names", &file, &Split(7)).unwrap();
    assert_eq!(
        names(&layout),
        [
            "1/0/0/a%2Fb",
            "1/0/1/w",
            "f%2Fg/out/branches/0/a%2Fb",
            "f%2Fg/out/branches/1/w",
            "out/branches/0/a%2Fb",
            "out/branches/1/w",
            "training_info/0/initialization/w",
        ]
    );
    let both = bytes(
        5,
        &[bytes(1, b"body"), bytes(6, &bytes(5, &plain("w")))].concat(),
    );
    let same = bytes(1, &[bytes(3, b"n"), both].concat());
    check(
        "nodes of one name",
        &model(&same.repeat(2)),
        &Opaque("two initializers"),
    );
}

#[test]
fn large() {
    let start = Instant::now();
    let many: Vec<u8> = (0..200_000)
        .flat_map(|i| bytes(5, &plain(&i.to_string())))
        .collect();
    check("many initializers", &model(&many), &Split(200_000));
    let empty = bytes(1, b"").repeat(5_000_000);
    check("many nodes", &model(&empty), &Split(0));
    let graphs = [bytes(1, &[b'a'; 60_000]), bytes(11, b"").repeat(1_000_000)].concat();
    let node = bytes(1, &bytes(5, &graphs));
    check(
        "a long name above many graphs",
        &model(&node),
        &Opaque("names take too many bytes"),
    );
    let runs = bytes(4, &[1; 4]).repeat(1_000_000);
    check(
        "many runs",
        &one(&[int(1, 1_000_000), int(2, 1), runs]),
        &Split(0),
    );
    took_less(start, 10);
}

#[test]
fn facts() {
    let file = fixtures::bytes("onnx/types.onnx");
    let facts = describe(&file, &Limits::default()).unwrap();
    assert_eq!(facts.writer.as_deref(), Some("make_fixtures 1"));
    assert_eq!(
        facts.objects,
        serde_json::json!({
            "ir_version": 11,
            "opset_import": { "ai.onnx": 21, "ai.onnx.ml": 3 },
            "graph": "main",
            "nodes": 4,
            "metadata_props": { "license": "Apache-2.0" },
        })
    );
    let long = [model(b""), entry(14, "k", &"é".repeat(1000))].concat();
    let facts = describe(&long, &Limits::default()).unwrap();
    let shown = facts.objects["metadata_props"]["k"].as_str().unwrap();
    assert_eq!(shown.chars().count(), 201);
}

/// Every prefix is whole or refused, and no bit brings anything down.
#[test]
fn cut_and_flipped() {
    for name in ["onnx/types.onnx", "onnx/external.onnx"] {
        let good = fixtures::bytes(name);
        split_cuts(&good);
        split_flips(&good);
    }
}
