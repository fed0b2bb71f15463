//! GGUF files that llama.cpp does not write: hostile case 72.

use std::time::Instant;

use git_theta_core::bytes::Limits;
use git_theta_core::format::{describe, parse};
use git_theta_core::layout::Values;
use serde_json::json;

use super::build::{Opaque, Split, check, names, put, shapes, took_less};
use super::damage::{split_cuts, split_flips};
use super::fixtures::bytes;
use super::gguf_build::{V3, Writer, array, keys, tensors};
use super::large::Sparse;

#[test]
fn tensor_infos() {
    let two = |a: Vec<u8>, b: Vec<u8>| tensors(&[a, b], 64);
    let w = |name: &str, offset: u64| V3.tensor(name, &[8], 0, offset);
    let one =
        |dims: &[u64], kind: u32, offset: u64| tensors(&[V3.tensor("w", dims, kind, offset)], 64);
    let many_axes: Vec<u64> = vec![1; 65];
    for (case, bytes, expected) in [
        ("one", one(&[8], 0, 0), Split(1)),
        ("two", two(w("a", 0), w("b", 32)), Split(2)),
        (
            "two, the second first",
            two(w("a", 32), w("b", 0)),
            Split(2),
        ),
        ("no axes", one(&[], 0, 0), Split(1)),
        ("no elements", one(&[8, 0], 0, 0), Split(1)),
        (
            "no elements, at the next one's place",
            two(V3.tensor("a", &[0], 0, 0), w("b", 0)),
            Split(2),
        ),
        (
            "twice the name",
            two(w("a", 0), w("a", 32)),
            Opaque("a second tensor \"a\""),
        ),
        (
            "overlap",
            two(w("a", 0), V3.tensor("b", &[16], 0, 0)),
            Opaque("overlap at byte"),
        ),
        (
            "unaligned",
            one(&[8], 0, 4),
            Opaque("not aligned to 32 bytes"),
        ),
        ("past the end", one(&[8], 0, 64), Opaque("past the end")),
        ("over the end", one(&[17], 0, 0), Opaque("past the end")),
        (
            "offset 2^64 - 32",
            one(&[8], 0, u64::MAX - 31),
            Opaque("too large"),
        ),
        (
            "dimension 2^63",
            one(&[1 << 63], 0, 0),
            Opaque("shape too large"),
        ),
        (
            "dimensions overflow",
            one(&[1 << 40, 1 << 40], 0, 0),
            Opaque("too large at byte"),
        ),
        ("65 axes", one(&many_axes, 0, 0), Opaque("65 axes")),
        (
            "2^32 - 1 axes",
            put(&one(&[8], 0, 0), 24 + 9, &[0xFF; 4]),
            Opaque("4294967295 axes"),
        ),
        (
            "partial block",
            one(&[33], 8, 0),
            Opaque("33 elements is no whole number of Q8_0"),
        ),
        (
            "block without axes",
            one(&[], 8, 0),
            Opaque("1 elements is no whole number"),
        ),
        (
            "blocks past the end",
            one(&[64], 8, 0),
            Opaque("past the end"),
        ),
        (
            "block overflow",
            one(&[(1 << 53) - 32, 1 << 20], 8, 0),
            Opaque("too large at byte"),
        ),
        ("unknown type", one(&[8], 99, 0), Split(1)),
        (
            "unknown type at the end",
            one(&[8], 99, 64),
            Opaque("without bytes"),
        ),
        (
            "unknown type past the end",
            one(&[8], 99, 96),
            Opaque("without bytes"),
        ),
        (
            "unknown type, empty",
            two(w("a", 0), V3.tensor("b", &[0], 99, 0)),
            Split(2),
        ),
        (
            "two unknown at one place",
            two(V3.tensor("a", &[1], 99, 0), V3.tensor("b", &[1], 99, 0)),
            Opaque("overlap"),
        ),
        (
            "name not UTF-8",
            put(&one(&[8], 0, 0), 24 + 8, &[0xFF]),
            Opaque("not UTF-8"),
        ),
        ("empty name", tensors(&[w("", 0)], 32), Split(1)),
        ("no tensors", tensors(&[], 0), Opaque("no tensors")),
    ] {
        check(case, &bytes, &expected);
    }
    let layout = check("names", &two(w("a/b%", 0), w("\n", 32)), &Split(2)).unwrap();
    assert_eq!(names(&layout), ["\n", "a%2Fb%25"]);
}

