//! Flax files that Flax does not write: hostile case 74.

use std::time::Instant;

use git_theta_core::bytes::Limits;
use git_theta_core::format::describe;
use git_theta_core::layout::Values;
use serde_json::json;

use super::build::{Expect, Opaque, Split, check, names, shapes, took_less};
use super::damage::{split_cuts, split_flips};
use super::fixtures::bytes;
use super::flax_build::{array, beside, bin, chunked, ext, list, map, shape, text};

#[test]
fn maps() {
    let a = || array(&[2], "float32", 8);
    let long_key = [b"\x81\xdb\xff\xff\xff\xff".to_vec(), a()].concat();
    let nested = |depth: usize, inner: Vec<u8>| {
        let open = b"\x81\xa1k".repeat(depth);
        [open, inner].concat()
    };
    let lists = |depth: usize| {
        [
            b"\x82\xa1k".to_vec(),
            b"\x91".repeat(depth),
            b"\xc0\xa1w".to_vec(),
            a(),
        ]
        .concat()
    };
    for (case, bytes, expected) in [
        ("one", map(&[("w", a())]), Split(1)),
        (
            "nested",
            map(&[("a", map(&[("b", a()), ("c", a())])), ("d", a())]),
            Split(3),
        ),
        ("in a list", map(&[("a", list(&[a(), a()]))]), Split(2)),
        (
            "all kinds of leaves",
            beside(&[
                ("n", vec![0xC0]),
                ("t", text("x")),
                ("b", bin(3)),
                ("f", b"\xcb\x3f\xf0\0\0\0\0\0\0".to_vec()),
                ("i", vec![0xFF]),
                ("e", ext(9, b"abc")),
            ]),
            Split(1),
        ),
        ("map 16", [&b"\xde\0\x01\xa1w"[..], &a()].concat(), Split(1)),
        (
            "map 32",
            [&b"\xdf\0\0\0\x01\xa1w"[..], &a()].concat(),
            Split(1),
        ),
        ("empty map", vec![0x80], Opaque("no known")),
        ("no arrays", map(&[("w", vec![1])]), Opaque("no arrays")),
        (
            "empty map, long",
            b"\xde\0\0\xa1w".to_vec(),
            Opaque("behind the map"),
        ),
        ("a list", list(&[a()]), Opaque("no known")),
        ("an array alone", a(), Opaque("no known")),
        (
            "something behind",
            [map(&[("w", a())]), vec![0xC0]].concat(),
            Opaque("something behind the map"),
        ),
        (
            "a second map",
            [map(&[("w", a())]), map(&[("w", a())])].concat(),
            Opaque("something behind the map"),
        ),
        (
            "key twice",
            map(&[("w", a()), ("w", a())]),
            Opaque("a key occurs twice"),
        ),
        (
            "key twice, packed otherwise",
            [b"\x82\xa1w".to_vec(), a(), b"\xd9\x01w".to_vec(), a()].concat(),
            Opaque("occurs twice"),
        ),
        (
            "key twice, deeper",
            beside(&[("m", map(&[("x", vec![1]), ("x", vec![2])]))]),
            Opaque("occurs twice"),
        ),
        (
            "equal keys of two maps",
            map(&[("a", map(&[("w", a())])), ("b", map(&[("w", a())]))]),
            Split(2),
        ),
        (
            "number as key",
            beside(&[("m", b"\x81\x01\x02".to_vec())]),
            Opaque("a key that is no text"),
        ),
        (
            "bytes as key",
            beside(&[("m", b"\x81\xc4\x01a\x02".to_vec())]),
            Opaque("a key that is no text"),
        ),
        (
            "key not UTF-8",
            [b"\x82\xa1\xff\x01\xa1w".to_vec(), a()].concat(),
            Opaque("not UTF-8"),
        ),
        ("key of 4 GiB", long_key, Opaque("ends early")),
        (
            "no MessagePack",
            beside(&[("x", vec![0xC1])]),
            Opaque("byte 0xc1"),
        ),
        (
            "list of 2^32 - 1",
            beside(&[("x", b"\xdd\xff\xff\xff\xff\x01".to_vec())]),
            Opaque("ends early"),
        ),
        (
            "map of 2^32 - 1",
            b"\xdf\xff\xff\xff\xff\xa1a\x01".to_vec(),
            Opaque("ends early"),
        ),
        (
            "bytes of 2^32 - 1",
            beside(&[("x", b"\xc6\xff\xff\xff\xff\x01".to_vec())]),
            Opaque("ends early"),
        ),
        (
            "extension of 2^32 - 1",
            beside(&[("x", b"\xc9\xff\xff\xff\xff\x07\x01".to_vec())]),
            Opaque("ends early"),
        ),
        ("1024 maps", nested(1023, map(&[("w", a())])), Split(1)),
        (
            "1025 maps",
            nested(1024, map(&[("w", a())])),
            Opaque("deeper than 1024"),
        ),
        (
            "1000000 maps",
            nested(1_000_000, a()),
            Opaque("deeper than 1024"),
        ),
        (
            "1000000 lists",
            lists(1_000_000),
            Opaque("deeper than 1024"),
        ),
    ] {
        check(case, &bytes, &expected);
    }
    let odd = map(&[
        ("a/b", map(&[("c%", a()), ("", a())])),
        ("", map(&[("x", a())])),
        ("l", list(&[vec![1], a()])),
    ]);
    let layout = check("names", &odd, &Split(4)).unwrap();
    assert_eq!(names(&layout), ["/x", "a%2Fb/", "a%2Fb/c%25", "l/1"]);
}

