//! Archives with compressed records, TorchScript, packages, exported programs, runs of archives.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::{Layout, Parsed, Segment, Values};
use git_theta_core::values;

use super::build::*;
use super::damage::{split_cuts, split_flips};
use super::fixtures::bytes;

fn listed(layout: &Layout) -> Vec<&str> {
    layout.listed.iter().map(|l| l.name.as_str()).collect()
}

fn two_tensors() -> Vec<u8> {
    dict(&[("a", tensor("0")), ("b", tensor("1"))])
}

#[test]
fn compressed_records() {
    let pickle = two_tensors();
    let file = |pickle_too: bool, first: bool, second: bool, version: bool| {
        other_zip(&[
            ("m/data.pkl", &pickle, pickle_too),
            ("m/data/0", &[1; 16], first),
            ("m/data/1", &[2; 16], second),
            ("m/version", b"3\n", version),
        ])
    };
    for (case, bytes, split, shown) in [
        (
            "only the pickle",
            file(true, false, false, false),
            &["a", "b"][..],
            &[][..],
        ),
        ("one storage", file(true, true, false, true), &["b"], &["a"]),
        ("all", file(true, true, true, true), &[], &["a", "b"]),
    ] {
        let layout = check(case, &bytes, &Split(split.len())).unwrap();
        assert_eq!((&names(&layout)[..], &listed(&layout)[..]), (split, shown));
        for listed in &layout.listed {
            let Values::Packed(packed) = &listed.values else {
                panic!("{case}: {listed:?}");
            };
            let value = if listed.name == "a" { 1 } else { 2 };
            assert_eq!(values::read(&bytes, packed, 16).unwrap(), [value; 16]);
            assert!(values::read(&bytes, packed, 15).is_err());
        }
    }
    let short = other_zip(&[
        ("m/data.pkl", &pickle, true),
        ("m/data/0", &[1; 15], true),
        ("m/data/1", &[2; 16], false),
        ("m/version", b"3\n", false),
    ]);
    check(
        "shorter",
        &short,
        &Opaque("has 15 bytes, the pickle says 16"),
    );
    let bomb = [&pickle[..], &[0; 1 << 20]].concat();
    let records = [
        ("m/data.pkl", &bomb[..], true),
        ("m/data/0", &[1; 16], false),
        ("m/data/1", &[2; 16], false),
        ("m/version", b"3\n", false),
    ];
    check("bytes behind the pickle", &other_zip(&records), &Split(2));
    let limits = Limits {
        pickle_bytes: 1 << 20,
        ..Limits::default()
    };
    let Parsed::Opaque(reason) = parse(&other_zip(&records), &limits).unwrap() else {
        panic!("a bomb was inflated");
    };
    assert!(
        reason.contains("data.pkl has more than 1048576 bytes"),
        "{reason}"
    );
}

#[test]
fn script() {
    let object = dict(&[("w", tensor("0"))]);
    let constants = pickle(&[&b"("[..], &tensor("0"), b"t"].concat());
    let records: [(&str, &[u8]); 7] = [
        ("data/0", &[1; 16]),
        ("data.pkl", &object),
        ("code/__torch__.py", b"class Net:"),
        ("constants/0", &[2; 16]),
        ("constants.pkl", &constants),
        ("version", b"3\n"),
        ("byteorder", b"little"),
    ];
    let layout = check("script", &torch_zip(&records), &Split(2)).unwrap();
    assert_eq!(names(&layout), ["constants/0", "w"]);
    assert_eq!(layout.format, "torchscript");
    assert!(
        !layout
            .segments
            .iter()
            .any(|s| matches!(s, Segment::TorchZip(_)))
    );

    let without = |skip: usize| {
        let mut records = records.to_vec();
        records.remove(skip);
        torch_zip(&records)
    };
    check("no storage", &without(0), &Opaque("data/0 is missing"));
    check("no object", &without(1), &Opaque("data.pkl is missing"));
    check(
        "no constant",
        &without(3),
        &Opaque("constants/0 is missing"),
    );
    check("no version", &without(5), &Opaque("version is missing"));
    let mut big = records;
    big[6].1 = b"big";
    check("big-endian", &torch_zip(&big), &Opaque("big-endian"));
    let mut same = records;
    let object = dict(&[("constants", [b"](", &tensor("0")[..], b"e"].concat())]);
    same[1].1 = &object;
    check(
        "one name",
        &torch_zip(&same),
        &Opaque("two tensors have the name"),
    );
    let typed = reduce(
        &global("torch.jit._pickle", "restore_type_tag"),
        &[
            [b"](", &tensor("0")[..], b"e"].concat(),
            string("List[Tensor]"),
        ],
    );
    let typed = dict(&[("list", typed)]);
    let mut tagged = records;
    tagged[1].1 = &typed;
    let layout = check("types", &torch_zip(&tagged), &Split(2)).unwrap();
    assert_eq!(names(&layout), ["constants/0", "list/0"]);
}

