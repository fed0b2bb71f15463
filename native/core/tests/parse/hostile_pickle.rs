//! Pickles that nobody's framework writes.

use std::time::{Duration, Instant};

use git_theta_core::bytes::Limits;
use git_theta_core::layout::{Layout, Segment, Values};
use git_theta_core::pickle::{self, torch::Ids};

use super::build::*;

fn read(bytes: &[u8]) -> Result<usize, String> {
    match pickle::read(bytes, 0, &Limits::default()) {
        Ok(graph) => Ok(graph.nodes.len()),
        Err(refusal) => Err(format!("{refusal:?}")),
    }
}

fn expect(case: &str, bytes: &[u8], reason: &str) {
    let error = read(bytes).expect_err(case);
    assert!(error.contains(reason), "{case}: {error}");
}

#[test]
fn every_truncation_is_refused() {
    let whole = dict(&[("w", tensor("0")), ("n", int(5))]);
    assert!(read(&whole).is_ok());
    for len in 0..whole.len() {
        assert!(read(&whole[..len]).is_err(), "{len}");
    }
    let mut trailing = whole.clone();
    trailing.extend_from_slice(b"\0\0junk");
    assert!(read(&trailing).is_ok());
    check("bytes after STOP", &with_pickle(&trailing), &Split(1));
}

#[test]
fn damaged_opcodes() {
    for (case, bytes, reason) in [
        (
            "unknown opcode",
            &b"\xff."[..],
            "unknown opcode 0xff at byte 0",
        ),
        ("EXT1", b"\x82\x01.", "extension registry"),
        ("EXT4", b"\x84\x01\0\0\0.", "extension registry"),
        ("NEXT_BUFFER", b"\x97.", "buffers outside"),
        ("READONLY_BUFFER", b"N\x98.", "buffers outside"),
        ("protocol 6", b"\x80\x06N.", "unknown protocol"),
        (
            "PROTO in the middle",
            b"N0\x80\x02N.",
            "protocol not at the beginning",
        ),
        ("STOP alone", b".", "STOP"),
        ("STOP with two", b"NN.", "STOP"),
        ("STOP with a mark", b"N(.", "STOP"),
        ("two pickles in one", b"(N.N.", "STOP"),
        ("TUPLE without MARK", b"Nt.", "without its MARK"),
        ("POP_MARK without MARK", b"N1.", "without its MARK"),
        ("POP on nothing", b"0.", "empty stack"),
        ("DUP on nothing", b"2.", "empty stack"),
        ("DUP of a mark", b"(2.", "empty stack"),
        ("APPEND through a mark", b"](a.", "empty stack"),
        ("TUPLE1 on nothing", b"\x85.", "empty stack"),
        ("TUPLE3 through a mark", b"N(NN\x87.", "empty stack"),
        ("REDUCE on nothing", b"R.", "empty stack"),
        ("REDUCE without tuple", b"cm\nf\nNR.", "no tuple"),
        ("NEWOBJ without tuple", b"cm\nf\nN\x81.", "no tuple"),
        ("BUILD on nothing", b"Nb.", "empty stack"),
        ("BUILD on a dict", b"}}b.", "plain value"),
        ("BINPERSID on nothing", b"Q.", "empty stack"),
        ("SETITEMS odd", b"}(NNNu.", "key without a value"),
        ("SETITEM on a list", b"]NNs.", "no dict"),
        ("APPEND on a dict", b"}Na.", "no list"),
        ("APPENDS on None", b"N(Ne.", "no list"),
        ("ADDITEMS on a list", b"](N\x90.", "no list"),
        ("DICT odd", b"(NNNd.", "key without a value"),
        ("OBJ empty", b"(o.", "without a class"),
        ("STACK_GLOBAL of numbers", b"NN\x93.", "without two strings"),
        ("PUT on nothing", b"q\0.", "empty stack"),
        ("MEMOIZE on nothing", b"\x94.", "empty stack"),
        ("GET unset", b"h\x05.", "memo entry 5"),
        (
            "LONG_BINGET unset",
            b"j\xff\xff\xff\xff.",
            "memo entry 4294967295",
        ),
        ("GET negative", b"g-1\n.", "damaged GET"),
        ("PUT negative", b"Np-1\n.", "damaged PUT"),
        (
            "PUT beyond 64 bits",
            b"Np99999999999999999999\n.",
            "damaged PUT",
        ),
        ("BINUNICODE of 4 GiB", b"X\xff\xff\xff\xffa.", "ends early"),
        (
            "BINUNICODE8 of 2^63",
            b"\x8d\0\0\0\0\0\0\0\x80a.",
            "ends early",
        ),
        (
            "BINBYTES8 of 2^64",
            b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffa.",
            "ends early",
        ),
        (
            "BYTEARRAY8 huge",
            b"\x96\xff\xff\xff\xff\xff\xff\xff\x7fa.",
            "ends early",
        ),
        (
            "LONG4 negative",
            b"\x8b\xff\xff\xff\xff.",
            "negative length",
        ),
        (
            "BINSTRING negative",
            b"T\xff\xff\xff\xff.",
            "negative length",
        ),
        ("LONG1 past the end", b"\x8a\xff\0.", "ends early"),
        (
            "FRAME past the end",
            b"\x80\x04\x95\xff\0\0\0\0\0\0\0N.",
            "frame past the end",
        ),
        (
            "opcode across a frame",
            b"\x80\x04\x95\x02\0\0\0\0\0\0\0NK\x05.",
            "across the end",
        ),
        (
            "frame in a frame",
            b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x95\x01\0\0\0\0\0\0\0N.",
            "frame inside",
        ),
        ("INT in hexadecimal", b"I0x10\n.", "damaged INT"),
        ("INT with underscore", b"I1_0\n.", "damaged INT"),
        ("STRING without quotes", b"Sabc\n.", "damaged STRING"),
        ("STRING with a bad escape", b"S'\\x'\n.", "damaged STRING"),
        ("UNICODE with a bad escape", b"V\\u12\n.", "damaged UNICODE"),
        ("FLOAT of letters", b"Fabc\n.", "damaged FLOAT"),
        (
            "GLOBAL without an end",
            b"cos\nsystem",
            "line without an end",
        ),
        ("INST without MARK", b"ios\nsystem\n.", "without its MARK"),
    ] {
        expect(case, bytes, reason);
    }
}