#[test]
fn arrays() {
    let with = |content: Vec<u8>| map(&[("w", ext(1, &content))]);
    let parts =
        |shape: Vec<u8>, dtype: Vec<u8>, values: Vec<u8>| with(list(&[shape, dtype, values]));
    let float = || text("float32");
    let big = |dim: u64| [&[0xCF][..], &dim.to_be_bytes()].concat();
    let bytes_name = [&[0xC4, 7][..], b"float32"].concat();
    for (case, bytes, expected) in [
        (
            "name as bytes",
            parts(shape(&[2]), bytes_name, bin(8)),
            Split(1),
        ),
        (
            "values as text",
            parts(shape(&[2]), float(), [&[0xA8][..], &[1; 8]].concat()),
            Split(1),
        ),
        ("no axes", parts(shape(&[]), float(), bin(4)), Split(1)),
        (
            "no elements",
            parts(shape(&[0, 3]), float(), bin(0)),
            Split(1),
        ),
        (
            "scalar",
            map(&[("w", ext(3, &list(&[shape(&[]), float(), bin(4)])))]),
            Split(1),
        ),
        (
            "other extensions",
            map(&[
                ("w", array(&[1], "uint8", 1)),
                ("x", ext(2, &[0x92, 1, 2])),
                ("y", ext(0xFF, &[0; 4])),
            ]),
            Split(1),
        ),
        (
            "more values",
            parts(shape(&[2]), float(), bin(9)),
            Opaque("do not fit type and shape"),
        ),
        (
            "fewer values",
            parts(shape(&[2]), float(), bin(7)),
            Opaque("do not fit type and shape"),
        ),
        (
            "values without elements",
            parts(shape(&[0]), float(), bin(4)),
            Opaque("do not fit"),
        ),
        (
            "elements without values",
            parts(shape(&[3]), float(), bin(0)),
            Opaque("do not fit"),
        ),
        (
            "negative dimension",
            parts(list(&[vec![0xFF]]), float(), bin(8)),
            Opaque("no dimension"),
        ),
        (
            "dimension 2^53",
            parts(list(&[big(1 << 53)]), float(), bin(8)),
            Opaque("no dimension"),
        ),
        (
            "dimensions overflow",
            parts(list(&[big(1 << 40), big(1 << 40)]), float(), bin(8)),
            Opaque("do not fit"),
        ),
        (
            "dimensions overflow, unknown type",
            parts(list(&[big(1 << 40), big(1 << 40)]), text("x"), bin(8)),
            Opaque("do not fit"),
        ),
        (
            "dimension as text",
            parts(list(&[text("2")]), float(), bin(8)),
            Opaque("no dimension"),
        ),
        ("64 axes", parts(shape(&[1; 64]), float(), bin(4)), Split(1)),
        (
            "65 axes",
            parts(shape(&[1; 65]), float(), bin(4)),
            Opaque("too many axes"),
        ),
        (
            "2^32 - 1 axes",
            parts(b"\xdd\xff\xff\xff\xff".to_vec(), float(), bin(4)),
            Opaque("too many axes"),
        ),
        (
            "no shape",
            parts(vec![2], float(), bin(8)),
            Opaque("without a shape"),
        ),
        (
            "no type",
            parts(shape(&[2]), vec![2], bin(8)),
            Opaque("without the name of its type"),
        ),
        (
            "long type",
            parts(shape(&[2]), text(&"f".repeat(65)), bin(8)),
            Opaque("without the name of its type"),
        ),
        (
            "no values",
            parts(shape(&[2]), float(), vec![0xC0]),
            Opaque("without values"),
        ),
        (
            "list of two",
            with(list(&[shape(&[2]), float()])),
            Opaque("no list of three"),
        ),
        (
            "list of four",
            with(list(&[shape(&[2]), float(), bin(8), bin(0)])),
            Opaque("no list of three"),
        ),
        ("empty", with(vec![]), Opaque("at byte")),
        (
            "something behind",
            with([list(&[shape(&[2]), float(), bin(8)]), vec![0xC0]].concat()),
            Opaque("do not end with it"),
        ),
        (
            "ends inside",
            map(&[("w", ext(1, &list(&[shape(&[2]), float(), bin(8)])[..20]))]),
            Opaque("do not end with it"),
        ),
        (
            "an array in an array",
            with(array(&[1], "uint8", 1)),
            Opaque("no list of three"),
        ),
    ] {
        check(case, &bytes, &expected);
    }
}