#[test]
fn counts_and_lengths() {
    let good = tensors(&[V3.tensor("w", &[8], 0, 0)], 32);
    let huge = (1u64 << 63).to_le_bytes();
    for (case, bytes, expected) in [
        (
            "2^63 tensors",
            put(&good, 8, &huge),
            Opaque("more than 1000000"),
        ),
        (
            "2^63 keys",
            put(&good, 16, &huge),
            Opaque("more than 1000000"),
        ),
        (
            "1000000 tensors",
            put(&good, 8, &1_000_000u64.to_le_bytes()),
            Opaque("at byte"),
        ),
        (
            "1000000 keys",
            put(&good, 16, &1_000_000u64.to_le_bytes()),
            Opaque("at byte"),
        ),
        (
            "name of 2^63",
            put(&good, 24, &huge),
            Opaque("ends early at byte 32"),
        ),
        (
            "name of 2^64 - 1",
            put(&good, 24, &[0xFF; 8]),
            Opaque("ends early"),
        ),
        ("bytes behind", [&good[..], b"behind"].concat(), Split(1)),
    ] {
        check(case, &bytes, &expected);
    }
    for (version, expected) in [
        (0, Opaque("unknown version 0")),
        (1, Opaque("at byte")),
        (2, Split(1)),
        (4, Opaque("unknown version 4")),
        (0x0300_0000, Opaque("at byte")),
        (0x0301_0000, Opaque("unknown version 259")),
        (u32::MAX, Opaque("unknown version 4294967295")),
    ] {
        let bytes = put(&good, 4, &version.to_le_bytes());
        check(&format!("version {version:#x}"), &bytes, &expected);
    }
}

#[test]
fn metadata() {
    let alignment = |value: u32| V3.key("general.alignment", 4, &V3.u32(value));
    let nested = |depth: usize| {
        let inner = array(9, 1, &[]).repeat(depth);
        V3.key("k", 9, &[inner, array(0, 0, &[])].concat())
    };
    let text = |key: &str| V3.key(key, 8, &V3.string(b"x"));
    let every_type = [1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8];
    let every_type = (0..).zip(every_type).map(|(kind, size)| {
        let (items, rest) = if kind == 9 { (0, 0) } else { (3, 3 * size) };
        let value = array(kind, items, &vec![0; rest]);
        V3.key(&kind.to_string(), 9, &value)
    });
    let every_type: Vec<_> = every_type.collect();
    check("every type", &keys(&every_type), &Split(1));
    for (case, key, expected) in [
        ("string", text("k"), Split(1)),
        (
            "string of 2^63",
            V3.key("k", 8, &V3.u64(1 << 63)),
            Opaque("ends early"),
        ),
        (
            "unknown type",
            V3.key("k", 13, &[0; 8]),
            Opaque("unknown type 13 of metadata"),
        ),
        (
            "array of an unknown type",
            V3.key("k", 9, &array(13, 1, &[0; 8])),
            Opaque("unknown type 13"),
        ),
        (
            "empty array of an unknown type",
            V3.key("k", 9, &array(13, 0, &[])),
            Split(1),
        ),
        (
            "array of 2^63 bytes",
            V3.key("k", 9, &array(0, 1 << 63, &[])),
            Opaque("ends early"),
        ),
        (
            "array whose size overflows",
            V3.key("k", 9, &array(12, 1 << 61, &[])),
            Opaque("ends early"),
        ),
        (
            "array of 2^63 strings",
            V3.key("k", 9, &array(8, 1 << 63, &[])),
            Opaque("ends early"),
        ),
        (
            "array of 2^63 arrays",
            V3.key("k", 9, &array(9, 1 << 63, &[])),
            Opaque("at byte"),
        ),
        ("64 arrays in an array", nested(64), Split(1)),
        (
            "65 arrays in an array",
            nested(65),
            Opaque("deeper than 64"),
        ),
        (
            "100000 arrays in an array",
            nested(100_000),
            Opaque("deeper than 64"),
        ),
        ("alignment 0", alignment(0), Opaque("is 0, no power of two")),
        ("alignment 3", alignment(3), Opaque("is 3, no power of two")),
        ("alignment 2^31", alignment(1 << 31), Opaque("past the end")),
        (
            "alignment of another type",
            V3.key("general.alignment", 10, &V3.u64(32)),
            Opaque("no uint32"),
        ),
    ] {
        check(case, &keys(&[key]), &expected);
    }
    check(
        "key twice",
        &keys(&[text("k"), text("k")]),
        &Opaque("a key occurs twice"),
    );
    check(
        "alignment twice",
        &keys(&[alignment(32), alignment(32)]),
        &Opaque("occurs twice"),
    );
    for alignment_of in [1, 2, 64, 4096] {
        let offsets = [0, 32u64.next_multiple_of(alignment_of.into())];
        let infos = offsets.map(|offset| V3.tensor(&offset.to_string(), &[8], 0, offset));
        let bytes = V3.file(
            &[alignment(alignment_of)],
            &infos,
            alignment_of as usize,
            5000,
        );
        let layout = check("alignment", &bytes, &Split(2)).unwrap();
        let apart = layout.storages[1].offset - layout.storages[0].offset;
        assert_eq!(apart, offsets[1]);
        assert_eq!(bytes[layout.storages[0].offset as usize], 1);
    }
}