/// Unusual, but one meaning.
#[test]
fn unusual_pickles() {
    for (case, bytes) in [
        (
            "PUT 2^32 - 1",
            &b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff0."[..],
        ),
        (
            "PUT 99999999999999",
            b"Np99999999999999\ng99999999999999\n0.",
        ),
        ("os.system", b"cos\nsystem\n(S'echo'\ntR."),
        ("INST", b"(S'echo'\nios\nsystem\n."),
        ("OBJ", b"(cos\nsystem\nS'echo'\no."),
        (
            "LONG1 of 255 bytes",
            &[&b"\x8a\xff"[..], &[1; 255], b"."].concat(),
        ),
        ("empty frame", b"\x80\x04\x95\0\0\0\0\0\0\0\0N."),
        (
            "two frames",
            b"\x80\x04\x95\x02\0\0\0\0\0\0\0N0\x95\x02\0\0\0\0\0\0\0N.",
        ),
        ("POP of a mark", b"(0N."),
        ("list in itself", b"]q\0h\0a."),
        ("dict in itself", b"}q\0Nh\0s."),
        ("empty GLOBAL", b"c\n\n."),
        ("all containers", b"((N\x91(Nl(NNd\x8f(N\x90t."),
        ("NEWOBJ_EX", b"cm\nC\n)}\x92}b."),
    ] {
        assert!(read(bytes).is_ok(), "{case}: {:?}", read(bytes));
    }
}

fn in_time<T>(case: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{case}: {:?}",
        start.elapsed()
    );
    result
}

/// Time and memory are linear, and nothing recurses.
#[test]
fn bombs() {
    // Each step doubles what the value would be if it were expanded.
    let memo = [
        &b"]q\x000"[..],
        &b"h\0h\0\x86q\x000".repeat(100_000),
        b"h\0.",
    ]
    .concat();
    let mut small = b"\x80\x02]".to_vec();
    for _ in 0..100_000 {
        small.extend(b"2\x86");
    }
    small.push(b'.');
    let mut deep = b"\x80\x02N".to_vec();
    deep.extend(b"\x85".repeat(1_000_000));
    deep.push(b'.');
    let lists = [&b"]".repeat(1_000_000)[..], &b"a".repeat(999_999), b"."].concat();
    let calls = b"h\0h\x01\x85Rq\x010".repeat(300_000);
    let calls = [&b"cm\nf\nq\x000]q\x010"[..], &calls, b"h\x01."].concat();
    let marks = [&b"(".repeat(1_000_000)[..], &b"t".repeat(1_000_000), b"."].concat();
    for (case, bytes) in [
        ("memo bomb", memo),
        ("DUP bomb", small),
        ("nested tuples", deep),
        ("nested lists", lists),
        ("nested calls", calls),
        ("nested marks", marks),
    ] {
        in_time(case, || {
            assert!(read(&bytes).is_ok(), "{case}: {:?}", read(&bytes));
            check(case, &with_pickle(&bytes), &Split(0));
        });
    }
}