#[test]
fn types() {
    for (dtype, size) in [
        ("bool", 1),
        ("int8", 1),
        ("int16", 2),
        ("int32", 4),
        ("int64", 8),
        ("uint8", 1),
        ("uint16", 2),
        ("uint32", 4),
        ("uint64", 8),
        ("float16", 2),
        ("bfloat16", 2),
        ("float32", 4),
        ("float64", 8),
        ("complex64", 8),
        ("complex128", 16),
        ("float8_e4m3fn", 1),
        ("float8_e4m3fnuz", 1),
        ("float8_e5m2", 1),
        ("float8_e5m2fnuz", 1),
        ("float8_e8m0fnu", 1),
    ] {
        let layout = check(
            dtype,
            &map(&[("w", array(&[2, 3], dtype, 6 * size))]),
            &Split(1),
        )
        .unwrap();
        assert_eq!(shapes(&layout), [("w", dtype, &[2, 3][..])]);
        assert!(layout.listed.is_empty());
    }
    // One byte each, also those of 4 bits.
    for (dtype, size) in [
        ("int4", 1),
        ("float4_e2m1fn", 1),
        ("str160", 20),
        ("qint32", 4),
    ] {
        let layout = check(
            dtype,
            &map(&[("w", array(&[2, 3], dtype, 6 * size))]),
            &Split(1),
        )
        .unwrap();
        assert_eq!(shapes(&layout), [("w", "uint8", &[2, 3, size as u64][..])]);
        let listed = &layout.listed[0];
        assert_eq!(
            (listed.dtype.as_str(), &listed.shape[..]),
            (dtype, &[2, 3][..])
        );
        assert_eq!(listed.values, Values::Tensor);
    }
    check(
        "empty of an unknown type",
        &map(&[("w", array(&[0], "x", 0))]),
        &Split(1),
    );
    check(
        "bytes that do not fit",
        &map(&[("w", array(&[3], "x", 7))]),
        &Opaque("do not fit"),
    );
}

/// Formats that have a magic number come first, and a Flax file has none of them.
#[test]
fn other_formats() {
    for (case, bytes, reason) in [
        ("pickle", &b"\x80\x02}q\0."[..], "a pickle"),
        ("text", b"{}", "no known"),
        ("UTF-8", "ü".as_bytes(), "no known"),
        ("map of numbers", b"\x81\x01\x02", "no known"),
    ] {
        check(case, bytes, &Expect::Opaque(reason));
    }
    // A safetensors file whose header is as long as would begin a map.
    let entry = r#"{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#;
    let header = format!("{entry:41346}");
    let len = (header.len() as u64).to_le_bytes();
    assert_eq!(len[..2], [0x82, 0xA1]);
    let safetensors = [&len[..], header.as_bytes(), &[7]].concat();
    let layout = check("safetensors", &safetensors, &Split(1)).unwrap();
    assert_eq!(layout.format, "safetensors");
    for name in [
        "flax/model.msgpack",
        "gguf/model.gguf",
        "numpy/plain.npy",
        "numpy/stored.npz",
    ] {
        let layout = super::fixtures::layout(&bytes(name));
        assert_ne!(layout.format, "safetensors", "{name}");
    }
}

