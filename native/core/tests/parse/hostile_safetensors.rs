//! Safetensors files that the reference library does not write.

use std::time::Instant;

use super::build::{Opaque, Split, check, names, took_less};

fn file(header: &[u8], data: usize) -> Vec<u8> {
    let len = u64::try_from(header.len()).unwrap().to_le_bytes();
    [&len[..], header, &vec![5; data]].concat()
}

fn json(header: &str) -> Vec<u8> {
    file(header.as_bytes(), 12)
}

const A: &str = r#""a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}"#;

#[test]
fn headers() {
    let entry = |body: &str| json(&format!(r#"{{"a":{{{body}}}}}"#));
    let place = |dtype: &str, shape: &str, offsets: &str| {
        entry(&format!(
            r#""dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}"#
        ))
    };
    for (case, bytes, expected) in [
        ("one", json(&format!("{{{A}}}")), Split(1)),
        ("spaces", json(&format!("{{ \t\r\n{A} }}  \n")), Split(1)),
        ("empty header", file(b"", 12), Opaque("no known")),
        ("empty object", json("{}"), Split(0)),
        (
            "longer than the file",
            [&[99, 0, 0, 0, 0, 0, 0, 0][..], b"{}"].concat(),
            Opaque("longer than the file"),
        ),
        (
            "length 2^64 - 1",
            [&[0xFF; 8][..], b"{}"].concat(),
            Opaque("no known"),
        ),
        (
            "above the limit",
            [&[0, 0, 0, 6, 0, 0, 0, 0][..], b"{", &vec![0; 101 << 20]].concat(),
            Opaque("more than 100000000"),
        ),
        (
            "not UTF-8",
            file(b"{\"\xff\":1}", 0),
            Opaque("not UTF-8 at byte 10"),
        ),
        (
            "byte order mark",
            file("\u{feff}{}".as_bytes(), 0),
            Opaque("no known"),
        ),
        ("list", json("[]"), Opaque("no known")),
        ("NULs behind", json("{}\0\0"), Opaque("text after its end")),
        ("text behind", json("{}{}"), Opaque("text after its end")),
        ("no end", json("{"), Opaque("no '\"'")),
        (
            "comma at the end",
            json(&format!("{{{A},}}")),
            Opaque("in its place"),
        ),
        (
            "comma first",
            json(&format!("{{,{A}}}")),
            Opaque("in its place"),
        ),
        ("no comma", json(&format!("{{{A}{A}}}")), Opaque("no ','")),
        (
            "key twice",
            json(&format!("{{{A},{A}}}")),
            Opaque("occurs twice"),
        ),
        (
            "key twice, escaped",
            json(&format!(
                r#"{{{A},"\u0061":{{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}}}"#
            )),
            Opaque("occurs twice"),
        ),
        (
            "dtype twice",
            entry(r#""dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]"#),
            Opaque("occurs twice"),
        ),
        (
            "unknown key",
            entry(r#""dtype":"U8","x":1"#),
            Opaque("unknown key"),
        ),
        (
            "without shape",
            entry(r#""dtype":"U8","data_offsets":[0,1]"#),
            Opaque("tensor without"),
        ),
        (
            "metadata null",
            json(&format!(r#"{{"__metadata__":null,{A}}}"#)),
            Split(1),
        ),
        (
            "metadata",
            json(&format!(r#"{{{A},"__metadata__":{{"a":"b"}}}}"#)),
            Split(1),
        ),
        (
            "metadata twice",
            json(r#"{"__metadata__":{},"__metadata__":{}}"#),
            Opaque("occurs twice"),
        ),
        (
            "metadata key twice",
            json(r#"{"__metadata__":{"a":"","a":""}}"#),
            Opaque("occurs twice"),
        ),
        (
            "metadata of numbers",
            json(r#"{"__metadata__":{"a":1}}"#),
            Opaque("in its place"),
        ),
        (
            "metadata nested",
            json(r#"{"__metadata__":{"a":{}}}"#),
            Opaque("in its place"),
        ),
        (
            "metadata as a tensor",
            json(r#"{"__metadata__":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#),
            Opaque("in its place"),
        ),
        (
            "lone surrogate",
            json(r#"{"\ud800":{}}"#),
            Opaque("lone surrogate"),
        ),
        (
            "half a pair",
            json(r#"{"\ud800\u0041":{}}"#),
            Opaque("lone surrogate"),
        ),
        ("bad escape", json(r#"{"\x":{}}"#), Opaque("unknown escape")),
        ("bad hex", json(r#"{"\u12":{}}"#), Opaque("damaged escape")),
        (
            "escape and ü",
            json("{\"\\ü\":{}}"),
            Opaque("unknown escape"),
        ),
        (
            "line end in a string",
            json("{\"a\nb\":{}}"),
            Opaque("control character"),
        ),
        (
            "reversed",
            place("U8", "[4]", "[4,0]"),
            Opaque("outside the data"),
        ),
        (
            "past the end",
            place("U8", "[4]", "[10,14]"),
            Opaque("outside the data"),
        ),
        (
            "negative",
            place("U8", "[4]", "[-4,0]"),
            Opaque("no integer"),
        ),
        ("float", place("U8", "[4]", "[0,4.0]"), Opaque("no integer")),
        (
            "exponent",
            place("U8", "[4]", "[0,4e0]"),
            Opaque("no integer"),
        ),
        (
            "text",
            place("U8", "[\"4\"]", "[0,4]"),
            Opaque("no integer"),
        ),
        (
            "leading zero",
            place("U8", "[04]", "[0,4]"),
            Opaque("no integer"),
        ),
        (
            "2^53",
            place("U8", "[0,9007199254740992]", "[0,0]"),
            Opaque("no integer"),
        ),
        (
            "2^53 - 1",
            place("U8", "[0,9007199254740991]", "[0,0]"),
            Split(1),
        ),
        (
            "2^64",
            place("U8", "[18446744073709551616]", "[0,4]"),
            Opaque("no integer"),
        ),
        (
            "three offsets",
            place("U8", "[4]", "[0,4,4]"),
            Opaque("too long"),
        ),
        (
            "one offset",
            place("U8", "[4]", "[4]"),
            Opaque("tensor without"),
        ),
        (
            "other length",
            place("F32", "[4]", "[0,12]"),
            Opaque("do not fit"),
        ),
        (
            "product overflow",
            place("U8", "[4294967296,4294967296,4294967296]", "[0,4]"),
            Opaque("do not fit"),
        ),
        (
            "unknown dtype",
            place("F31", "[1]", "[0,4]"),
            Opaque("unknown dtype"),
        ),
        (
            "torch's dtype name",
            place("float32", "[1]", "[0,4]"),
            Opaque("unknown dtype"),
        ),
        (
            "half a byte",
            place("F4", "[3]", "[0,2]"),
            Opaque("do not fit"),
        ),
        ("F4", place("F4", "[4,2]", "[0,4]"), Split(1)),
        ("F6", place("F6_E2M3", "[4]", "[0,3]"), Split(1)),
        ("scalar", place("C64", "[]", "[0,8]"), Split(1)),
        ("empty", place("F32", "[0]", "[4,4]"), Split(1)),
        ("hole and rest", place("U8", "[2]", "[4,6]"), Split(1)),
    ] {
        check(case, &bytes, &expected);
    }
    let overlap = format!(r#"{{{A},"b":{{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}}}"#);
    check("overlap", &json(&overlap), &Opaque("overlap"));
    let same = format!(r#"{{{A},"b":{{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}}}"#);
    check("the same bytes twice", &json(&same), &Opaque("overlap"));
    let order = format!(r#"{{"b":{{"dtype":"U8","shape":[4],"data_offsets":[8,12]}},{A}}}"#);
    let layout = check("any order", &json(&order), &Split(2)).unwrap();
    assert_eq!(names(&layout), ["a", "b"]);
    assert_eq!(layout.segments.len(), 4);
    let odd = r#"{"a/b%\ud83d\ude00":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
    let layout = check("escapes", &json(odd), &Split(1)).unwrap();
    assert_eq!(names(&layout), ["a%2Fb%25😀"]);
    assert_eq!(layout.storages[0].name, "a%2Fb%25😀");
}

#[test]
fn large_headers() {
    let start = Instant::now();
    let nested = format!(r#"{{"a":{}"#, "[".repeat(50_000_000));
    check("nested lists", &json(&nested), &Opaque("no '{'"));
    let axes = format!(r#"{{"a":{{"shape":[{}1]}}}}"#, "1,".repeat(1_000_000));
    check(
        "a million axes",
        &json(&axes),
        &Opaque("list that is too long"),
    );
    let many: Vec<String> = (0..200_000)
        .map(|i| {
            format!(
                r#""{i}":{{"dtype":"U8","shape":[1],"data_offsets":[{i},{}]}}"#,
                i + 1
            )
        })
        .collect();
    let bytes = file(format!("{{{}}}", many.join(",")).as_bytes(), 200_000);
    check("many tensors", &bytes, &Split(200_000));
    took_less(start, 10);
}