#[test]
fn package() {
    let key = |key: Vec<u8>, class: &str| {
        let id = storage_id(global("torch", class), key, int(4));
        rebuild_v2(id, int(0), ints(&[4]), ints(&[1]))
    };
    let reduced = [
        &b"("[..],
        &string("reduce_package"),
        &int(0),
        &global("m", "f"),
    ]
    .concat();
    let reduced = [&reduced[..], b"(", &key(int(0), "FloatStorage"), b"ttQ"].concat();
    let first = dict(&[("w", key(int(0), "FloatStorage")), ("script", reduced)]);
    let second = pickle(&key(string("0"), "IntStorage"));
    let records: [(&str, &[u8]); 6] = [
        (".data/0.storage", &[1; 16]),
        ("a%b/first.pkl", &first),
        ("second.pkl", &second),
        (".data/extern_modules", b"torch"),
        (".data/version", b"6\n"),
        ("a%b/code.py", b"pass"),
    ];
    let layout = check("package", &torch_zip(&records), &Split(3)).unwrap();
    assert_eq!(layout.format, "torch-package");
    assert_eq!(
        names(&layout),
        ["a%25b/first/script/0", "a%25b/first/w", "second"]
    );
    assert_eq!(layout.storages.len(), 1);
    assert!(matches!(layout.segments[..], [Segment::TorchZip(_)]));
    check(
        "no storage",
        &torch_zip(&records[1..]),
        &Opaque("0.storage is missing"),
    );
    let mut broken = records;
    broken[2].1 = b"text";
    check("no pickle", &torch_zip(&broken), &Opaque("pickle"));
}

const CONFIG: &str = r#"{"config": {"a.w": {"path_name": "weight_0", "is_param": true, "use_pickle": false, "tensor_meta":
    {"dtype": 7, "sizes": [{"as_int": 2}, {"as_int": 2}], "requires_grad": true, "device": {"type": "cpu", "index": null},
    "strides": [{"as_int": 2}, {"as_int": 1}], "storage_offset": {"as_int": 0}, "layout": 7}}}}"#;

fn export(config: &str, weight: &[u8]) -> Vec<u8> {
    torch_zip(&[
        ("data/weights/weight_0", weight),
        ("data/weights/model_weights_config.json", config.as_bytes()),
        ("archive_format", b"pt2"),
        (".data/version", b"6\n"),
    ])
}

