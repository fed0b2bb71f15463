//! What is shown of pickles besides tensors: by form, and of hostile ones within bounds.

use std::time::Instant;

use git_theta_core::bytes::Limits;
use git_theta_core::pickle;
use serde_json::{Value, json};

use super::build::*;

fn shown(pickle: &[u8]) -> Value {
    pickle::outline(&pickle::read(pickle, 0, &Limits::default()).unwrap())
}

fn value(value: &[u8]) -> Value {
    shown(&pickle(value))
}

/// Values in the tree and its levels, counted without recursion.
fn size(tree: &Value) -> (usize, usize) {
    let (mut values, mut levels, mut rest) = (0, 0, vec![(tree, 0)]);
    while let Some((value, level)) = rest.pop() {
        values += 1;
        levels = levels.max(level);
        match value {
            Value::Array(all) => rest.extend(all.iter().map(|v| (v, level + 1))),
            Value::Object(all) => rest.extend(all.values().map(|v| (v, level + 1))),
            _ => {}
        }
    }
    (values, levels)
}

fn float(value: f64) -> Vec<u8> {
    [b"G", &value.to_be_bytes()[..]].concat()
}

#[test]
fn scalars() {
    for (bytes, expected) in [
        (b"N".to_vec(), Value::Null),
        (b"\x88".to_vec(), json!(true)),
        (int(-5), json!(-5)),
        (
            b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec(),
            json!("9223372036854775807"),
        ),
        (
            b"\x8a\x09\0\0\0\0\0\0\0\0\x01".to_vec(),
            json!("(integer of more than 64 bits)"),
        ),
        (float(1.5), json!(1.5)),
        (float(f64::INFINITY), json!("inf")),
        (float(f64::NAN), json!("NaN")),
        (string("ü"), json!("ü")),
        (
            bytes_string(b"\xed\xa0\x80"),
            json!("\u{fffd}\u{fffd}\u{fffd}"),
        ),
        (b"C\x03abc".to_vec(), json!("(3 bytes)")),
        (global("torch", "float32"), json!("torch.float32")),
        (global("__builtin__", "long"), json!("builtins.int")),
        (
            storage("FloatStorage", "0", 4),
            json!("storage float32 [4]"),
        ),
        (b"K\x05Q".to_vec(), json!("(persistent id)")),
        (
            string(&"x".repeat(201)),
            json!(format!("{}… (201 characters)", "x".repeat(200))),
        ),
    ] {
        assert_eq!(value(&bytes), expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn containers() {
    let list = [b"](", &int(1)[..], &string("a"), b"e"].concat();
    assert_eq!(value(&list), json!([1, "a"]));
    assert_eq!(value(&ints(&[1, 2])), json!([1, 2]));
    assert_eq!(value(b"\x8f(K\x01\x90"), json!([1]));
    let keys = [
        (string("a"), int(1)),
        (int(1), int(2)),
        (b"\x88".to_vec(), int(3)),
        (b"N".to_vec(), int(4)),
        (float(0.5), int(5)),
        (global("torch.nn", "X"), int(6)),
    ];
    assert_eq!(
        value(&dict_value(&keys)),
        json!({"a": 1, "1": 2, "True": 3, "None": 4, "0.5": 5, "torch.nn.X": 6})
    );
    // Keys that are no text, or look alike.
    let keys = [(ints(&[1, 2]), int(1))];
    assert_eq!(value(&dict_value(&keys)), json!({"(items)": [[[1, 2], 1]]}));
    let keys = [(int(1), int(1)), (string("1"), int(2))];
    assert_eq!(
        value(&dict_value(&keys)),
        json!({"(items)": [[1, 1], ["1", 2]]})
    );
}

#[test]
fn tensors_are_one_line() {
    let parameter = reduce(
        &global("torch._utils", "_rebuild_parameter"),
        &[tensor("0"), b"\x88".to_vec(), b"N".to_vec()],
    );
    let quantised = reduce(
        &global("torch._utils", "_rebuild_qtensor"),
        &[storage("QInt8Storage", "0", 4), int(0), ints(&[2, 2])],
    );
    let untyped = reduce(
        &global("torch._utils", "_rebuild_tensor_v3"),
        &[
            b"N".to_vec(),
            int(0),
            ints(&[]),
            ints(&[]),
            b"N".to_vec(),
            b"N".to_vec(),
            global("torch", "uint16"),
        ],
    );
    for (bytes, expected) in [
        (tensor("0"), "tensor float32 [4]"),
        (parameter, "parameter float32 [4]"),
        (quantised, "quantized tensor qint8 [2, 2]"),
        (untyped, "tensor uint16 []"),
    ] {
        assert_eq!(value(&bytes), json!(expected));
    }
    // What is no call of that kind is shown as it stands.
    let odd = reduce(&global("torch._utils", "_rebuild_tensor_v2"), &[int(1)]);
    assert_eq!(
        value(&odd),
        json!({"(class)": "torch._utils._rebuild_tensor_v2", "(arguments)": [1]})
    );
}

#[test]
fn instances() {
    let attributes = dict_value(&[(string("lr"), float(0.5))]);
    let object = [
        &global("argparse", "Namespace")[..],
        b")\x81",
        &attributes,
        b"b",
    ]
    .concat();
    assert_eq!(
        value(&object),
        json!({"(class)": "argparse.Namespace", "lr": 0.5})
    );
    let slots = dict_value(&[(string("s"), int(1))]);
    let object = [&global("m", "C")[..], b")\x81(", &attributes, &slots, b"tb"].concat();
    assert_eq!(value(&object), json!({"(class)": "m.C", "lr": 0.5, "s": 1}));
    let object = [&global("m", "C")[..], b")\x81K\x05b(K\x01K\x02e"].concat();
    assert_eq!(
        value(&object),
        json!({"(class)": "m.C", "(elements)": [1, 2], "(state)": 5})
    );
    let object = [
        &global("m", "C")[..],
        b")\x81(",
        &ints(&[1]),
        b"NK\x01K\x02u",
    ]
    .concat();
    assert_eq!(
        value(&object),
        json!({"(class)": "m.C", "(items)": [[[1], null], [1, 2]]})
    );
    // Attributes that look like what we add.
    let object = [
        &global("m", "C")[..],
        b")\x81",
        &dict_value(&[(string("(class)"), int(1))]),
        b"b",
    ]
    .concat();
    assert_eq!(
        value(&object),
        json!({"(class)": "m.C", "(items)": [["(class)", 1]]})
    );
    let old = reduce(
        &global("copy_reg", "_reconstructor"),
        &[
            global("m", "C"),
            global("__builtin__", "object"),
            b"N".to_vec(),
        ],
    );
    assert_eq!(value(&old), json!({"(class)": "m.C"}));
    let ordered = reduce(&global("collections", "OrderedDict"), &[]);
    assert_eq!(
        value(&[&ordered[..], b"(", &string("a"), &int(1), b"u"].concat()),
        json!({"a": 1})
    );
    let attributes = dict_value(&[(string("_metadata"), int(7))]);
    assert_eq!(
        value(
            &[
                &ordered[..],
                b"(",
                &string("a"),
                &int(1),
                b"u",
                &attributes,
                b"b"
            ]
            .concat()
        ),
        json!({"(attributes)": {"_metadata": 7}, "a": 1})
    );
    let encoded = reduce(
        &global("_codecs", "encode"),
        &[string("ab"), string("latin1")],
    );
    assert_eq!(value(&encoded), json!("(bytes)"));
    let pairs = [b"](](", &string("a")[..], &int(1), b"ee"].concat();
    let pairs = reduce(&global("collections", "OrderedDict"), &[pairs]);
    assert_eq!(value(&pairs), json!({"a": 1}));
    assert_eq!(
        value(&reduce(&global("os", "system"), &[string("id")])),
        json!({"(class)": "os.system", "(arguments)": ["id"]})
    );
}

#[test]
fn what_occurs_twice_is_referred_to() {
    let list = b"](K\x01eq\x01";
    let both = dict_value(&[
        (string("a"), list.to_vec()),
        (string("b"), b"h\x01".to_vec()),
    ]);
    assert_eq!(value(&both), json!({"a": [1], "b": "(the same as a)"}));
    // Python makes equal constants one: of no interest.
    let betas = [&ints(&[9, 8])[..], b"q\x01"].concat();
    let both = dict_value(&[(string("a"), betas), (string("b"), b"h\x01".to_vec())]);
    assert_eq!(value(&both), json!({"a": [9, 8], "b": [9, 8]}));
    // Cycles.
    assert_eq!(
        shown(b"\x80\x02]q\0h\0a."),
        json!(["(the same as the whole)"])
    );
    assert_eq!(
        shown(b"\x80\x02}q\0U\x01aK\x01sU\x01bh\0s."),
        json!({"a": 1, "b": "(the same as the whole)"})
    );
    let through_state = [&global("m", "C")[..], b")\x81q\0}U\x01xh\0sb"].concat();
    assert_eq!(
        value(&through_state),
        json!({"(class)": "m.C", "x": "(the same as the whole)"})
    );
}

#[test]
fn long_lists_and_dicts_say_how_long_they_are() {
    let list = [b"](", &b"K\x01".repeat(101)[..], b"e"].concat();
    let tree = value(&list);
    assert_eq!(tree.as_array().unwrap().len(), 101);
    assert_eq!(tree[100], json!("… (101 items)"));
    let items: Vec<_> = (0..2001).map(|i| (int(i), int(i))).collect();
    let tree = value(&dict_value(&items));
    assert_eq!(tree["1999"], json!(1999));
    assert_eq!(tree["…"], json!("… (2001 entries)"));
}

#[test]
fn trees_are_bounded() {
    let start = Instant::now();
    // Nested a million times, in each way.
    let deep: [(&[u8], &[u8]); 3] = [(b"N", b"\x85"), (b"", b"]"), (b"", b"}K\x01")];
    for (first, step) in deep {
        let mut pickle = first.to_vec();
        pickle.extend(step.repeat(1_000_000));
        match step[0] {
            b']' => pickle.extend(b"a".repeat(999_999)),
            b'}' => {
                pickle.pop();
                pickle.pop();
                pickle.extend(b"s".repeat(999_999));
            }
            _ => {}
        }
        pickle.push(b'.');
        let (_, levels) = size(&shown(&pickle));
        assert!(levels <= 61, "{levels}");
    }
    // Instances in the arguments of instances.
    let mut calls = b"cm\nf\nq\0".to_vec();
    calls.extend(b"h\0".repeat(500_000));
    calls.push(b')');
    calls.extend(b"R\x85".repeat(500_000));
    calls.extend(b"R.");
    assert!(size(&shown(&calls)).1 <= 62);

    // Each level holds the one below twice: 2^200 values.
    let mut bomb = b"](K\x01e".to_vec();
    for level in 0..200u8 {
        bomb.extend([b'q', level, b'h', level, 0x86]);
    }
    bomb.push(b'.');
    let (values, levels) = size(&shown(&bomb));
    assert!(values < 20_100 && levels <= 61, "{values} {levels}");

    // Wide, and with long texts at every place.
    let text = "x".repeat(100_000);
    let mut wide = [&string(&text)[..], b"q\x010]("].concat();
    for _ in 0..300 {
        wide.extend([b"](", &b"h\x01".repeat(100)[..], b"e"].concat());
    }
    wide.extend(b"e.");
    let tree = shown(&wide);
    assert!(size(&tree).0 < 20_100);
    assert!(tree.to_string().len() < 20_000 * 300);

    // A large part does not hide the others.
    let large: Vec<_> = (0..10_000).map(|i| (int(i), tensor("0"))).collect();
    let both = [
        (string("model"), dict_value(&large)),
        (string("epoch"), int(3)),
    ];
    assert_eq!(value(&dict_value(&both))["epoch"], json!(3));
    took_less(start, 20);
}

#[test]
fn text_stays_what_it_is() {
    let name = "\u{1b}[31m\u{202e}\n";
    let tree = value(&dict_value(&[(string(name), string(name))]));
    assert_eq!(tree, json!({ name: name }));
}
