//! ONNX models with external data: hostile case 76.

use super::support::protobuf::{bytes, int};
use super::{files, look, names, problems, tensor, write};

/// Two floats at a place.
fn initializer(name: &str, place: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = [int(1, 2), int(2, 1), bytes(8, name.as_bytes()), int(14, 1)].concat();
    for (key, value) in place {
        let entry = [bytes(1, key.as_bytes()), bytes(2, value.as_bytes())];
        fields.extend(bytes(13, &entry.concat()));
    }
    bytes(5, &fields)
}

fn folder(initializers: &[Vec<u8>]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let model = [int(1, 8), bytes(7, &initializers.concat())].concat();
    write(&folder, "m.onnx", model);
    let data: Vec<u8> = (0..20).collect();
    write(&folder, "m.data", data);
    folder
}

#[test]
fn places() {
    let at = |offset, length| {
        vec![
            ("location", "m.data"),
            ("offset", offset),
            ("length", length),
        ]
    };
    for (case, place, rules) in [
        ("good", at("0", "8"), &[][..]),
        (
            "no length",
            vec![("location", "m.data"), ("offset", "12")],
            &[],
        ),
        (
            "no offset",
            vec![("location", "./m.data"), ("length", "8")],
            &[],
        ),
        (
            "past the end",
            at("13", "8"),
            &["w: 8 bytes from 13 are not all in m.data, which has 20"],
        ),
        ("far", at("9007199254740991", "8"), &["are not all in"]),
        (
            "another length",
            at("0", "7"),
            &["w: type and shape take 8 bytes, the model says 7"],
        ),
        (
            "long",
            at("0", "9007199254740991"),
            &["the model says 9007199254740991"],
        ),
        ("no location", vec![], &["the name is empty"]),
        (
            "missing",
            vec![("location", "n.data")],
            &["n.data: the file is missing"],
        ),
        (
            "up",
            vec![("location", "../m.data")],
            &["leads out of the folder"],
        ),
        (
            "hidden up",
            vec![("location", "a/../../m.data")],
            &["leads out of the folder"],
        ),
        ("absolute", vec![("location", "/etc/passwd")], &["absolute"]),
        ("device", vec![("location", "/dev/zero")], &["absolute"]),
        (
            "network",
            vec![("location", "\\\\server\\share\\m")],
            &["backslash"],
        ),
        (
            "network, other slashes",
            vec![("location", "//server/share/m")],
            &["absolute"],
        ),
        ("folder", vec![("location", ".")], &["no regular file"]),
    ] {
        let folder = folder(&[initializer("w", &place)]);
        let view = look(&folder.path().join("m.onnx"));
        problems(case, &view, rules);
        assert_eq!(names(&view), ["w"], "{case}");
        let values = view.read(tensor(&view, "w"), 100);
        assert_eq!(values.is_ok(), rules.is_empty(), "{case}");
    }
}

#[test]
fn values_and_overlaps() {
    let place = |name, offset| initializer(name, &[("location", "m.data"), ("offset", offset)]);
    let folder = folder(&[
        place("a", "0"),
        place("b", "8"),
        place("c", "8"),
        place("d", "10"),
    ]);
    let view = look(folder.path());
    problems("overlap", &view, &["d: its values overlap those of c"]);
    assert_eq!(files(&view), [("m.onnx", "onnx", 0), ("m.data", "data", 4)]);
    assert_eq!(
        view.read(tensor(&view, "b"), 8).unwrap(),
        [8, 9, 10, 11, 12, 13, 14, 15]
    );
    assert!(view.read(tensor(&view, "b"), 7).is_err());
}

#[cfg(unix)]
#[test]
fn links() {
    let folder = folder(&[
        initializer("a", &[("location", "in")]),
        initializer("b", &[("location", "out")]),
    ]);
    std::os::unix::fs::symlink("m.data", folder.path().join("in")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("out")).unwrap();
    let view = look(&folder.path().join("m.onnx"));
    problems("links", &view, &["out: a link leads out of the folder"]);
}

#[test]
fn numbers_below_the_byte() {
    let fields = [int(1, 3), int(2, 22), bytes(8, b"w"), int(14, 1)].concat();
    let place = bytes(13, &[bytes(1, b"location"), bytes(2, b"m.data")].concat());
    let folder = folder(&[bytes(5, &[fields, place].concat())]);
    let view = look(&folder.path().join("m.onnx"));
    problems("int4", &view, &[]);
    let tensor = tensor(&view, "w");
    assert_eq!((tensor.dtype.as_str(), tensor.bytes), ("INT4", 2));
    assert_eq!(view.read(tensor, 2).unwrap(), [0, 1]);
}