#[test]
fn exported_programs() {
    let layout = check("export", &export(CONFIG, &[1; 16]), &Split(1)).unwrap();
    assert_eq!(
        (layout.format, &names(&layout)[..]),
        ("torch-export", &["a.w"][..])
    );
    assert!(matches!(layout.segments[..], [Segment::TorchZip(_)]));
    let with = |from: &str, to: &str| export(&CONFIG.replace(from, to), &[1; 16]);
    for (case, bytes, expected, shown) in [
        ("slash", with("a.w", "a/w"), Split(1), 0),
        (
            "unknown type",
            with("\"dtype\": 7", "\"dtype\": 99"),
            Split(0),
            1,
        ),
        (
            "sparse",
            with("\"layout\": 7", "\"layout\": 1"),
            Split(0),
            1,
        ),
        ("no values", export(CONFIG, b""), Split(0), 1),
        (
            "no tensor",
            with("\"tensor_meta\":", "\"tensor_meta\": null, \"x\":"),
            Split(0),
            0,
        ),
        (
            "pickled",
            with("\"use_pickle\": false", "\"use_pickle\": true"),
            Split(0),
            1,
        ),
        (
            "too short",
            export(CONFIG, &[1; 15]),
            Opaque("reaches outside its record"),
            0,
        ),
        (
            "rank",
            with("\"sizes\": [{\"as_int\": 2}, ", "\"sizes\": ["),
            Opaque("reaches outside"),
            0,
        ),
        (
            "overflow",
            with("{\"as_int\": 2}", "{\"as_int\": 9223372036854775807}"),
            Opaque("reaches outside"),
            0,
        ),
        (
            "negative",
            with("{\"as_int\": 0}", "{\"as_int\": -1}"),
            Opaque("_config.json at byte"),
            0,
        ),
        (
            "expression",
            with("{\"as_int\": 0}", "{\"as_name\": \"s0\"}"),
            Opaque("_config.json at byte"),
            0,
        ),
        (
            "no record",
            with("weight_0", "weight_9"),
            Opaque("weight_9 is missing"),
            0,
        ),
        (
            "deep",
            export(&"[".repeat(1 << 20), b""),
            Opaque("_config.json at byte"),
            0,
        ),
        (
            "twice",
            export(
                &CONFIG.replace("}}}}", &format!("}}}}, {}", &CONFIG[12..])),
                &[1; 16],
            ),
            Opaque("is there twice"),
            0,
        ),
    ] {
        let layout = check(case, &bytes, &expected);
        assert_eq!(layout.map_or(0, |l| l.listed.len()), shown, "{case}");
    }
    let other = torch_zip(&[("archive_format", b"pt3"), (".data/version", b"6\n")]);
    check("another format", &other, &Opaque("unknown archive_format"));

    // Archives in records: a state dict, a weight of compiled code, a subclass of tensors.
    let inner = plain_checkpoint();
    let nested = torch_zip(&[
        ("data/weights/model.pt", &inner),
        ("data/weights/weight_1", &inner),
        ("data/constants/model.pt", &inner),
        ("data/weights/weight_2", b"PK\x03\x04 that is none"),
        ("archive_format", b"pt2"),
        (".data/version", b"6\n"),
    ]);
    let layout = check("nested", &nested, &Split(3)).unwrap();
    assert_eq!(
        names(&layout),
        ["constants/w", "data/weights/weight_1/w", "w"]
    );
    let pickled = CONFIG.replace("\"use_pickle\": false", "\"use_pickle\": true");
    let layout = check("pickled", &export(&pickled, &inner), &Split(1)).unwrap();
    assert_eq!(names(&layout), ["a.w/w"]);
    let old = other_zip(&[
        ("serialized_exported_program.json", b"{}", false),
        ("serialized_state_dict.pt", &inner, false),
        ("serialized_constants.pt", &inner, false),
        ("serialized_example_inputs.pt", &inner, true),
    ]);
    let layout = check("as before 2.8", &old, &Split(2)).unwrap();
    assert_eq!(names(&layout), ["constants/w", "w"]);
    // What is compressed in archives of which there may be many is not inflated.
    let packed = other_zip(&[
        ("m/data.pkl", &dict(&[("w", tensor("0"))]), true),
        ("m/data/0", &[1; 16], false),
        ("m/version", b"3\n", false),
    ]);
    check("compressed inside", &export(CONFIG, &packed), &Split(1));
    let nested = torch_zip(&[
        ("data/weights/model.pt", &packed),
        ("archive_format", b"pt2"),
        (".data/version", b"6\n"),
    ]);
    check("state dict compressed", &nested, &Split(0));
}