#[test]
fn facts_are_short() {
    let numbers: Vec<Vec<u8>> = (0..100).map(|i| vec![i]).collect();
    let bytes = beside(&[
        ("step", vec![0xCE, 0, 1, 0, 0]),
        (
            "opt",
            map(&[
                ("mu", array(&[1], "uint8", 1)),
                ("count", vec![7]),
                ("none", vec![0xC0]),
            ]),
        ),
        ("arrays", map(&[("x", array(&[1], "uint8", 1))])),
        ("few", list(&[vec![1], vec![0xFF]])),
        ("many", list(&numbers)),
        ("raw", bin(300)),
        ("z", ext(2, &[0x92, 1, 2])),
        ("empty", map(&[])),
        ("long", [&[0xDA, 3, 0][..], &[b'x'; 768]].concat()),
        ("u64", [&[0xCF][..], &[0xFF; 8]].concat()),
    ]);
    let facts = describe(&bytes.as_slice(), &Limits::default()).unwrap();
    let expected = json!({
        "step": 65536, "opt": {"count": 7, "none": null}, "few": [1, -1],
        "many": {"items": 100, "first": [0, 1, 2, 3, 4, 5, 6, 7]}, "raw": {"bytes": 300},
        "z": {"extension": 2, "bytes": 3}, "empty": {}, "long": format!("{}…", "x".repeat(200)),
        "u64": u64::MAX,
    });
    assert_eq!(facts.objects, expected);

    let keys: Vec<String> = (0..5000).map(|i| format!("k{i}")).collect();
    for value in [vec![1], map(&[]), list(&[])] {
        let many: Vec<_> = keys
            .iter()
            .map(|key| (key.as_str(), value.clone()))
            .collect();
        let facts = describe(&map(&many).as_slice(), &Limits::default()).unwrap();
        assert_eq!(facts.objects.as_object().unwrap().len(), 1000);
    }
    let key = "k".repeat(250);
    let facts = describe(&map(&[(&key, vec![1])]).as_slice(), &Limits::default()).unwrap();
    assert_eq!(facts.objects, json!({ format!("{}…", &key[..200]): 1 }));
    let deep = [b"\x81\xa1k".repeat(500), vec![1]].concat();
    let facts = describe(&deep.as_slice(), &Limits::default()).unwrap();
    assert!(facts.objects.is_null());
}

#[test]
fn damaged() {
    let good = map(&[
        (
            "m",
            map(&[("b", array(&[2], "bfloat16", 4)), ("s", text("x"))]),
        ),
        ("w", map(&chunked())),
    ]);
    check("good", &good, &Split(3));
    for good in [good, bytes("flax/model.msgpack")] {
        assert_eq!(split_cuts(&good), [0; 0]);
        split_flips(&good);
    }
}

#[test]
fn large_files() {
    let start = Instant::now();
    let keys: Vec<String> = (0..100_000).map(|i| i.to_string()).collect();
    let many: Vec<_> = keys
        .iter()
        .map(|key| (key.as_str(), array(&[1], "uint8", 1)))
        .collect();
    check("many arrays", &map(&many), &Split(100_000));
    let zeros = [
        &b"\x82\xa1k\xdd\x02\0\0\0"[..],
        &vec![0; 32 << 20],
        b"\xa1w",
        &array(&[1], "uint8", 1),
    ]
    .concat();
    check("a list of 2^25 numbers", &zeros, &Split(1));
    let keys = (0..1_000_001u32).flat_map(|i| {
        [
            &[0xA4][..],
            format!("{:04x}", i % 65536).as_bytes(),
            &[0xC0],
        ]
        .concat()
    });
    let twice: Vec<u8> = b"\xdf\0\x0f\x42\x41".iter().copied().chain(keys).collect();
    check("many keys", &twice, &Opaque("occurs twice"));
    // Names that grow with the square of the file.
    let mut deep = b"\x82\xda\x40\0".to_vec();
    deep.extend([b'n'; 0x4000]);
    let arrays: Vec<_> = many.iter().take(50_000).cloned().collect();
    deep.extend(map(&arrays));
    deep.extend(b"\xa1x\xc0");
    check("long names", &deep, &Opaque("names too long together"));
    took_less(start, 20);
}