/// Calls that make tensors, which are listed wherever they occur.
#[test]
fn bombs_of_tensors() {
    let layout = reduce(
        &global("torch.serialization", "_get_layout"),
        &[string("torch.sparse_coo")],
    );
    let mut value = [&tensor("0")[..], b"q\0"].concat();
    for _ in 0..64 {
        let data = [&b"0(h\0h\0"[..], &ints(&[1]), b"tq\x01"].concat();
        let rebuild = global("torch._utils", "_rebuild_sparse_tensor");
        value.extend([&data[..], b"0", &rebuild, &layout, b"h\x01\x86Rq\0"].concat());
    }
    in_time("sparse bomb", || {
        check(
            "sparse bomb",
            &with_pickle(&pickle(&value)),
            &Opaque("names take too many"),
        );
    });

    // Names as long as the nesting is deep, and long keys used again and again.
    let key = string(&"k".repeat(1 << 20));
    let mut deep = [&key[..], b"q\x010"].concat();
    deep.extend([&tensor("0")[..], b"q\0"].concat());
    deep.extend(b"0}(h\x01h\0uq\0".repeat(2000));
    in_time("long names", || {
        check(
            "long names",
            &with_pickle(&pickle(&deep)),
            &Opaque("names take too many"),
        );
    });
}

/// Long arguments that many tensors share are not looked at for each of them.
#[test]
fn long_shared_arguments() {
    let long = "x".repeat(10 << 20);
    let list_of = |first: Vec<u8>| {
        let many = b"h\0".repeat(200_000);
        let value = [&first[..], b"q\x000](", &many, b"e"].concat();
        with_pickle(&pickle(&value))
    };
    let on = |storage: Vec<u8>| rebuild_v2(storage, int(0), ints(&[4]), ints(&[1]));
    let metadata: Vec<u8> = (0..100_000)
        .flat_map(|i| [int(i), b"N".to_vec()].concat())
        .collect();
    let mut args = vec![
        storage("FloatStorage", "0", 4),
        int(0),
        ints(&[4]),
        ints(&[1]),
    ];
    args.extend([b"NN".to_vec(), [&b"}("[..], &metadata, b"u"].concat()]);
    let with_metadata = reduce(&global("torch._utils", "_rebuild_tensor_v2"), &args);
    for (case, value, reason) in [
        (
            "key",
            on(storage("FloatStorage", &long, 4)),
            "bad storage key",
        ),
        (
            "text",
            on(format!("P('storage', {long}\n").into_bytes()),
            "persistent id",
        ),
        (
            "metadata",
            with_metadata,
            "metadata of a tensor is too long",
        ),
    ] {
        in_time(case, || check(case, &list_of(value), &Opaque(reason)));
    }
    in_time("tensors", || {
        check("tensors", &list_of(tensor("0")), &Split(200_000))
    });
}

/// The walk through a cycle ends.
#[test]
fn cycles() {
    let value = [
        &b"}q\0("[..],
        &string("self"),
        b"h\0",
        &string("w"),
        &tensor("0"),
        b"u",
    ]
    .concat();
    check("dict in itself", &with_pickle(&pickle(&value)), &Split(1));
}

/// What is memoized as `index`, and what that is got by.
fn memoized(value: &[u8], index: u8) -> (Vec<u8>, Vec<u8>) {
    ([value, &[b'q', index]].concat(), vec![b'h', index])
}

#[test]
fn a_key_set_twice() {
    let set = |values: &[Vec<u8>]| {
        let items: Vec<_> = values.iter().map(|v| (string("a"), v.clone())).collect();
        let last = (string("w"), tensor("1"));
        with_pickle(&pickle(&dict_value(&[items, vec![last]].concat())))
    };
    let flat = |n| dict_value(&[(string("n"), int(n)), (int(n), b"N".to_vec())]);
    let (inner, again) = memoized(&dict_value(&[(string("b"), tensor("0"))]), 1);
    let list = || b"](J\0\0\0\0e".to_vec();
    for (case, values, expected) in [
        (
            "to the same object",
            vec![inner.clone(), again.clone()],
            Split(2),
        ),
        ("to numbers", vec![int(1), int(2)], Split(1)),
        ("to texts", vec![string("x"), string("y")], Split(1)),
        ("to flat dicts", vec![flat(1), flat(2), flat(1)], Split(1)),
        (
            "to a text and a flat dict",
            vec![string("x"), flat(1)],
            Split(1),
        ),
        (
            "to another object, and back",
            vec![inner.clone(), flat(1), again],
            Opaque("key set twice"),
        ),
        (
            "to a flat dict and one with a tensor",
            vec![flat(1), inner.clone()],
            Opaque("key set twice"),
        ),
        (
            "to equal dicts with a tensor",
            vec![inner.clone(), dict_value(&[(string("b"), tensor("0"))])],
            Opaque("key set twice"),
        ),
        (
            "to a tensor and a number",
            vec![tensor("0"), int(1)],
            Opaque("key set twice"),
        ),
        (
            "to a number and a tensor",
            vec![int(1), tensor("0")],
            Opaque("key set twice"),
        ),
        ("to lists of numbers", vec![list(), list()], Split(1)),
        (
            "to a nested dict without tensors",
            vec![flat(1), dict_value(&[(string("n"), flat(1))])],
            Split(1),
        ),
    ] {
        check(case, &set(&values), &expected);
    }
    let layout = check("names", &set(&[inner, vec![b'h', 1]]), &Split(2)).unwrap();
    assert_eq!(names(&layout), ["a/b", "w"]);
    // A dict in which a tensor is put later is none of flat values.
    let (open, got) = memoized(b"}", 1);
    let later = [&got[..], &string("t"), &tensor("0"), b"s"].concat();
    let bytes = set(&[open, int(1), later]);
    check("filled later", &bytes, &Opaque("key set twice"));
}

