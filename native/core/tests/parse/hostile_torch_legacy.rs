//! Stacked pickles.

use git_theta_core::bytes::{Limits, ReadAt};
use git_theta_core::format::parse;
use git_theta_core::layout::{Parsed, Segment};

use super::build::*;
use super::damage::split_flips;
use super::fixtures::bytes;

const MAGIC: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

fn machine(little: &[u8]) -> Vec<u8> {
    dict(&[
        ("protocol_version", int(1001)),
        ("little_endian", little.to_vec()),
    ])
}

fn keys(keys: &[&str]) -> Vec<u8> {
    let keys: Vec<u8> = keys.iter().flat_map(|key| string(key)).collect();
    pickle(&[b"](", &keys[..], b"e"].concat())
}

fn elements(count: i64, data: &[u8]) -> Vec<u8> {
    [&count.to_le_bytes(), data].concat()
}

fn whole(object: &[u8], tail: &[Vec<u8>]) -> Vec<u8> {
    let mut out = [MAGIC, &pickle(&int(1001)), &machine(b"\x88"), object].concat();
    out.extend(tail.concat());
    out
}

/// A storage of four floats; `view` is the sixth element.
fn id(class: &str, key: &str, numel: i32, view: &[u8]) -> Vec<u8> {
    let plain = storage(class, key, numel);
    let plain = plain.strip_suffix(b"tQ").unwrap();
    [plain, view, b"tQ"].concat()
}

fn on(id: Vec<u8>, size: i32) -> Vec<u8> {
    rebuild_v2(id, int(0), ints(&[size]), ints(&[1]))
}

fn plain() -> Vec<u8> {
    dict(&[("w", on(id("FloatStorage", "7", 4, b"N"), 4))])
}

fn good() -> Vec<u8> {
    whole(&plain(), &[keys(&["7"]), elements(4, &[1; 16])])
}

#[test]
fn whole_files() {
    let good = good();
    let layout = check("good", &good, &Split(1)).unwrap();
    assert_eq!(layout.format, "torch-legacy");
    assert_eq!(layout.storages[0].offset + 16, good.len() as u64);

    let longer = [&good[..], b"what torch does not look at"].concat();
    let layout = check("trailing bytes", &longer, &Split(1)).unwrap();
    assert!(matches!(
        layout.segments[..],
        [_, _, Segment::Literal { len: 27, .. }]
    ));
    for len in 0..good.len() {
        let parsed = parse(&&good[..len], &Limits::default()).unwrap();
        let Parsed::Opaque(reason) = parsed else {
            panic!("split at {len}");
        };
        if len > good.len() - 16 {
            assert!(reason.contains("truncated in storage \"7\""), "{reason}");
        }
    }
    // Other protocols; torch reads the magic number in any of them.
    let rest = &good[MAGIC.len()..];
    let text = [b"L119547037146038801333356L\n.", rest].concat();
    check("protocol 1", &text, &Split(1));
    let frame = b"\x80\x04\x95\x0d\0\0\0\0\0\0\0\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    check("protocol 4", &[frame, rest].concat(), &Split(1));
    let called = [
        &b"\x80\x02cbuiltins\neval\n"[..],
        &string("119547037146038801333356"),
        b"\x85R.",
    ];
    let called = [&called.concat()[..], rest].concat();
    check("magic number by a call", &called, &Opaque("a pickle"));
    let limits = Limits {
        pickle_bytes: 100,
        ..Limits::default()
    };
    let parsed = parse(&good, &limits).unwrap();
    let Parsed::Opaque(reason) = parsed else {
        panic!("a pickle beyond the limit");
    };
    assert!(
        reason.starts_with("pickle: more than 100 bytes"),
        "{reason}"
    );
}

#[test]
fn parts() {
    let head = |protocol: i32, little: &[u8]| {
        [
            MAGIC,
            &pickle(&int(protocol)),
            &machine(little),
            &plain(),
            &keys(&["7"]),
            &elements(4, &[1; 16]),
        ]
        .concat()
    };
    check("protocol 1000", &head(1000, b"\x88"), &Opaque("protocol"));
    check("big-endian", &head(1001, b"\x89"), &Opaque("big-endian"));

    let tail = |tail: &[Vec<u8>]| whole(&plain(), tail);
    let four = || elements(4, &[1; 16]);
    for (case, bytes, expected) in [
        ("no keys", tail(&[keys(&[])]), "storage \"7\" is missing"),
        (
            "unknown key",
            tail(&[keys(&["7", "8"]), four(), four()]),
            "key \"8\" that the object does not have",
        ),
        (
            "key twice",
            tail(&[keys(&["7", "7"]), four(), four()]),
            "key \"7\" twice",
        ),
        (
            "key of a number",
            tail(&[pickle(&[b"](", &int(7)[..], b"e"].concat()), four()]),
            "no string",
        ),
        ("keys in a tuple", tail(&[pickle(b")")]), "no list of keys"),
        (
            "more elements",
            tail(&[keys(&["7"]), elements(5, &[1; 20])]),
            "5 elements",
        ),
        (
            "negative",
            tail(&[keys(&["7"]), elements(-4, &[1; 16])]),
            "18446744073709551612 elements",
        ),
        (
            "2^31 keys",
            tail(&[pickle(b"](X\xff\xff\xff\x7f")]),
            "ends early",
        ),
    ] {
        check(case, &bytes, &Opaque(expected));
    }
    // A storage that only something out of sight refers to is in the file, too.
    let hidden = [
        &id("IntStorage", "6", 1, b"N")[..],
        b"0",
        &dict_value(&[(string("w"), on(id("FloatStorage", "7", 4, b"N"), 4))]),
    ];
    let hidden = pickle(&hidden.concat());
    let bytes = whole(&hidden, &[keys(&["6", "7"]), elements(1, &[9; 4]), four()]);
    let layout = check("out of sight", &bytes, &Split(1)).unwrap();
    assert_eq!(layout.storages.len(), 1);
    let bytes = whole(&hidden, &[keys(&["7"]), four()]);
    check("not in the file", &bytes, &Opaque("\"6\" is missing"));
}

