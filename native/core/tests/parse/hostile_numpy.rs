//! NumPy files that NumPy does not write: hostile case 73.

use git_theta_core::layout::{Layout, Values};
use zip::CompressionMethod::{Deflated, Stored};

use super::build::{Opaque, Split, check, put};
use super::damage::{split_cuts, split_flips};
use super::fixtures::gather;
use super::numpy_build::{archive, array, dict, npy};

#[test]
fn headers() {
    let header = |text: &str| npy(text, 12);
    let shape = |shape: &str, data: usize| array("'<f4'", shape, data);
    for (case, bytes, expected) in [
        ("one", shape("(3,)", 12), Split(1)),
        ("two axes", shape("(3, 1)", 12), Split(1)),
        ("comma at the end", shape("(3, 1, )", 12), Split(1)),
        ("scalar", shape("()", 4), Split(1)),
        ("no elements", shape("(2, 0, 3)", 0), Split(1)),
        ("numbers of Python 2", shape("(3L, 1L)", 12), Split(1)),
        (
            "double quotes",
            header(r#"{"descr":"<f4","fortran_order":False,"shape":(3,)}"#),
            Split(1),
        ),
        (
            "another order",
            header("{'shape': (3,), 'fortran_order': False, 'descr': '<f4'}"),
            Split(1),
        ),
        (
            "no comma at the end",
            header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"),
            Split(1),
        ),
        (
            "spaces",
            header(" {\n'descr' : '<f4',\t'fortran_order':False, 'shape':( 3 , ) , } \n \n"),
            Split(1),
        ),
        ("bytes behind the values", shape("(3,)", 13), Split(1)),
        (
            "values end early",
            shape("(3,)", 11),
            Opaque("12 bytes of values do not fit"),
        ),
        (
            "shape overflow",
            shape("(9007199254740991, 9007199254740991)", 12),
            Opaque("shape too large"),
        ),
        (
            "dimension 2^53",
            shape("(9007199254740992,)", 12),
            Opaque("shape too large at byte"),
        ),
        (
            "dimension of 5000 digits",
            shape(&format!("({},)", "9".repeat(5000)), 12),
            Opaque("shape too large at byte"),
        ),
        (
            "no elements, overflow",
            shape("(0, 9007199254740991, 9007199254740991)", 0),
            Split(1),
        ),
        ("negative", shape("(-1,)", 12), Opaque("without a number")),
        ("float", shape("(3.0,)", 12), Opaque("without ')'")),
        ("text", shape("('3',)", 12), Opaque("without a number")),
        ("hexadecimal", shape("(0x3,)", 12), Opaque("without ')'")),
        ("leading zero", shape("(03,)", 12), Opaque("begins with 0")),
        ("underscore", shape("(1_0,)", 12), Opaque("without ')'")),
        ("no tuple", shape("(3)", 12), Opaque("no tuple")),
        ("list", shape("[3]", 12), Opaque("without '('")),
        ("comma alone", shape("(,)", 12), Opaque("without a number")),
        (
            "64 axes",
            shape(&format!("({})", "1,".repeat(64)), 4),
            Split(1),
        ),
        (
            "65 axes",
            shape(&format!("({})", "1,".repeat(65)), 4),
            Opaque("too many axes"),
        ),
        ("empty header", header(""), Opaque("without '{'")),
        (
            "not closed",
            header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), "),
            Opaque("without a string"),
        ),
        (
            "text behind",
            header(&format!("{}x", dict("'<f4'", "False", "(3,)"))),
            Opaque("text after its end"),
        ),
        (
            "comment behind",
            header(&format!("{}#", dict("'<f4'", "False", "(3,)"))),
            Opaque("text after its end"),
        ),
        (
            "key missing",
            header("{'descr': '<f4', 'fortran_order': False}"),
            Opaque("without one of its keys"),
        ),
        (
            "key too many",
            header("{'x': 1, 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}"),
            Opaque("unknown key"),
        ),
        (
            "key twice",
            header("{'shape': (3,), 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}"),
            Opaque("a second shape"),
        ),
        (
            "key with an escape",
            header("{'\\x64escr': '<f4', 'fortran_order': False, 'shape': (3,)}"),
            Opaque("escape"),
        ),
        (
            "no comma",
            header("{'descr': '<f4' 'fortran_order': False, 'shape': (3,)}"),
            Opaque("without '}'"),
        ),
        (
            "code",
            header("__import__('os').system('id')"),
            Opaque("without '{'"),
        ),
        (
            "code in descr",
            array("__import__('os')", "(3,)", 12),
            Opaque("without a string"),
        ),
        (
            "code in a list",
            array("[('a', __import__('os'))]", "(3,)", 12),
            Opaque("descr is no literal"),
        ),
        (
            "code in shape",
            shape("(__import__('os'),)", 12),
            Opaque("without a number"),
        ),
        (
            "fortran_order 1",
            npy(&dict("'<f4'", "1", "(3,)"), 12),
            Opaque("fortran_order is no bool"),
        ),
        (
            "fortran_order Falsey",
            npy(&dict("'<f4'", "Falsey", "(3,)"), 12),
            Opaque("without '}'"),
        ),
        (
            "not ASCII",
            npy(&dict("'<f4ü'", "False", "(3,)"), 12),
            Opaque("not ASCII"),
        ),
        (
            "NUL",
            header("{'descr': '<f4\0', 'fortran_order': False, 'shape': (3,)}"),
            Opaque("not ASCII"),
        ),
        (
            "nested",
            array(&"[".repeat(9000), "(3,)", 12),
            Opaque("descr is no literal"),
        ),
        (
            "brackets that do not fit",
            array("[(]", "(3,)", 12),
            Opaque("descr is no literal"),
        ),
    ] {
        check(case, &bytes, &expected);
    }
}