#[test]
fn types_and_shapes() {
    let infos = [
        V3.tensor("plain", &[4, 2], 1, 0),
        V3.tensor("blocks", &[64, 3, 2], 2, 32),
        V3.tensor("unknown", &[7, 5], 1234, 256),
        V3.tensor("last", &[3], 31, 320),
    ];
    let layout = check("types", &tensors(&infos, 333), &Split(4)).unwrap();
    assert_eq!(
        shapes(&layout),
        [
            ("blocks", "uint8", &[2, 3, 36][..]),
            ("last", "uint8", &[13]),
            ("plain", "float16", &[2, 4]),
            ("unknown", "uint8", &[64]),
        ]
    );
    let listed = layout.listed.iter();
    let listed: Vec<_> = listed
        .map(|l| (l.name.as_str(), l.dtype.as_str(), &l.shape[..]))
        .collect();
    assert_eq!(
        listed,
        [
            ("blocks", "Q4_0", &[2, 3, 64][..]),
            ("last", "ggml type 31", &[3]),
            ("unknown", "ggml type 1234", &[5, 7]),
        ]
    );
    let held = |values: &Values| *values == Values::Tensor;
    assert!(layout.listed.iter().all(|l| held(&l.values)));
}

/// Rows of as many blocks as fit: what the file says of them, and how many bytes each takes.
#[test]
fn all_block_types() {
    let rows = [
        (2, "Q4_0", 32, 18),
        (3, "Q4_1", 32, 20),
        (6, "Q5_0", 32, 22),
        (7, "Q5_1", 32, 24),
        (8, "Q8_0", 32, 34),
        (10, "Q2_K", 256, 84),
        (11, "Q3_K", 256, 110),
        (12, "Q4_K", 256, 144),
        (13, "Q5_K", 256, 176),
        (14, "Q6_K", 256, 210),
        (15, "Q8_K", 256, 292),
        (16, "IQ2_XXS", 256, 66),
        (17, "IQ2_XS", 256, 74),
        (18, "IQ3_XXS", 256, 98),
        (19, "IQ1_S", 256, 50),
        (20, "IQ4_NL", 32, 18),
        (21, "IQ3_S", 256, 110),
        (22, "IQ2_S", 256, 82),
        (23, "IQ4_XS", 256, 136),
        (29, "IQ1_M", 256, 56),
        (34, "TQ1_0", 256, 54),
        (35, "TQ2_0", 256, 66),
        (39, "MXFP4", 32, 17),
        (40, "NVFP4", 64, 36),
        (41, "Q1_0", 128, 18),
        (42, "Q2_0", 64, 18),
    ];
    for (number, name, elements, size) in rows {
        let info = V3.tensor("w", &[2 * elements, 3], number, 0);
        let layout = check(name, &tensors(&[info], 6 * size), &Split(1)).unwrap();
        assert_eq!(layout.tensors[0].view.shape, [3, 2 * size as u64], "{name}");
        assert_eq!(layout.listed[0].dtype, name);
        assert_eq!(layout.listed[0].shape, [3, 2 * elements], "{name}");
    }
    let plain = [
        (0, "float32"),
        (1, "float16"),
        (24, "int8"),
        (25, "int16"),
        (26, "int32"),
        (27, "int64"),
        (28, "float64"),
        (30, "bfloat16"),
    ];
    for (number, name) in plain {
        let info = V3.tensor("w", &[4], number, 0);
        let layout = check(name, &tensors(&[info], 32), &Split(1)).unwrap();
        assert_eq!(shapes(&layout), [("w", name, &[4][..])]);
        assert!(layout.listed.is_empty());
    }
}