#[test]
fn runs_of_archives() {
    let bare = |value: u8| {
        let pickle = pickle(&tensor("0"));
        torch_zip(&[
            ("data.pkl", &pickle),
            ("data/0", &[value; 16]),
            ("version", b"3\n"),
        ])
    };
    let empty = torch_zip(&[("data.pkl", b"K\x05."), ("version", b"3\n")]);
    let parts = [bare(1), plain_checkpoint(), empty.clone(), bare(4)];
    let run = parts.concat();
    let layout = check("run", &run, &Split(3)).unwrap();
    assert_eq!(layout.format, "torch-dcp");
    assert_eq!(names(&layout), ["0", "1/w", "3"]);
    let starts: Vec<u64> = layout
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::TorchZip(zip) => zip.offset,
            other => panic!("{other:?}"),
        })
        .collect();
    let lens: Vec<u64> = parts.iter().map(|part| part.len() as u64).collect();
    assert_eq!(
        starts,
        [0, lens[0], lens[0] + lens[1], lens[..3].iter().sum()]
    );
    let storages: Vec<_> = layout.storages.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(storages, ["0", "1/w", "3"]);
    layout.without_templates().check().unwrap();

    let first = bare(1);
    // An archive that the rules do not regenerate, but that ends as they say.
    let mut changed = first.clone();
    changed[10] ^= 1;
    let layout = check("one changed", &[&changed[..], &empty].concat(), &Split(1)).unwrap();
    assert!(matches!(
        layout.segments[..],
        [Segment::Literal { .. }, Segment::Storage(0), ..]
    ));
    let other = other_zip(&[("m/data.pkl", b"N.", false), ("m/version", b"3\n", false)]);
    let packed = torch_zip(&[("data.pkl", b"X"), ("version", b"3\n")]);
    for (case, bytes, reason) in [
        (
            "another tool",
            [&other[..], &first].concat(),
            "no archive of torch.save ends at byte",
        ),
        (
            "a gap",
            [&first[..], b"gap", &first].concat(),
            "no archive of torch.save ends at byte",
        ),
        (
            "no pickle",
            [&packed[..], &first].concat(),
            "torch dcp: archive 0 at byte 0: pickle",
        ),
        (
            "not torch's",
            [&first[..], &torch_zip(&[("x", b"y")])].concat(),
            "archive 1 at byte",
        ),
    ] {
        check(case, &bytes, &Opaque(reason));
    }
    // As any torch zip with something behind it.
    let cut = [&first[..], &first[..first.len() - 1]].concat();
    let layout = check("the end cut", &cut, &Split(1)).unwrap();
    assert_eq!(layout.format, "torch-zip");
    let few = Limits {
        tensors: 2,
        ..Limits::default()
    };
    let parsed = parse(&run, &few).unwrap();
    assert_eq!(
        parsed,
        Parsed::Opaque("torch dcp: more than 2 tensors".into())
    );
    // Each archive may take work in proportion to its length.
    let many = empty.repeat(2000);
    let started = std::time::Instant::now();
    check("many", &many, &Split(0));
    took_less(started, 20);
}

#[test]
fn cut_and_flipped() {
    for name in [
        "torch/script_frozen.pt",
        "torch/package.pt",
        "torch/nested.pt",
    ] {
        let good = bytes(name);
        assert_eq!(split_cuts(&good), [0; 0], "{name}");
        split_flips(&good);
    }
    let good = export(CONFIG, &[1; 16]);
    let bare = torch_zip(&[
        ("data.pkl", &pickle(&tensor("0"))),
        ("data/0", &[1; 16]),
        ("version", b"3\n"),
    ]);
    let run = [&bare[..], &bare].concat();
    // Behind the first archive, something else may follow.
    for (good, whole) in [(&good, good.len()), (&run, bare.len())] {
        assert_eq!(split_cuts(good), Vec::from_iter(whole..good.len()));
        split_flips(good);
    }
}