#[test]
fn names_and_keys() {
    let one = |key: Vec<u8>| with_pickle(&pickle(&dict_value(&[(key, tensor("0"))])));
    let two = |a: Vec<u8>, b: Vec<u8>| {
        let items = [(a, tensor("0")), (b, tensor("1"))];
        with_pickle(&pickle(&dict_value(&items)))
    };
    for (case, bytes, expected) in [
        (
            "lone surrogate",
            one(bytes_string(b"a\xed\xa0\x80")),
            Opaque("Unicode"),
        ),
        (
            "escaped surrogate",
            one(b"V\\udc00\n".to_vec()),
            Opaque("Unicode"),
        ),
        ("not UTF-8", one(b"U\x01\xff".to_vec()), Opaque("Unicode")),
        (
            "key is a tuple",
            one(ints(&[1, 2])),
            Opaque("without a name"),
        ),
        (
            "key is bytes",
            one(b"C\x01a".to_vec()),
            Opaque("without a name"),
        ),
        (
            "set twice",
            two(string("a"), string("a")),
            Opaque("key set twice"),
        ),
        (
            "1 and True",
            two(int(1), b"\x88".to_vec()),
            Opaque("key set twice"),
        ),
        (
            "1 and 1.0",
            two(int(1), b"G\x3f\xf0\0\0\0\0\0\0".to_vec()),
            Opaque("key set twice"),
        ),
        (
            "0 and \"0\"",
            two(int(0), string("0")),
            Opaque("two tensors have the name"),
        ),
        (
            "None and \"None\"",
            two(b"N".to_vec(), string("None")),
            Opaque("two tensors"),
        ),
    ] {
        check(case, &bytes, &expected);
    }
    for (case, key, name) in [
        ("control characters", string("a\0\x1b[31m"), "a\0\x1b[31m"),
        ("slash and percent", string("a/b%"), "a%2Fb%25"),
        ("empty", string(""), ""),
        ("None", b"N".to_vec(), "None"),
        ("True", b"\x88".to_vec(), "True"),
        ("float", b"G\x3f\xe0\0\0\0\0\0\0".to_vec(), "0.5"),
        ("negative", int(-3), "-3"),
        ("class", global("a.b", "C"), "<class 'a.b.C'>"),
        ("Python 2 string", b"U\x01w".to_vec(), "w"),
    ] {
        let layout = check(case, &one(key), &Split(1)).unwrap();
        assert_eq!(names(&layout), [name], "{case}");
    }
    // A key without a name matters only above a tensor.
    let harmless = dict_value(&[(ints(&[1]), b"]".to_vec()), (string("w"), tensor("0"))]);
    check(
        "tuple key, no tensor",
        &with_pickle(&pickle(&harmless)),
        &Split(1),
    );
    // The last value of a key counts. Which one a reader takes matters only where one may hold a tensor.
    let again = |first: Vec<u8>, last: Vec<u8>| {
        with_pickle(&dict(&[("s", first), ("s", last), ("w", tensor("0"))]))
    };
    let stamp = |commit: &str| {
        let state = dict_value(&[
            (string("commit"), string(commit)),
            (string("kinds"), b"]".to_vec()),
            (string("date"), int(1)),
        ]);
        dict_value(&[(string("git"), state), (string("ints"), ints(&[1, 2]))])
    };
    check(
        "stamp over a stamp",
        &again(stamp("a"), stamp("b")),
        &Split(1),
    );
    for (case, value) in [
        ("tensor", tensor("1")),
        ("tensor below", dict_value(&[(string("t"), tensor("1"))])),
        ("class", global("a", "B")),
    ] {
        let reason = Opaque("key set twice");
        check(case, &again(stamp("a"), value.clone()), &reason);
        check(case, &again(value, stamp("a")), &reason);
    }
    let nested = dict_value(&[(string("a/b"), dict_value(&[(string("c"), tensor("0"))]))]);
    let layout = check("nested", &with_pickle(&pickle(&nested)), &Split(1)).unwrap();
    assert_eq!(names(&layout), ["a%2Fb/c"]);
    let root = check(
        "bare tensor",
        &with_pickle(&pickle(&tensor("0"))),
        &Split(1),
    )
    .unwrap();
    assert_eq!(names(&root), [""]);
}