#[test]
fn versions_and_byte_orders() {
    for version in 1..=3 {
        for big in [false, true] {
            let writer = Writer { version, big };
            let metadata = [
                writer.key("general.architecture", 8, &writer.string(b"llama")),
                writer.key("n", 5, &writer.u32(7)),
            ];
            let infos = [
                writer.tensor("a", &[3, 2], 0, 0),
                writer.tensor("b", &[6], 24, 32),
                writer.tensor("q", &[32], 8, 64),
            ];
            let bytes = writer.file(&metadata, &infos, 32, 98);
            let case = format!("version {version}, big-endian: {big}");
            let layout = check(&case, &bytes, &Split(3)).unwrap();
            let a = if big {
                ("a", "uint8", &[2, 12][..])
            } else {
                ("a", "float32", &[2, 3][..])
            };
            let expected = [a, ("b", "int8", &[6]), ("q", "uint8", &[34])];
            assert_eq!(shapes(&layout), expected, "{case}");
            let unread = Values::Unread("its numbers are big-endian");
            let listed: Vec<_> = layout
                .listed
                .iter()
                .map(|l| (l.dtype.as_str(), &l.values))
                .collect();
            if big {
                assert_eq!(listed, [("float32", &unread), ("Q8_0", &unread)]);
            } else {
                assert_eq!(listed, [("Q8_0", &Values::Tensor)]);
            }
            let facts = describe(&bytes.as_slice(), &Limits::default()).unwrap();
            let objects = json!({"general.architecture": "llama", "n": 7});
            assert_eq!(facts.objects, objects, "{case}");
        }
    }
}

#[test]
fn facts_are_short() {
    let tokens: Vec<u8> = (0..1000)
        .flat_map(|i| V3.string(format!("t{i}").as_bytes()))
        .collect();
    let all = [
        V3.key("f", 6, &0.1f32.to_le_bytes()),
        V3.key("nan", 12, &f64::NAN.to_le_bytes()),
        V3.key("yes", 7, &[1]),
        V3.key("tokens", 9, &array(8, 1000, &tokens)),
        V3.key("numbers", 9, &array(1, 3, &[1, 2, 0xFF])),
        V3.key(
            "nested",
            9,
            &array(9, 2, &[array(0, 2, &[1, 2]), array(0, 0, &[])].concat()),
        ),
        V3.key("long", 8, &V3.string("ü".repeat(5000).as_bytes())),
    ];
    let facts = describe(&keys(&all).as_slice(), &Limits::default()).unwrap();
    let first: Vec<String> = (0..8).map(|i| format!("t{i}")).collect();
    let long = format!("{}…", "ü".repeat(200));
    let expected = json!({
        "f": 0.1, "nan": "NaN", "yes": true, "tokens": {"items": 1000, "first": first},
        "numbers": [1, 2, -1], "nested": [[1, 2], []], "long": long,
    });
    assert_eq!(facts.objects, expected);

    let many: Vec<Vec<u8>> = (0..5000)
        .map(|i| V3.key(&format!("k{i}"), 7, &[1]))
        .collect();
    let facts = describe(&keys(&many).as_slice(), &Limits::default()).unwrap();
    assert_eq!(facts.objects.as_object().unwrap().len(), 1000);
}

#[test]
fn damaged() {
    let infos = [V3.tensor("w", &[32], 8, 0), V3.tensor("v", &[4], 0, 64)];
    let metadata = [
        V3.key("general.alignment", 4, &V3.u32(32)),
        V3.key("k", 9, &array(8, 1, &V3.string(b"x"))),
    ];
    let good = V3.file(&metadata, &infos, 32, 80);
    check("good", &good, &Split(2));
    assert_eq!(split_cuts(&good), [0; 0]);
    split_flips(&good);
    let fixture = bytes("gguf/model.gguf");
    // Behind the last tensor is padding.
    let whole = check("fixture", &fixture, &Split(3)).unwrap();
    let end = whole.storages.last().map(|s| s.offset + s.len).unwrap();
    assert_eq!(split_cuts(&fixture[..end as usize]), [0; 0]);
}

#[test]
fn large_headers() {
    let start = Instant::now();
    let infos: Vec<_> = (0..50_000)
        .map(|i| V3.tensor(&format!("t{i}"), &[8], 0, 32 * i))
        .collect();
    check(
        "many tensors",
        &tensors(&infos, 50_000 * 32),
        &Split(50_000),
    );
    // Billions of empty strings, of which only a part is read.
    let strings = array(8, 1 << 34, &[]);
    let head = V3.file(
        &[V3.key("k", 9, &strings)],
        &[V3.tensor("w", &[8], 0, 0)],
        1,
        0,
    );
    let head = head[..head.len() - 33].to_vec();
    let parsed = parse(&Sparse::of(head, 1 << 40), &Limits::default());
    let reason = format!("{:?}", parsed.unwrap());
    assert!(reason.contains("more structure"), "{reason}");
    took_less(start, 10);
}
