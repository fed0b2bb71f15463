//! Archives of arrays that NumPy does not write: hostile case 73.

use std::time::Instant;

use git_theta_core::layout::Values;
use zip::CompressionMethod::{Deflated, Stored};

use super::build::{Opaque, Split, check, names, put, took_less};
use super::numpy_build::{archive, array, dict, npy};

#[test]
fn archives() {
    let a = || array("'<f4'", "(3,)", 12);
    let text = || b"{}".to_vec();
    let objects = || array("'|O'", "(2,)", 30);
    let early = || array("'<f4'", "(3,)", 11);
    for (case, records, tensors, listed) in [
        ("one", vec![("a.npy", a())], vec!["a"], vec![]),
        (
            "folders",
            vec![("b/c%.npy", a()), ("b.npy", a())],
            vec!["b", "b/c%25"],
            vec![],
        ),
        ("no name", vec![(".npy", a())], vec![""], vec![]),
        (
            "other records",
            vec![("config.json", text()), ("a.npy", a()), ("b", a())],
            vec!["a"],
            vec![],
        ),
        (
            "no magic number",
            vec![("a.npy", a()), ("b.npy", text())],
            vec!["a"],
            vec![],
        ),
        (
            "empty record",
            vec![("a.npy", a()), ("b.npy", vec![])],
            vec!["a"],
            vec![],
        ),
        (
            "objects",
            vec![("b.npy", objects()), ("a.npy", a())],
            vec!["a"],
            vec!["b: it holds Python objects"],
        ),
        (
            "objects alone",
            vec![("b.npy", objects())],
            vec![],
            vec!["b: it holds Python objects"],
        ),
        (
            "unknown type",
            vec![("b.npy", array("'<q9'", "(2,)", 9))],
            vec![],
            vec!["b: its type is not known"],
        ),
        (
            "fields",
            vec![("b.npy", array("[('a', '<f4')]", "(2,)", 8))],
            vec![],
            vec!["b: it has fields"],
        ),
        (
            "values end early",
            vec![("b.npy", early())],
            vec![],
            vec!["b: its values end early"],
        ),
        (
            "shape too large",
            vec![("b.npy", array("'<f4'", "(9007199254740991, 4096)", 9))],
            vec![],
            vec!["b: its shape is too large"],
        ),
        (
            "big-endian",
            vec![("b.npy", array("'>f4'", "(3,)", 12))],
            vec!["b"],
            vec!["b: its numbers are big-endian"],
        ),
        (
            "bytes behind",
            vec![("b.npy", array("'<f4'", "(3,)", 99))],
            vec!["b"],
            vec![],
        ),
    ] {
        for method in [Stored, Deflated] {
            let case = format!("{case}, {method}");
            let bytes = archive(&records, method);
            let expected = if method == Stored { tensors.len() } else { 0 };
            let layout = check(&case, &bytes, &Split(expected)).unwrap();
            assert_eq!(layout.format, "npz", "{case}");
            if method == Stored {
                assert_eq!(names(&layout), tensors, "{case}");
            }
            let unread = layout.listed.iter().filter_map(|l| match l.values {
                Values::Unread(why) => Some(format!("{}: {why}", l.name)),
                _ => None,
            });
            assert_eq!(unread.collect::<Vec<_>>(), listed, "{case}");
            if method == Deflated {
                let all: Vec<&str> = layout.listed.iter().map(|l| l.name.as_str()).collect();
                assert!(
                    tensors.iter().all(|name| all.contains(name)),
                    "{case}: {all:?}"
                );
            }
        }
    }
    let records = [("a.npy", a()), ("a", text())];
    check(
        "a and a.npy",
        &archive(&records, Stored),
        &Opaque("have one name"),
    );
    check(
        "no array",
        &archive(&[("a.npy", text())], Stored),
        &Opaque("no record is an array"),
    );
    let records = [("m/data.pkl", text()), ("m/a.npy", a())];
    check(
        "beside a pickle",
        &archive(&records, Stored),
        &Opaque("torch zip"),
    );
}

/// Compressed records that inflate to more, or less, than their arrays need.
#[test]
fn compressed() {
    let start = Instant::now();
    let bomb = [array("'<f4'", "(3,)", 12), vec![0; 32 << 20]].concat();
    let layout = check("bomb", &archive(&[("a.npy", bomb)], Deflated), &Split(0)).unwrap();
    assert!(matches!(layout.listed[0].values, Values::Packed(_)));
    let long = npy(&(dict("'<f4'", "False", "(3,)") + &" ".repeat(9000)), 12);
    let names: Vec<String> = (0..20_000).map(|i| format!("{i}.npy")).collect();
    let many: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), long.clone()))
        .collect();
    let bytes = archive(&many, Deflated);
    check("20000 long headers", &bytes, &Opaque("too long together"));
    took_less(start, 20);

    let good = archive(&[("a.npy", array("'<f4'", "(3,)", 12))], Deflated);
    let at = good.windows(5).position(|w| w == b"a.npy").unwrap() + 5;
    let damaged = put(&good, at, &[0xFF; 8]);
    check("damaged stream", &damaged, &Opaque("no record is an array"));
}