#[test]
fn tensors_that_are_changed() {
    let with = |tail: &[u8]| with_pickle(&dict(&[("w", [&tensor("0")[..], tail].concat())]));
    for (case, tail) in [
        ("BUILD", &b"}b"[..]),
        ("SETITEM", b"NNs"),
        ("APPEND", b"Na"),
    ] {
        check(case, &with(tail), &Opaque("changed after it was rebuilt"));
    }
    let untyped = global("torch.storage", "UntypedStorage");
    let storage = storage_id(untyped, string("0"), int(16));
    let v3 = |dtype: Vec<u8>, size: i32| {
        let args = [
            storage.clone(),
            int(0),
            ints(&[size]),
            ints(&[1]),
            b"\x89".to_vec(),
            b"N".to_vec(),
            dtype,
        ];
        reduce(&global("torch._utils", "_rebuild_tensor_v3"), &args)
    };
    let good = v3(global("torch", "uint16"), 8);
    let layout = check("v3", &with_pickle(&dict(&[("w", good.clone())])), &Split(1)).unwrap();
    assert_eq!(layout.tensors[0].dtype.name(), "uint16");
    let both = dict(&[("w", good), ("v", v3(global("torch", "float32"), 4))]);
    let layout = check("two dtypes", &with_pickle(&both), &Split(2)).unwrap();
    assert_eq!(layout.storages[0].name, "v");
    for (case, dtype, reason) in [
        (
            "unknown dtype",
            global("torch", "float512"),
            "unknown dtype",
        ),
        (
            "sub-byte dtype",
            global("torch", "float4_e2m1fn"),
            "unknown dtype",
        ),
        ("dtype is no dtype", int(3), "bad dtype"),
    ] {
        let bytes = with_pickle(&dict(&[("w", v3(dtype, 4))]));
        check(case, &bytes, &Opaque(reason));
    }
}

#[test]
fn persistent_ids() {
    let on = |storage: Vec<u8>| {
        let tensor = rebuild_v2(storage, int(0), ints(&[4]), ints(&[1]));
        with_pickle(&dict(&[("w", tensor)]))
    };
    let id = |parts: &[Vec<u8>]| [b"(", &parts.concat()[..], b"tQ"].concat();
    let class = || global("torch", "FloatStorage");
    let text = |text: &str| format!("P{text}\n").into_bytes();
    for (case, bytes, expected) in [
        (
            "int",
            on([&int(3)[..], b"Q"].concat()),
            Opaque("persistent id"),
        ),
        ("no id", on(int(3)), Opaque("tensor without a storage")),
        (
            "module",
            on(id(&[string("module"), class(), string("f"), string("t")])),
            Opaque("persistent id"),
        ),
        (
            "six parts",
            on(id(&[
                string("storage"),
                class(),
                string("0"),
                string("cpu"),
                int(4),
                b"N".to_vec(),
            ])),
            Opaque("persistent id"),
        ),
        (
            "key is a number",
            on(id(&[
                string("storage"),
                class(),
                int(0),
                string("cpu"),
                int(4),
            ])),
            Opaque("persistent id"),
        ),
        (
            "key climbs",
            on(storage("FloatStorage", "../x", 4)),
            Opaque("bad storage key"),
        ),
        (
            "key empty",
            on(storage("FloatStorage", "", 4)),
            Opaque("bad storage key"),
        ),
        (
            "key missing",
            on(storage("FloatStorage", "7", 4)),
            Opaque("data/7 is missing, which the pickle refers to at byte"),
        ),
        (
            "numel negative",
            on(storage("FloatStorage", "0", -4)),
            Opaque("persistent id"),
        ),
        (
            "numel too large",
            on(storage("FloatStorage", "0", 5)),
            Opaque("the pickle says 20"),
        ),
        (
            "class unknown",
            on(storage("OddStorage", "0", 4)),
            Opaque("unknown storage class"),
        ),
        (
            "numel 2^62",
            on(id(&[
                string("storage"),
                class(),
                string("0"),
                string("cpu"),
                b"\x8a\x08\0\0\0\0\0\0\0\x40".to_vec(),
            ])),
            Opaque("storage too long"),
        ),
        (
            "text",
            on(text(
                "('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 4)",
            )),
            Split(1),
        ),
        ("text of a number", on(text("5")), Opaque("persistent id")),
    ] {
        check(case, &bytes, &expected);
    }
    let twice = |a: &str, n: i32| {
        let other = rebuild_v2(storage(a, "0", n), int(0), ints(&[1]), ints(&[1]));
        with_pickle(&dict(&[("w", tensor("0")), ("v", other)]))
    };
    check("the same", &twice("FloatStorage", 4), &Split(2));
    check(
        "other class",
        &twice("IntStorage", 4),
        &Opaque("described in two ways"),
    );
    check(
        "other numel",
        &twice("FloatStorage", 2),
        &Opaque("described in two ways"),
    );
    // The second description stands where nobody looks, but torch builds it.
    let hidden = [
        &storage("IntStorage", "0", 4)[..],
        b"0",
        &dict_value(&[(string("w"), tensor("0"))]),
    ];
    check(
        "hidden",
        &with_pickle(&pickle(&hidden.concat())),
        &Opaque("in two ways"),
    );
}

