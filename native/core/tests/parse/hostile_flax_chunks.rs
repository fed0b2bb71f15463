//! Arrays that Flax has cut into chunks, as Flax does not cut them: hostile case 74.

use git_theta_core::layout::Values;
use git_theta_core::values;

use super::build::{Opaque, Split, check};
use super::flax_build::{array, chunked, list, map};

#[test]
fn chunks() {
    let a = |len: u8| array(&[len], "uint8", len.into());
    let with = |index: usize, value: Vec<u8>| {
        let mut entries = chunked();
        entries[index].1 = value;
        map(&[("w", map(&entries))])
    };
    let without = |index: usize| {
        let mut entries = chunked();
        entries.remove(index);
        map(&[("w", map(&entries)), ("v", a(1))])
    };
    let more = [chunked(), vec![("x", vec![1])]].concat();
    let ten: Vec<String> = (0..10).map(|i| i.to_string()).collect();
    let ten: Vec<(&str, Vec<u8>)> = ten.iter().map(|key| (key.as_str(), a(1))).collect();
    let axes: Vec<String> = (0..65).map(|i| i.to_string()).collect();
    let axes: Vec<_> = axes.iter().map(|key| (key.as_str(), vec![1])).collect();
    let reversed: Vec<_> = chunked().into_iter().rev().collect();
    for (case, bytes, expected) in [
        ("two", map(&[("w", map(&chunked()))]), Split(2)),
        ("whole file", map(&chunked()), Split(2)),
        ("in another order", map(&[("w", map(&reversed))]), Split(2)),
        (
            "chunks in another order",
            with(2, map(&[("1", a(2)), ("0", a(4))])),
            Split(2),
        ),
        (
            "shape in another order",
            with(1, map(&[("1", vec![3]), ("0", vec![2])])),
            Split(2),
        ),
        ("mark that is false", with(0, vec![0xC2]), Split(2)),
        ("no mark", without(0), Split(3)),
        ("no shape", without(1), Opaque("without a shape")),
        ("no chunks", without(2), Opaque("something else")),
        (
            "something else",
            map(&[("w", map(&more))]),
            Opaque("something else"),
        ),
        (
            "chunk 1 missing",
            with(2, map(&[("0", a(4)), ("2", a(2))])),
            Opaque("one is missing"),
        ),
        (
            "chunk 01",
            with(2, map(&[("0", a(4)), ("01", a(2))])),
            Opaque("one is missing"),
        ),
        (
            "chunk that is a number",
            with(2, map(&[("0", a(6)), ("1", vec![1])])),
            Opaque("something else"),
        ),
        (
            "chunk in a map",
            with(2, map(&[("0", a(6)), ("1", map(&[]))])),
            Opaque("something else"),
        ),
        ("no chunk", with(2, map(&[])), Opaque("one is missing")),
        ("chunks in a list", with(2, list(&[a(4), a(2)])), Split(2)),
        (
            "chunk of two axes",
            with(2, map(&[("0", array(&[2, 2], "uint8", 4)), ("1", a(2))])),
            Opaque("chunks do not fit"),
        ),
        (
            "chunks of two types",
            with(2, map(&[("0", a(4)), ("1", array(&[2], "int8", 2))])),
            Opaque("chunks do not fit"),
        ),
        (
            "too many elements",
            with(1, map(&[("0", vec![7])])),
            Opaque("chunks do not fit"),
        ),
        (
            "too few elements",
            with(1, map(&[("0", vec![5])])),
            Opaque("chunks do not fit"),
        ),
        (
            "shape that is a list",
            with(1, list(&[vec![6]])),
            Opaque("no map"),
        ),
        (
            "axis missing",
            with(1, map(&[("0", vec![6]), ("2", vec![1])])),
            Opaque("axis is missing"),
        ),
        (
            "axis that is negative",
            with(1, map(&[("0", vec![0xFF])])),
            Opaque("no dimension"),
        ),
        ("65 axes", with(1, map(&axes)), Opaque("too many axes")),
        (
            "in a list, where Flax does not look",
            map(&[("l", list(&[map(&chunked())]))]),
            Split(2),
        ),
        (
            "chunks of chunks",
            with(2, map(&[("0", map(&chunked()))])),
            Opaque("something else"),
        ),
        (
            "ten",
            with(1, map(&[("0", vec![10])])),
            Opaque("chunks do not fit"),
        ),
        (
            "ten chunks",
            {
                let mut entries = chunked();
                entries[1].1 = map(&[("0", vec![10])]);
                entries[2].1 = map(&ten);
                map(&[("w", map(&entries))])
            },
            Split(10),
        ),
    ] {
        check(case, &bytes, &expected);
    }
    for (name, reordered) in [
        ("w", with(2, map(&[("1", a(2)), ("0", a(4))]))),
        ("", map(&chunked())),
    ] {
        let layout = check(name, &reordered, &Split(2)).unwrap();
        let [listed] = &layout.listed[..] else {
            panic!("{layout:?}");
        };
        assert_eq!(
            (listed.name.as_str(), listed.dtype.as_str()),
            (name, "uint8")
        );
        assert_eq!(listed.shape, [2, 3]);
        let Values::Parts(parts, packed) = &listed.values else {
            panic!("{listed:?}");
        };
        let prefix = if name.is_empty() { "" } else { "w/" };
        assert_eq!(
            *parts,
            [format!("{prefix}chunks/0"), format!("{prefix}chunks/1")]
        );
        let read = values::read(&reordered, packed, 100).unwrap();
        assert_eq!(read, [1, 2, 3, 4, 1, 2]);
    }
    let unknown = with(
        2,
        map(&[("0", array(&[4], "int4", 4)), ("1", array(&[2], "int4", 2))]),
    );
    let layout = check("unknown type", &unknown, &Split(2)).unwrap();
    let listed: Vec<_> = layout
        .listed
        .iter()
        .map(|l| (l.name.as_str(), l.dtype.as_str()))
        .collect();
    assert_eq!(
        listed,
        [
            ("w", "int4"),
            ("w/chunks/0", "int4"),
            ("w/chunks/1", "int4")
        ]
    );
    let plain = check(
        "in a list",
        &map(&[("l", list(&[map(&chunked())]))]),
        &Split(2),
    )
    .unwrap();
    assert!(plain.listed.is_empty());
}