#[test]
fn versions_and_lengths() {
    let good = array("'<f4'", "(3,)", 12);
    let long = dict("'<f4'", "False", "(3,)");
    let wide = |version: u8, len: u32| {
        let start = [&b"\x93NUMPY"[..], &[version, 0], &len.to_le_bytes()].concat();
        [&start[..], long.as_bytes(), &[1; 12]].concat()
    };
    let len = u32::try_from(long.len()).unwrap();
    for (case, bytes, expected) in [
        ("version 2", wide(2, len), Split(1)),
        ("version 3", wide(3, len), Split(1)),
        ("version 4", wide(4, len), Opaque("unknown version 4.0")),
        (
            "version 0",
            put(&good, 6, &[0]),
            Opaque("unknown version 0.0"),
        ),
        (
            "version 1.1",
            put(&good, 7, &[1]),
            Opaque("unknown version 1.1"),
        ),
        (
            "header longer than the file",
            put(&good, 8, &[0xFF, 0x20]),
            Opaque("longer than the file"),
        ),
        (
            "header of 65535 bytes",
            put(&good, 8, &[0xFF; 2]),
            Opaque("more than 10000 bytes"),
        ),
        (
            "header of 4 GiB",
            wide(2, u32::MAX),
            Opaque("more than 10000 bytes"),
        ),
        ("header too short", put(&good, 8, &[20, 0]), Opaque("npy")),
        ("magic alone", b"\x93NUMPY".to_vec(), Opaque("ends early")),
    ] {
        check(case, &bytes, &expected);
    }
    let padded = format!(
        "{}{}\n",
        dict("'<f4'", "False", "(3,)").trim_end(),
        " ".repeat(9000)
    );
    check("padding", &npy(&padded, 12), &Split(1));
}

/// Type and shape as stored, and as listed.
type Shown = (String, Vec<u64>, Option<(String, Vec<u64>, Values)>);

fn shown(layout: &Layout) -> Shown {
    let [tensor] = &layout.tensors[..] else {
        panic!("{layout:?}");
    };
    let listed = layout.listed.first();
    (
        tensor.dtype.name().into(),
        tensor.view.shape.clone(),
        listed.map(|l| (l.dtype.clone(), l.shape.clone(), l.values.clone())),
    )
}