#[test]
fn rebuild_arguments() {
    let with = |tensor: Vec<u8>| with_pickle(&dict(&[("w", tensor)]));
    let f = || storage("FloatStorage", "0", 4);
    let call = |name: &str, args: &[Vec<u8>]| with(reduce(&global("torch._utils", name), args));
    for (case, bytes, expected) in [
        ("0-dim", with(view(3, &[], &[])), Split(1)),
        ("empty", with(view(100, &[0, 9], &[9, 1])), Split(1)),
        ("column", with(view(1, &[2], &[2])), Split(1)),
        (
            "offset past the end",
            with(view(1, &[4], &[1])),
            Opaque("reaches outside"),
        ),
        (
            "stride past the end",
            with(view(0, &[2], &[4])),
            Opaque("reaches outside"),
        ),
        (
            "0-dim past the end",
            with(view(4, &[], &[])),
            Opaque("reaches outside"),
        ),
        (
            "offset negative",
            with(view(-1, &[1], &[1])),
            Opaque("bad offset"),
        ),
        (
            "size negative",
            with(view(0, &[-1], &[1])),
            Opaque("bad size"),
        ),
        (
            "stride negative",
            with(view(3, &[2], &[-1])),
            Opaque("bad stride"),
        ),
        (
            "rank",
            with(view(0, &[2, 2], &[1])),
            Opaque("differ in length"),
        ),
        (
            "65 axes",
            with(view(0, &[1; 65], &[1; 65])),
            Opaque("bad size"),
        ),
        (
            "overflow",
            with(rebuild_v2(
                f(),
                int(0),
                ints(&[i32::MAX; 4]),
                ints(&[i32::MAX; 4]),
            )),
            Opaque("reaches outside"),
        ),
        (
            "size is text",
            with(rebuild_v2(f(), int(0), string("4"), ints(&[1]))),
            Opaque("bad size"),
        ),
        (
            "offset is a bool",
            with(rebuild_v2(f(), b"\x88".to_vec(), ints(&[1]), ints(&[1]))),
            Opaque("bad offset"),
        ),
        (
            "list for size",
            with(rebuild_v2(f(), int(0), b"](K\x04e".to_vec(), ints(&[1]))),
            Split(1),
        ),
        (
            "no arguments",
            call("_rebuild_tensor_v2", &[]),
            Opaque("takes 6 or 7"),
        ),
        (
            "v1",
            call("_rebuild_tensor", &[f(), int(0), ints(&[4]), ints(&[1])]),
            Split(1),
        ),
        (
            "v3 short",
            call("_rebuild_tensor_v3", &[f()]),
            Opaque("takes 7 or 8"),
        ),
        (
            "parameter",
            call("_rebuild_parameter", &[tensor("0"), int(7), b"N".to_vec()]),
            Split(1),
        ),
        (
            "parameter short",
            call("_rebuild_parameter", &[]),
            Opaque("takes 3"),
        ),
        (
            "quantised, text for quantizer",
            call(
                "_rebuild_qtensor",
                &[
                    f(),
                    int(0),
                    ints(&[4]),
                    ints(&[1]),
                    string("x"),
                    int(0),
                    int(0),
                ],
            ),
            Opaque("bad quantizer"),
        ),
        (
            "sparse without layout",
            call("_rebuild_sparse_tensor", &[int(0), ints(&[1, 2, 3])]),
            Opaque("bad layout"),
        ),
        (
            "unknown rebuild call",
            call("_rebuild_odd_tensor", &[tensor("0")]),
            Split(1),
        ),
    ] {
        check(case, &bytes, &expected);
    }
}

/// A tensor far larger than its storage is not listed, but its storage is one.
#[test]
fn expanded_and_lazy_tensors_name_their_storage() {
    let huge = view(0, &[1 << 20, 1 << 20], &[0, 0]);
    let bytes = with_pickle(&dict(&[("big", huge)]));
    let layout = check("expand", &bytes, &Split(0)).unwrap();
    assert_eq!(layout.storages[0].name, "big");
    assert_eq!(layout.listed[0].shape, [1 << 20, 1 << 20]);
    let unread = |layout: &Layout| match layout.listed[0].values {
        Values::Unread(why) => why,
        _ => panic!("{:?}", layout.listed),
    };
    assert!(unread(&layout).contains("expanded"));

    let conj = {
        let hooks = b"N".to_vec();
        let metadata = dict_value(&[(string("conj"), b"\x88".to_vec())]);
        let mut args = vec![
            storage("ComplexFloatStorage", "0", 2),
            int(0),
            ints(&[2]),
            ints(&[1]),
        ];
        args.extend([b"\x89".to_vec(), hooks, metadata]);
        reduce(&global("torch._utils", "_rebuild_tensor_v2"), &args)
    };
    let layout = check("conj", &with_pickle(&dict(&[("z", conj)])), &Split(0)).unwrap();
    assert_eq!(layout.storages[0].name, "z");
    assert_eq!(layout.listed[0].dtype, "complex64");
    assert!(unread(&layout).contains("conjugated"));

    let bare = with_pickle(&dict(&[("s", storage("FloatStorage", "0", 4))]));
    let layout = check("bare storage", &bare, &Split(0)).unwrap();
    assert_eq!(layout.storages[0].name, "s");

    // A listed tensor names the storage, although the other's name is smaller.
    let both = dict(&[
        ("a", view(0, &[1 << 20, 1 << 20], &[0, 0])),
        ("b", tensor("0")),
    ]);
    let layout = check("both", &with_pickle(&both), &Split(1)).unwrap();
    assert_eq!(layout.storages[0].name, "b");
    // The record that nobody refers to is a literal of the archive.
    assert_eq!(layout.storages.len(), 1);
    assert!(matches!(layout.segments[..], [Segment::TorchZip(_)]));
}