#[test]
fn persistent_ids() {
    let part = |key: &str, offset: i32, numel: i32| {
        [b"(", &string(key)[..], &int(offset), &int(numel), b"t"].concat()
    };
    let view = |part: &[u8], size: i32| on(id("FloatStorage", "7", 4, part), size);
    let file =
        |object: &[(&str, Vec<u8>)]| whole(&dict(object), &[keys(&["7"]), elements(4, &[1; 16])]);
    let both = file(&[("v", view(&part("9", 1, 3), 2)), ("w", view(b"N", 4))]);
    let layout = check("view", &both, &Split(2)).unwrap();
    assert_eq!(layout.tensors[0].view.offset, 1);
    assert_eq!(layout.storages[0].name, "v");
    let module = [
        b"(",
        &string("module")[..],
        &global("m", "Net"),
        b"NNtQ)\x81}",
    ]
    .concat();
    let module = [&module[..], &string("w"), &view(b"N", 4), b"sb"].concat();
    let untyped = global("torch.storage", "UntypedStorage");
    let untyped = [
        &b"("[..],
        &string("storage"),
        &untyped,
        &string("7"),
        &string("cpu"),
        &int(16),
        b"NtQ",
    ]
    .concat();
    for (case, bytes, expected) in [
        (
            "the same view twice",
            file(&[
                ("a", view(&part("9", 1, 3), 2)),
                ("b", view(&part("9", 1, 3), 3)),
            ]),
            Split(2),
        ),
        ("module", file(&[("m", module)]), Split(1)),
        (
            "view outside",
            file(&[("v", view(&part("9", 2, 3), 2))]),
            Opaque("view \"9\" reaches outside its storage"),
        ),
        (
            "view overflows",
            file(&[("v", view(&part("9", i32::MAX, i32::MAX), 2))]),
            Opaque("reaches outside"),
        ),
        (
            "negative view",
            file(&[("v", view(&part("9", -1, 3), 2))]),
            Opaque("persistent id"),
        ),
        (
            "tensor outside its view",
            file(&[("v", view(&part("9", 1, 2), 3))]),
            Opaque("tensor reaches outside its storage"),
        ),
        (
            "one key, two views",
            file(&[
                ("a", view(&part("9", 1, 3), 2)),
                ("b", view(&part("9", 0, 3), 2)),
            ]),
            Opaque("in two ways"),
        ),
        (
            "key of a view and of its storage",
            file(&[("v", view(&part("7", 0, 4), 2))]),
            Opaque("in two ways"),
        ),
        (
            "five parts",
            file(&[("w", tensor("7"))]),
            Opaque("persistent id"),
        ),
        (
            "text",
            file(&[(
                "w",
                on(
                    b"P('storage', <class 'torch.FloatStorage'>, '7', 'cpu', 4, None)\n".to_vec(),
                    4,
                ),
            )]),
            Opaque("persistent id"),
        ),
        (
            "untyped",
            file(&[("w", untyped)]),
            Opaque("storage without a dtype"),
        ),
        (
            "two types",
            file(&[
                ("w", view(b"N", 4)),
                ("i", on(id("IntStorage", "7", 4, b"N"), 4)),
            ]),
            Opaque("in two ways"),
        ),
    ] {
        check(case, &bytes, &expected);
    }
}

/// Every bit of a small file, flipped.
#[test]
fn flipped_bits() {
    let split = split_flips(&bytes("torch/legacy_views.pt"));
    assert!(split > 96 * 8, "{split}");
}

/// Of a long file, the pickles are read and the storages are not.
#[test]
fn reads_no_storage() {
    struct Sparse(Vec<u8>, u64, std::sync::atomic::AtomicU64);
    impl ReadAt for Sparse {
        fn len(&self) -> u64 {
            self.0.len() as u64 + self.1
        }
        fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
            let read = buf.len() as u64;
            self.2.fetch_add(read, std::sync::atomic::Ordering::Relaxed);
            for (at, byte) in (offset..).zip(buf) {
                *byte = self.0.get(at as usize).copied().unwrap_or(0);
            }
            Ok(())
        }
    }
    let object = dict(&[("w", on(id("FloatStorage", "7", 1 << 28, b"N"), 4))]);
    let head = whole(&object, &[keys(&["7"]), elements(1 << 28, &[])]);
    let file = Sparse(head, 1 << 30, 0.into());
    let parsed = parse(&file, &Limits::default()).unwrap();
    assert!(matches!(parsed, Parsed::Layout(_)), "{parsed:?}");
    assert!(file.2.into_inner() < 20_000);
}