#[test]
fn types() {
    for (descr, name, size) in [
        ("|b1", "bool", 1),
        ("|i1", "int8", 1),
        ("<i2", "int16", 2),
        ("<i4", "int32", 4),
        ("<i8", "int64", 8),
        ("|u1", "uint8", 1),
        ("<u2", "uint16", 2),
        ("<u4", "uint32", 4),
        ("<u8", "uint64", 8),
        ("<f2", "float16", 2),
        ("<f4", "float32", 4),
        ("<f8", "float64", 8),
        ("<c8", "complex64", 8),
        ("<c16", "complex128", 16),
        (">u1", "uint8", 1),
        ("<b1", "bool", 1),
    ] {
        let bytes = array(&format!("'{descr}'"), "(2, 3)", 6 * size);
        let layout = check(descr, &bytes, &Split(1)).unwrap();
        assert_eq!(shown(&layout), (name.into(), vec![2, 3], None), "{descr}");
    }
    let unread = Values::Unread("its numbers are big-endian");
    for (descr, size, values) in [
        ("<V2", 2, Values::Tensor),
        ("|V2", 2, Values::Tensor),
        ("<V1", 1, Values::Tensor),
        ("|S3", 3, Values::Tensor),
        ("<U5", 20, Values::Tensor),
        ("<f16", 16, Values::Tensor),
        ("<M8[ns]", 8, Values::Tensor),
        ("<m8", 8, Values::Tensor),
        ("<c32", 32, Values::Tensor),
        (">f4", 4, unread.clone()),
        (">i8", 8, unread.clone()),
        (">U1", 4, unread.clone()),
        (">c8", 8, unread.clone()),
        (">M8[D]", 8, unread),
    ] {
        let bytes = array(&format!("'{descr}'"), "(2, 3)", 6 * size);
        let layout = check(descr, &bytes, &Split(1)).unwrap();
        let listed = Some((descr.to_owned(), vec![2, 3], values));
        let expected = ("uint8".to_owned(), vec![2, 3, size as u64], listed);
        assert_eq!(shown(&layout), expected, "{descr}");
    }
    for descr in [
        "<q9",
        "<f1",
        "<f3",
        "<i16",
        "<W4",
        "float32",
        "f4",
        "=f4",
        "|f4",
        "|U5",
        "<f",
        "<f+4",
        "<f4[ns]",
        "<b2",
        "<V0",
        "|S0",
        "<V",
        "<M4",
        "<M8[ns",
        "<O8",
        "",
        "<",
        "V4294967296",
        "<V4294967296",
        "ü",
    ] {
        let reason = if descr == "ü" {
            "not ASCII"
        } else {
            "type is not known"
        };
        check(
            descr,
            &array(&format!("'{descr}'"), "(1,)", 64),
            &Opaque(reason),
        );
    }
    check(
        "objects",
        &array("'|O'", "(1,)", 64),
        &Opaque("holds Python objects"),
    );
    let fields = "[('a', '<f4'), ('b', '|O', (2, 3))]";
    check(
        "fields",
        &array(fields, "(1,)", 64),
        &Opaque("it has fields"),
    );
    check(
        "fields of arrays",
        &array("('<f4', (2,))", "(1,)", 64),
        &Opaque("it has fields"),
    );
}

#[test]
fn fortran_order() {
    let bytes = npy(&dict("'|u1'", "True", "(2, 3)"), 6);
    let layout = check("plain", &bytes, &Split(1)).unwrap();
    assert_eq!(
        gather(&bytes, &layout, &layout.tensors[0]),
        [1, 3, 5, 2, 4, 6]
    );
    let bytes = npy(&dict("'|V2'", "True", "(2, 2)"), 8);
    let layout = check("bytes", &bytes, &Split(1)).unwrap();
    assert_eq!(
        gather(&bytes, &layout, &layout.tensors[0]),
        [1, 2, 5, 6, 3, 4, 7, 8]
    );
    check("scalar", &npy(&dict("'<f4'", "True", "()"), 4), &Split(1));
    check(
        "no elements",
        &npy(&dict("'<f4'", "True", "(0, 4)"), 0),
        &Split(1),
    );
}

#[test]
fn damaged() {
    let good = array("'<f4'", "(3,)", 12);
    assert_eq!(split_cuts(&good), [0; 0]);
    split_flips(&good);
    let records = [("a.npy", good), ("b", b"x".to_vec())];
    for method in [Stored, Deflated] {
        let good = archive(&records, method);
        assert_eq!(split_cuts(&good), [0; 0]);
        split_flips(&good);
    }
}