/// Objects of any class are walked: arguments, items, elements, attributes.
#[test]
fn objects() {
    let class = global("my.module", "Thing");
    let state = dict_value(&[(string("w"), tensor("0"))]);
    let object = [&class[..], b")\x81", &state, b"b"].concat();
    let layout = check("BUILD", &with_pickle(&dict(&[("o", object)])), &Split(1)).unwrap();
    assert_eq!(names(&layout), ["o/w"]);

    let slots = [&class[..], b")\x81N", &state, b"\x86b"].concat();
    let layout = check("slots", &with_pickle(&dict(&[("o", slots)])), &Split(1)).unwrap();
    assert_eq!(names(&layout), ["o/w"]);

    let call = reduce(&class, &[int(1), tensor("0")]);
    let layout = check("REDUCE", &with_pickle(&dict(&[("o", call)])), &Split(1)).unwrap();
    assert_eq!(names(&layout), ["o/1"]);

    let pair = [&b"]("[..], &string("w"), &tensor("0"), b"e"].concat();
    let ordered = reduce(
        &global("collections", "OrderedDict"),
        &[[&b"]("[..], &pair, b"e"].concat()],
    );
    let layout = check(
        "OrderedDict of pairs",
        &with_pickle(&pickle(&ordered)),
        &Split(1),
    )
    .unwrap();
    assert_eq!(names(&layout), ["w"]);

    let args = [tensor("0"), int(1), b"N".to_vec(), state.clone()];
    let parameter = reduce(
        &global("torch._utils", "_rebuild_parameter_with_state"),
        &args,
    );
    let layout = check("state", &with_pickle(&dict(&[("p", parameter)])), &Split(2)).unwrap();
    assert_eq!(names(&layout), ["p", "p/w"]);

    let inner = [
        storage("FloatStorage", "0", 4),
        int(0),
        ints(&[4]),
        ints(&[1]),
    ];
    let inner = [b"(", &inner.concat()[..], b"\x89Nt"].concat();
    let args = [
        global("torch._utils", "_rebuild_tensor_v2"),
        class,
        inner,
        state.clone(),
    ];
    let subclass = reduce(&global("torch._tensor", "_rebuild_from_type_v2"), &args);
    let layout = check(
        "subclass",
        &with_pickle(&dict(&[("p", subclass)])),
        &Split(2),
    )
    .unwrap();
    assert_eq!(names(&layout), ["p", "p/w"]);

    // The same object at two places is walked once; a tensor is listed at both.
    let shared = [&b"("[..], &state, b"q\0h\0t"].concat();
    let layout = check("shared dict", &with_pickle(&pickle(&shared)), &Split(1)).unwrap();
    assert_eq!(names(&layout), ["0/w"]);
    let tied = [&b"("[..], &tensor("0"), b"q\0h\0t"].concat();
    let layout = check("tied", &with_pickle(&pickle(&tied)), &Split(2)).unwrap();
    assert_eq!(names(&layout), ["0", "1"]);
}

#[test]
fn limits() {
    let bytes = dict(&[("w", tensor("0"))]);
    let default = Limits::default();
    for (limits, reason) in [
        (
            Limits {
                pickle_bytes: 10,
                ..default
            },
            "more than 10 bytes",
        ),
        (
            Limits {
                pickle_opcodes: 10,
                ..default
            },
            "more than 10 opcodes",
        ),
        (
            Limits {
                pickle_nodes: 10,
                ..default
            },
            "more than 10 ",
        ),
    ] {
        let error = format!("{:?}", pickle::read(&bytes, 0, &limits).unwrap_err());
        assert!(error.contains(reason), "{error}");
    }
    let graph = pickle::read(&bytes, 0, &default).unwrap();
    for limits in [
        Limits {
            tensors: 0,
            ..default
        },
        Limits {
            name_bytes: 1,
            ..default
        },
    ] {
        assert!(pickle::torch::tensors(&graph, Ids::Zip, &limits).is_err());
    }
}

/// Spans of dict items are the opcodes that make them, and nothing else.
#[test]
fn spans_of_items() {
    let bytes = dict(&[("w", tensor("0")), ("n", int(5))]);
    let graph = pickle::read(&bytes, 0, &Limits::default()).unwrap();
    let pickle::Node::Dict(items) = graph.node(graph.root) else {
        panic!("no dict");
    };
    let expected = [
        [string("w"), tensor("0")].concat(),
        [string("n"), int(5)].concat(),
    ];
    for (item, expected) in items.iter().zip(expected) {
        assert_eq!(graph.slice(item.span), expected);
    }
}

/// Arrays of NumPy, and tensors without values of their own, are listed.
#[test]
fn listed() {
    let array = |module: &str, shape: Vec<u8>, dtype: Vec<u8>, data: Vec<u8>| {
        let class = global("numpy", "ndarray");
        let array = reduce(
            &global(module, "_reconstruct"),
            &[class, ints(&[0]), string("b")],
        );
        let state = [&b"("[..], &int(1), &shape, &dtype, b"\x89", &data, b"t"].concat();
        [array, state, b"b".to_vec()].concat()
    };
    let dtype = |code: &str, order: &str| {
        let dtype = reduce(&global("numpy", "dtype"), &[string(code)]);
        let state = [&b"("[..], &int(3), &string(order), b"NNNtb"].concat();
        [dtype, state].concat()
    };
    let numpy = "numpy._core.multiarray";
    let raw = || string("raw");
    let elements = [&b"]("[..], &tensor("0"), b"Ne"].concat();
    let scalar = reduce(
        &global("numpy.core.multiarray", "scalar"),
        &[dtype("f8", "<"), raw()],
    );
    let buffer = reduce(
        &global("numpy._core.numeric", "_frombuffer"),
        &[raw(), dtype("i4", "<"), ints(&[3, 5]), string("C")],
    );
    let meta = reduce(
        &global("torch._utils", "_rebuild_meta_tensor_no_storage"),
        &[
            global("torch", "bfloat16"),
            ints(&[2]),
            ints(&[1]),
            b"\x89".to_vec(),
        ],
    );
    let wrapper = reduce(
        &global("torch._utils", "_rebuild_wrapper_subclass"),
        &[
            global("m", "Quantised"),
            global("torch", "float32"),
            ints(&[7]),
            ints(&[1]),
            int(0),
            global("torch", "strided"),
            string("cpu"),
            b"\x89".to_vec(),
        ],
    );
    let device = reduce(
        &global("torch._utils", "_rebuild_device_tensor_from_numpy"),
        &[
            array(numpy, ints(&[2]), dtype("f4", "<"), raw()),
            global("torch", "float32"),
            string("xla:0"),
            b"\x89".to_vec(),
        ],
    );
    let file = dict(&[
        ("a", array(numpy, ints(&[2, 3]), dtype("i2", "<"), raw())),
        (
            "b",
            array("numpy.core.multiarray", ints(&[2]), dtype("f8", ">"), raw()),
        ),
        ("c", array(numpy, ints(&[2]), dtype("O8", "|"), elements)),
        ("d", scalar),
        ("e", buffer),
        ("f", meta),
        ("g", wrapper),
        ("h", device),
        ("i", array(numpy, ints(&[-1]), dtype("f4", "<"), raw())),
        ("j", array(numpy, ints(&[1]), int(5), raw())),
        ("w", tensor("1")),
    ]);
    let layout = check("listed", &with_pickle(&file), &Split(2)).unwrap();
    assert_eq!(names(&layout), ["c/0", "w"]);
    let found: Vec<_> = layout
        .listed
        .iter()
        .map(|l| (&*l.name, &*l.dtype, &l.shape[..]))
        .collect();
    assert_eq!(
        found,
        [
            ("a", "int16", &[2, 3][..]),
            ("b", ">f8", &[2]),
            ("c", "object", &[2]),
            ("d", "float64", &[]),
            ("e", "int32", &[3, 5]),
            ("f", "bfloat16", &[2]),
            ("g", "float32", &[7]),
            ("h", "float32", &[2]),
        ]
    );

    // A name that is taken, or that is no Unicode, is a tensor's.
    let twice = dict_value(&[
        (int(0), array(numpy, ints(&[1]), dtype("f4", "<"), raw())),
        (string("0"), tensor("0")),
        (
            b"U\x01\xff".to_vec(),
            array(numpy, ints(&[1]), dtype("f4", "<"), raw()),
        ),
    ]);
    let layout = check("taken", &with_pickle(&pickle(&twice)), &Split(1)).unwrap();
    assert!(layout.listed.is_empty());
    // Each array counts.
    let limits = Limits {
        tensors: 3,
        ..Limits::default()
    };
    let graph = pickle::read(&file, 0, &limits).unwrap();
    assert!(pickle::torch::tensors(&graph, Ids::Zip, &limits).is_err());
    for (case, call, args) in [
        ("nested", "_rebuild_nested_tensor", 3),
        ("meta", "_rebuild_meta_tensor_no_storage", 3),
        ("wrapper", "_rebuild_wrapper_subclass", 7),
        ("device", "_rebuild_device_tensor_from_numpy", 3),
    ] {
        let call = reduce(&global("torch._utils", call), &vec![int(0); args]);
        let bytes = with_pickle(&dict(&[("w", call)]));
        check(case, &bytes, &Opaque("arguments"));
    }
}
