//! HDF5 files that h5py does not write: hostile case 75.

use std::io::Write;
use std::time::Instant;

use git_theta_core::bytes::Limits;
use git_theta_core::format::describe;
use git_theta_core::layout::{Bytes, Packed, Values};
use git_theta_core::values;
use serde_json::json;

use super::build::{Expect, Opaque, Split, check, names, other_zip, put, took_less};
use super::damage::split_cuts;
use super::fixtures::{bytes as fixture, layout};
use super::hdf5_build::{
    CONTINUATION, DATASPACE, DATATYPE, FILTERS, Hdf5, LAYOUT, SYMBOL_TABLE, UNDEFINED, chunked,
    contiguous, dataspace, float32, key, lookup3, words,
};

/// A file of one object, which is made from an empty file.
fn with(make: impl FnOnce(&mut Hdf5) -> u64) -> Vec<u8> {
    let mut file = Hdf5::new();
    let object = make(&mut file);
    file.finish_with(object)
}

/// A file whose root group is made.
fn rooted(make: impl FnOnce(&mut Hdf5) -> u64) -> Vec<u8> {
    let mut file = Hdf5::new();
    let root = make(&mut file);
    file.finish(root)
}

fn check_all(cases: Vec<(&str, Vec<u8>, Expect)>) {
    for (case, bytes, expect) in cases {
        check(case, &bytes, &expect);
    }
}

#[test]
fn superblocks() {
    let good = with(Hdf5::plain);
    let end = good.len() as u64;
    let latest = fixture("keras/latest.h5");
    let resummed = |at: usize, new: &[u8]| {
        let changed = put(&latest, at, new);
        let sum = lookup3(&changed[..44]);
        put(&changed, 44, &sum.to_le_bytes())
    };
    let after = |skip: usize| {
        [
            &vec![0x55; skip],
            &put(&good, 24, &words(&[skip as u64]))[..],
        ]
        .concat()
    };
    let shifted = |skip: usize| {
        // The end counts from the start of the file.
        put(&after(skip), skip + 40, &words(&[end + skip as u64]))
    };
    check_all(vec![
        ("good", good.clone(), Split(1)),
        ("bytes behind", [&good[..], b"behind"].concat(), Split(1)),
        ("user block of 512", shifted(512), Split(1)),
        ("user block of 1024", shifted(1024), Split(1)),
        ("user block of 4096", shifted(4096), Split(1)),
        ("user block of 2^20", shifted(1 << 20), Split(1)),
        ("user block of 100", shifted(100), Opaque("no known")),
        ("user block of 1536", shifted(1536), Opaque("no known")),
        (
            "end without the user block",
            after(512),
            Opaque("outside the file"),
        ),
        (
            "base elsewhere",
            put(&shifted(512), 512 + 24, &words(&[0])),
            Opaque("base address"),
        ),
        (
            "base 2^64 - 1",
            put(&good, 24, &words(&[u64::MAX])),
            Opaque("base address"),
        ),
        (
            "in a tar archive",
            put(&shifted(512), 257, b"ustar"),
            Opaque("tar archive"),
        ),
        ("signature alone", good[..8].to_vec(), Opaque("ends early")),
        ("version 4", put(&good, 8, &[4]), Opaque("version 4")),
        (
            "root group of version 1",
            put(&good, 10, &[1]),
            Opaque("unknown version"),
        ),
        (
            "addresses of 4 bytes",
            put(&good, 13, &[4]),
            Opaque("8 bytes"),
        ),
        (
            "lengths of 0 bytes",
            put(&good, 14, &[0]),
            Opaque("8 bytes"),
        ),
        (
            "end behind",
            put(&good, 40, &words(&[end + 1])),
            Opaque("truncated"),
        ),
        (
            "end 2^64 - 1",
            put(&good, 40, &words(&[u64::MAX])),
            Opaque("truncated"),
        ),
        (
            "end too early",
            put(&good, 40, &words(&[200])),
            Opaque("outside the file"),
        ),
        ("driver", put(&good, 48, &words(&[96])), Opaque("driver")),
        (
            "root nowhere",
            put(&good, 64, &words(&[UNDEFINED])),
            Opaque("outside the file"),
        ),
        (
            "root in the superblock",
            put(&good, 64, &words(&[0])),
            Opaque("unknown version"),
        ),
        ("latest", latest.clone(), Split(3)),
        (
            "wrong checksum",
            put(&latest, 44, &[0; 4]),
            Opaque("superblock: wrong checksum"),
        ),
        ("not closed", resummed(11, &[1]), Opaque("not closed")),
        (
            "extension outside",
            resummed(20, &words(&[1 << 40])),
            Opaque("outside the file"),
        ),
        (
            "extension is the root group",
            resummed(20, &words(&[48])),
            Opaque("extension with a message"),
        ),
    ]);
}

#[test]
fn groups() {
    let tree = |make: &dyn Fn(&mut Hdf5, u64) -> (u64, u64)| {
        rooted(|f| {
            let dataset = f.plain();
            let table = make(f, dataset);
            f.object(&[(SYMBOL_TABLE, words(&[table.0, table.1]))])
        })
    };
    let named = |data: &[u8], entries: &[(u64, u32)]| {
        let (data, entries) = (data.to_vec(), entries.to_vec());
        tree(&move |f, dataset| {
            let heap = f.heap(&data);
            let entries: Vec<_> = entries
                .iter()
                .map(|&(at, kind)| (at, dataset, kind))
                .collect();
            let node = f.symbols(&entries);
            (f.node(0, 0, &[(vec![0; 8], node)]), heap)
        })
    };
    let many = rooted(|f| {
        let names: Vec<String> = (0..600).map(|i| format!("{i:03}")).collect();
        let links: Vec<_> = names.iter().map(|name| (&name[..], f.plain())).collect();
        f.group(&links)
    });
    check_all(vec![
        ("empty", rooted(|f| f.group(&[])), Split(0)),
        ("two levels", many, Split(600)),
        (
            "root is a dataset",
            rooted(Hdf5::plain),
            Opaque("no root group"),
        ),
        (
            "the group itself",
            rooted(|f| {
                // The header is 40 bytes long and comes last.
                let table = f.table(&[("again", 0)]);
                let at = f.at();
                let node = f.bytes.windows(4).position(|w| w == b"SNOD").unwrap();
                f.bytes[node + 16..][..8].copy_from_slice(&words(&[at]));
                f.object(&[(SYMBOL_TABLE, table)])
            }),
            Opaque("two names: again"),
        ),
        (
            "a group of two names",
            rooted(|f| {
                let dataset = f.plain();
                let inner = f.group(&[("w", dataset)]);
                f.group(&[("a", inner), ("b", inner)])
            }),
            Opaque("a group has two names"),
        ),
        (
            "two groups of one table",
            rooted(|f| {
                let dataset = f.plain();
                let table = f.table(&[("w", dataset)]);
                let groups = [0; 2].map(|_| f.object(&[(SYMBOL_TABLE, table.clone())]));
                f.group(&[("a", groups[0]), ("b", groups[1])])
            }),
            Opaque("overlaps"),
        ),
        (
            "a node that is its own child",
            tree(&|f, _| {
                let heap = f.heap(&[0; 8]);
                let at = f.at();
                (f.node(0, 1, &[(vec![0; 8], at)]), heap)
            }),
            Opaque("wrong level"),
        ),
        (
            "a node twice",
            tree(&|f, _| {
                let heap = f.heap(&[0; 8]);
                let leaf = f.node(0, 0, &[]);
                let entry = (vec![0; 8], leaf);
                (f.node(0, 1, &[entry.clone(), entry]), heap)
            }),
            Opaque("overlaps"),
        ),
        (
            "a tree over chunks",
            tree(&|f, _| {
                let heap = f.heap(&[0; 8]);
                (f.node(1, 0, &[]), heap)
            }),
            Opaque("signature or type"),
        ),
        (
            "tree nowhere",
            tree(&|f, _| (UNDEFINED, f.heap(&[0; 8]))),
            Opaque("outside the file"),
        ),
        (
            "more entries than bytes",
            tree(&|f, _| {
                let heap = f.heap(&[0; 8]);
                let node = f.node(0, 0, &[]);
                f.bytes[node as usize + 6..][..2].copy_from_slice(&[0xFF; 2]);
                (node, heap)
            }),
            Opaque("outside the file"),
        ),
        (
            "heap outside",
            tree(&|f, _| (f.node(0, 0, &[]), 1 << 60)),
            Opaque("outside the file"),
        ),
        (
            "heap's data outside",
            tree(&|f, _| {
                let heap = f.put(&[b"HEAP\0\0\0\0", &words(&[8, 0, 1 << 40])[..]].concat());
                (f.node(0, 0, &[]), heap)
            }),
            Opaque("outside the file"),
        ),
        (
            "heap's data of 2^64 - 1 bytes",
            tree(&|f, _| {
                let heap = f.put(&[b"HEAP\0\0\0\0", &words(&[u64::MAX, 0, 96])[..]].concat());
                (f.node(0, 0, &[]), heap)
            }),
            Opaque("bytes of metadata"),
        ),
        ("a name", named(b"w\0", &[(0, 0)]), Split(1)),
        (
            "name outside",
            named(b"w\0", &[(99, 0)]),
            Opaque("outside the local heap"),
        ),
        (
            "name at 2^64 - 1",
            named(b"w\0", &[(u64::MAX, 0)]),
            Opaque("outside"),
        ),
        (
            "name without an end",
            named(b"w", &[(0, 0)]),
            Opaque("without an end"),
        ),
        ("no name", named(b"w\0", &[(1, 0)]), Opaque("empty name")),
        ("dots", named(b"..\0", &[(0, 0)]), Opaque("dots")),
        ("separator", named(b"a/b\0", &[(0, 0)]), Opaque("separator")),
        (
            "not UTF-8",
            named(b"\xff\0", &[(0, 0)]),
            Opaque("not UTF-8"),
        ),
        ("escaped", named(b"a%b\0", &[(0, 0)]), Split(1)),
        (
            "name twice",
            named(b"w\0", &[(0, 0), (0, 0)]),
            Opaque("twice or out of order"),
        ),
        (
            "out of order",
            named(b"b\0a\0", &[(0, 0), (2, 0)]),
            Opaque("out of order"),
        ),
        (
            "two names of a dataset",
            named(b"a\0b\0", &[(0, 0), (2, 1)]),
            Split(2),
        ),
        ("soft link", named(b"a\0b\0", &[(0, 0), (2, 2)]), Split(1)),
        (
            "unknown entry",
            named(b"a\0", &[(0, 9)]),
            Opaque("type of entry"),
        ),
    ]);
}

#[test]
fn links() {
    let link = |flags: u8, rest: &[u8]| [&[1, flags], rest].concat();
    let linked = |links: Vec<Vec<u8>>| {
        rooted(|f| {
            f.plain();
            let messages: Vec<_> = links.into_iter().map(|link| (0x06, link)).collect();
            f.new_object(&messages)
        })
    };
    // The dataset follows its 16 bytes of values behind the superblock.
    let to_dataset = words(&[112]);
    let hard = |name: u8| link(0, &[&[1, name][..], &to_dataset].concat());
    check_all(vec![
        ("hard", linked(vec![hard(b'w')]), Split(1)),
        ("any order", linked(vec![hard(b'w'), hard(b'a')]), Split(2)),
        (
            "name twice",
            linked(vec![hard(b'w'), hard(b'w')]),
            Opaque("twice"),
        ),
        (
            "soft",
            linked(vec![link(8, b"\x01\x01w\x02\0/x")]),
            Split(0),
        ),
        (
            "external",
            linked(vec![link(8, b"\x40\x01w\x05\0\0f\0/x")]),
            Split(0),
        ),
        ("unknown", linked(vec![link(8, b"\x41\x01w")]), Split(0)),
        (
            "version 2",
            linked(vec![b"\x02\0\x01w".to_vec()]),
            Opaque("unknown version"),
        ),
        (
            "flags",
            linked(vec![link(0x20, b"\x01w")]),
            Opaque("unknown flags"),
        ),
        (
            "name of 2^64 - 1 bytes",
            linked(vec![link(3, &[0xFF; 20])]),
            Opaque("ends early"),
        ),
        (
            "to the group itself",
            rooted(|f| {
                let at = f.at();
                f.new_object(&[(0x06, link(0, &[b"\x01w", &words(&[at])[..]].concat()))])
            }),
            Opaque("two names"),
        ),
        (
            "dense",
            rooted(|f| f.new_object(&[(0x02, [&[0, 0][..], &words(&[96, 96])].concat())])),
            Opaque("fractal heap"),
        ),
        (
            "table and links",
            rooted(|f| {
                let table = f.table(&[]);
                f.object(&[(SYMBOL_TABLE, table), (0x06, hard(b'w'))])
            }),
            Opaque("a symbol table and other links"),
        ),
        (
            "damaged header",
            put(&fixture("keras/latest.h5"), 60, &[9]),
            Opaque("object header: wrong checksum"),
        ),
    ]);
}

#[test]
fn object_headers() {
    let parts = |values: u64| {
        [
            (DATASPACE, dataspace(&[4])),
            (DATATYPE, float32()),
            (LAYOUT, contiguous(values, 16)),
        ]
    };
    let made = |make: &dyn Fn(&mut Hdf5, u64) -> u64| {
        with(|f| {
            let values = f.put(&[7; 16]);
            make(f, values)
        })
    };
    check_all(vec![
        (
            "continued",
            made(&|f, values| {
                let [space, rest @ ..] = parts(values);
                let rest = Hdf5::messages(&rest);
                let at = f.put(&rest);
                let more = (CONTINUATION, words(&[at, rest.len() as u64]));
                f.object_of(4, &[space, more])
            }),
            Split(1),
        ),
        (
            "continued by itself",
            made(&|f, _| {
                let at = f.at();
                f.object(&[(CONTINUATION, words(&[at, 40]))])
            }),
            Opaque("overlaps"),
        ),
        (
            "continued outside",
            made(&|f, _| f.object(&[(CONTINUATION, words(&[1 << 50, 16]))])),
            Opaque("outside the file"),
        ),
        (
            "continued by 2^64 - 1 bytes",
            made(&|f, _| f.object(&[(CONTINUATION, words(&[96, u64::MAX]))])),
            Opaque("bytes of metadata"),
        ),
        (
            "more messages than stated",
            made(&|f, values| f.object_of(2, &parts(values))),
            Opaque("number of messages"),
        ),
        (
            "fewer messages than stated",
            made(&|f, values| f.object_of(0xFFFF, &parts(values))),
            Opaque("number of messages"),
        ),
        (
            "a message too long",
            made(&|f, values| {
                let at = f.object(&parts(values));
                f.bytes[at as usize + 18..][..2].copy_from_slice(&[0xFF; 2]);
                at
            }),
            Opaque("ends early"),
        ),
        (
            "version 3",
            made(&|f, _| f.put(&[3; 40])),
            Opaque("unknown version"),
        ),
        (
            "two layouts",
            made(&|f, values| f.object(&[parts(values).to_vec(), parts(values).to_vec()].concat())),
            Opaque("two messages of type"),
        ),
        (
            "no shape",
            made(&|f, values| f.object(&parts(values)[1..])),
            Opaque("without a type or a shape"),
        ),
        (
            "nothing",
            made(&|f, _| f.object(&[])),
            Opaque("neither group nor dataset"),
        ),
        (
            "a type",
            made(&|f, _| f.object(&[(DATATYPE, float32())])),
            Split(0),
        ),
    ]);
}

#[test]
fn datasets() {
    let dataset = |shape: &[u64], len: u64| {
        with(|f| {
            let values = f.put(&[7; 16]);
            f.dataset(shape, contiguous(values, len))
        })
    };
    let laid = |layout: Vec<u8>| with(|f| f.dataset(&[4], layout));
    let typed = |datatype: &[u8]| {
        with(|f| {
            let values = f.put(&[7; 16]);
            let layout = contiguous(values, 16);
            f.object(&[
                (DATASPACE, dataspace(&[4])),
                (DATATYPE, datatype.to_vec()),
                (LAYOUT, layout),
            ])
        })
    };
    let spaced = |space: Vec<u8>| {
        with(|f| {
            let layout = contiguous(UNDEFINED, 0);
            f.object(&[(DATASPACE, space), (DATATYPE, float32()), (LAYOUT, layout)])
        })
    };
    let extents =
        |n: u8| spaced([&[1, n, 0, 0, 0, 0, 0, 0][..], &vec![1; 8 * usize::from(n)]].concat());
    check_all(vec![
        ("matrix", dataset(&[2, 2], 16), Split(1)),
        (
            "scalar",
            with(|f| {
                let values = f.put(&[7; 4]);
                f.dataset(&[], contiguous(values, 4))
            }),
            Split(1),
        ),
        (
            "empty",
            dataset(&[0, 1 << 53], 0),
            Opaque("shape too large"),
        ),
        ("empty, 2^53 - 1", dataset(&[0, (1 << 53) - 1], 0), Split(1)),
        (
            "too long",
            dataset(&[3], 16),
            Opaque("length of the values"),
        ),
        (
            "too short",
            dataset(&[5], 16),
            Opaque("length of the values"),
        ),
        ("2^53", dataset(&[1 << 53], 16), Opaque("shape too large")),
        (
            "product overflow",
            dataset(&[1 << 32, 1 << 32, 4], 16),
            Opaque("shape too large"),
        ),
        ("32 axes", dataset(&[1; 32], 4), Split(1)),
        ("33 axes", dataset(&[1; 33], 4), Opaque("33 axes")),
        ("255 axes", extents(255), Opaque("255 axes")),
        (
            "permuted",
            spaced(vec![1, 0, 2, 0, 0, 0, 0, 0]),
            Opaque("permuted"),
        ),
        (
            "shape of version 3",
            spaced(vec![3, 0, 0, 0]),
            Opaque("unknown version"),
        ),
        ("null", spaced(vec![2, 0, 0, 2]), Split(0)),
        (
            "scalar of version 2 with axes",
            spaced(vec![2, 1, 0, 0]),
            Opaque("unknown type"),
        ),
        (
            "outside",
            laid(contiguous(1 << 40, 16)),
            Opaque("outside the file"),
        ),
        (
            "at 2^64 - 8",
            laid(contiguous(u64::MAX - 7, 16)),
            Opaque("outside the file"),
        ),
        ("nowhere", laid(contiguous(UNDEFINED, 0)), Split(0)),
        (
            "over the superblock",
            laid(contiguous(0, 16)),
            Opaque("overlaps"),
        ),
        (
            "over its own header",
            laid(contiguous(104, 16)),
            Opaque("overlaps"),
        ),
        (
            "compact",
            laid([&[3, 0, 16, 0][..], &[7; 16]].concat()),
            Split(0),
        ),
        (
            "compact, short",
            laid([&[3, 0, 12, 0][..], &[7; 16]].concat()),
            Opaque("length"),
        ),
        ("layout of version 1", laid(vec![1, 1, 1]), Split(0)),
        (
            "layout of version 6",
            laid(vec![6, 1]),
            Opaque("unknown layout"),
        ),
        ("virtual", laid(vec![4, 3]), Split(0)),
        (
            "chunks of version 4",
            laid(vec![4, 2]),
            Opaque("chunk index of layout version 4"),
        ),
        (
            "the same bytes twice",
            rooted(|f| {
                let values = f.put(&[7; 16]);
                let both = [0; 2].map(|_| f.dataset(&[4], contiguous(values, 16)));
                f.group(&[("a", both[0]), ("b", both[1])])
            }),
            Opaque("overlaps"),
        ),
        (
            "type of version 0",
            typed(&[0x01; 20]),
            Opaque("unknown version"),
        ),
        (
            "type of no bytes",
            typed(b"\x10\0\0\0\0\0\0\0\0\0\0\0"),
            Opaque("without bytes"),
        ),
        (
            "integers of 3 bytes",
            typed(b"\x10\x08\0\0\x03\0\0\0\0\0\x18\0"),
            Split(0),
        ),
        (
            "12 bits of 16",
            typed(b"\x10\x08\0\0\x02\0\0\0\0\0\x0c\0"),
            Split(0),
        ),
        (
            "2^32 - 1 members",
            typed(b"\x16\xff\xff\xff\x08\0\0\0"),
            Split(0),
        ),
        (
            "compound without members",
            typed(b"\x16\x02\0\0\x08\0\0\0"),
            Opaque("ends early"),
        ),
        (
            "type of an unknown class",
            typed(b"\x1f\0\0\0\x08\0\0\0"),
            Split(0),
        ),
    ]);
}

#[test]
fn chunks() {
    type Make<'a> = &'a dyn Fn(&mut Hdf5, u64) -> u64;
    // 5 numbers in chunks of 4; the tree gets the address of 48 bytes.
    let tree = |make: Make<'_>| {
        with(|f| {
            let values = f.put(&[7; 48]);
            let tree = make(f, values);
            f.dataset(&[5], chunked(tree, &[4, 4]))
        })
    };
    let one = |key: Vec<u8>| tree(&move |f, values| f.node(1, 0, &[(key.clone(), values)]));
    let extents = |extents: &[u32]| with(|f| f.dataset(&[5], chunked(UNDEFINED, extents)));
    let first = key(16, &[0, 0]);
    let second = key(16, &[4, 0]);
    let cases = vec![
        (
            "two",
            tree(&|f, v| f.node(1, 0, &[(first.clone(), v), (second.clone(), v + 16)])),
            Split(2),
        ),
        ("the first alone", one(first.clone()), Split(1)),
        ("none", tree(&|f, _| f.node(1, 0, &[])), Split(0)),
        ("no tree", extents(&[4, 4]), Split(0)),
        ("larger than the dataset", extents(&[100, 4]), Split(0)),
        (
            "extent 0",
            extents(&[0, 4]),
            Opaque("extents of the chunks"),
        ),
        ("2^32 - 1 numbers", extents(&[u32::MAX, 4]), Split(0)),
        (
            "elements of another size",
            extents(&[4, 8]),
            Opaque("extents of the chunks"),
        ),
        (
            "one axis more",
            extents(&[4, 4, 4]),
            Opaque("number of axes"),
        ),
        ("one axis less", extents(&[4]), Opaque("number of axes")),
        (
            "255 axes",
            with(|f| f.dataset(&[5], [&[3, 2, 255][..], &[1; 2000]].concat())),
            Opaque("number of axes"),
        ),
        (
            "product overflow",
            with(|f| f.dataset(&[1; 8], chunked(UNDEFINED, &[u32::MAX; 9]))),
            Opaque("extents of the chunks"),
        ),
        (
            "chunked scalar",
            with(|f| f.dataset(&[], chunked(UNDEFINED, &[4]))),
            Opaque("number of axes"),
        ),
        (
            "beyond the end",
            one(key(16, &[8, 0])),
            Opaque("outside the grid"),
        ),
        (
            "at 2^64 - 4",
            one(key(16, &[u64::MAX - 3, 0])),
            Opaque("outside the grid"),
        ),
        (
            "between the places",
            one(key(16, &[2, 0])),
            Opaque("outside the grid"),
        ),
        (
            "inside an element",
            one(key(16, &[0, 1])),
            Opaque("inside an element"),
        ),
        ("short", one(key(12, &[0, 0])), Opaque("length of a chunk")),
        (
            "of 4 GiB",
            one(key(u32::MAX, &[0, 0])),
            Opaque("length of a chunk"),
        ),
        (
            "outside the file",
            tree(&|f, _| f.node(1, 0, &[(first.clone(), 1 << 40)])),
            Opaque("chunk at address 1099511627776 is outside"),
        ),
        (
            "twice",
            tree(&|f, v| f.node(1, 0, &[(first.clone(), v), (first.clone(), v + 16)])),
            Opaque("chunk twice"),
        ),
        (
            "out of order",
            tree(&|f, v| f.node(1, 0, &[(second.clone(), v), (first.clone(), v + 16)])),
            Opaque("out of order"),
        ),
        (
            "overlapping",
            tree(&|f, v| f.node(1, 0, &[(first.clone(), v), (second.clone(), v + 8)])),
            Opaque("overlaps"),
        ),
        (
            "a tree in a loop",
            tree(&|f, _| {
                let at = f.at();
                f.node(1, 255, &[(first.clone(), at)])
            }),
            Opaque("wrong level"),
        ),
        (
            "a leaf many times",
            tree(&|f, v| {
                let leaf = f.node(1, 0, &[(first.clone(), v)]);
                f.node(1, 1, &vec![(first.clone(), leaf); 1000])
            }),
            Opaque("overlaps"),
        ),
        (
            "a tree of two datasets",
            rooted(|f| {
                let values = f.put(&[7; 16]);
                let tree = f.node(1, 0, &[(first.clone(), values)]);
                let both = [0; 2].map(|_| f.dataset(&[5], chunked(tree, &[4, 4])));
                f.group(&[("a", both[0]), ("b", both[1])])
            }),
            Opaque("overlaps"),
        ),
    ];
    check_all(cases);
}

fn packed(bytes: &[u8]) -> Packed {
    match layout(bytes).listed.pop().unwrap().values {
        Values::Packed(packed) | Values::Parts(_, packed) => packed,
        other => panic!("{other:?}"),
    }
}

/// Values are decoded within bounds, whatever the file states.
#[test]
fn bombs() {
    let huge = with(|f| f.dataset(&[1 << 50], chunked(UNDEFINED, &[1, 4])));
    assert!(values::read(&huge, &packed(&huge), 1 << 20).is_err());
    let large_chunk = with(|f| f.dataset(&[5], chunked(UNDEFINED, &[u32::MAX, 4])));
    assert!(values::read(&large_chunk, &packed(&large_chunk), 1 << 20).is_err());

    // 64 MiB of zeros for a chunk of 16 bytes.
    let mut stream = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    stream.write_all(&vec![0; 64 << 20]).unwrap();
    let stream = stream.finish().unwrap();
    let filtered = |pipeline: &[u8], stored: &[u8]| {
        with(|f| {
            let at = f.put(stored);
            let tree = f.node(
                1,
                0,
                &[(key(u32::try_from(stored.len()).unwrap(), &[0, 0]), at)],
            );
            f.object(&[
                (DATASPACE, dataspace(&[4])),
                (DATATYPE, float32()),
                (FILTERS, pipeline.to_vec()),
                (LAYOUT, chunked(tree, &[4, 4])),
            ])
        })
    };
    let fails = |bytes: &[u8]| {
        let packed = packed(bytes);
        assert!(matches!(packed.bytes, Bytes::Chunks(_)));
        values::read(&bytes, &packed, 1 << 20).is_err()
    };
    let zlib = b"\x02\x01\x01\0\0\0\0\0";
    assert!(fails(&filtered(zlib, &stream)));
    assert!(fails(&filtered(zlib, &[0; 16])));
    assert!(fails(&filtered(zlib, b"\x78\x9c\x03\0\0\0\0\x01")));
    // Shuffled elements of 2^32 - 1 bytes: nothing moves.
    let shuffle = b"\x02\x01\x02\0\0\0\x01\0\xff\xff\xff\xff";
    let read = |bytes: &[u8]| values::read(&bytes, &packed(bytes), 1 << 20).unwrap();
    assert_eq!(read(&filtered(shuffle, &[7; 16])), [7; 16]);
    let fletcher = b"\x02\x01\x03\0\0\0\0\0";
    assert!(fails(&filtered(fletcher, &[7; 20])));
    assert!(fails(&filtered(fletcher, &[7; 3])));
    check_all(vec![
        (
            "33 filters",
            filtered(&[2, 33], &[7; 16]),
            Opaque("more than 32 filters"),
        ),
        (
            "pipeline of version 3",
            filtered(&[3, 1], &[7; 16]),
            Opaque("unknown version"),
        ),
        (
            "shuffled elements without bytes",
            filtered(b"\x02\x01\x02\0\0\0\0\0", &[7; 16]),
            Opaque("without bytes"),
        ),
        (
            "65,535 values of a filter",
            filtered(b"\x02\x01\x01\0\0\0\xff\xff", &[7; 16]),
            Opaque("ends early"),
        ),
        ("no bytes", filtered(zlib, &[]), Opaque("length of a chunk")),
    ]);
}

#[test]
fn every_truncation() {
    for name in [
        "keras/userblock.h5",
        "keras/latest.h5",
        "keras/chunk_tree.h5",
    ] {
        // The library may leave unused bytes behind the end that it states.
        assert_eq!(split_cuts(&fixture(name)), [0; 0], "{name}");
    }
}

#[test]
fn deep_and_wide() {
    let start = Instant::now();
    let mut file = Hdf5::new();
    let mut inner = file.plain();
    for _ in 0..30_000 {
        inner = file.group(&[("g", inner)]);
    }
    let deep = file.finish(inner);
    check("groups in each other", &deep, &Opaque("names of more than"));
    let wide = rooted(|f| {
        let names: Vec<String> = (0..8000).map(|i| format!("{i:05}")).collect();
        let links: Vec<_> = names.iter().map(|name| (&name[..], f.plain())).collect();
        f.group(&links)
    });
    check("many datasets", &wide, &Split(8000));
    // A dataset of 1,000 chunks under 2,000 names.
    let product = rooted(|f| {
        let chunks: Vec<_> = (0..1000)
            .map(|i| (key(4, &[i, 0]), f.put(&[7; 4])))
            .collect();
        let tree = f.node(1, 0, &chunks);
        let dataset = f.dataset(&[1000], chunked(tree, &[1, 4]));
        let names: Vec<String> = (0..2000).map(|i| format!("{i:05}")).collect();
        let links: Vec<_> = names.iter().map(|name| (&name[..], dataset)).collect();
        f.group(&links)
    });
    check("many names of many chunks", &product, &Opaque("tensors"));
    took_less(start, 10);
}

#[test]
fn facts() {
    let of = |name: &str| describe(&fixture(name), &Limits::default()).unwrap();
    let types = of("keras/types.h5");
    assert_eq!(types.writer.as_deref(), Some("Keras 3.15.1"));
    let big = format!("{}…", "x".repeat(200));
    let wanted = json!({"attributes": {
        "big": big, "fixed": "abc", "keras_version": "3.15.1", "layer_names": ["a", "b"],
        "rate": 0.5, "steps": -3,
    }});
    assert_eq!(types.objects, wanted);
    let other = of("keras/other.h5").objects;
    let links = json!({"links/external": "link to another file", "links/soft": "soft link"});
    assert_eq!(other, json!({ "notFollowed": links }));
    let legacy = of("keras/legacy.h5");
    assert_eq!(legacy.writer.as_deref(), Some("Keras 3.15.1"));
    let config = legacy.objects["attributes"]["model_config"]
        .as_str()
        .unwrap();
    assert!(config.starts_with("{\"class_name\": \"Sequential\""));

    let archive = of("keras/model.keras");
    assert_eq!(archive.writer.as_deref(), Some("Keras 3.15.1"));
    let config = &archive.objects["config.json"];
    assert_eq!(config["class"], "Sequential");
    assert_eq!(
        config["layers"],
        json!(["input_layer: InputLayer", "d1: Dense", "d2: Dense"])
    );
}

#[test]
fn unread_datasets_have_a_reason() {
    let layout = layout(&fixture("keras/other.h5"));
    let listed = layout.listed.iter().map(|listed| match listed.values {
        Values::Unread(why) => (&listed.name[..], &listed.dtype[..], &listed.shape[..], why),
        _ => panic!("{listed:?}"),
    });
    let elsewhere = "its values are in another file";
    let wanted: &[(&str, &str, &[u64], &str)] = &[
        (
            "big_endian",
            "float32, big-endian",
            &[4],
            "the values are big-endian",
        ),
        (
            "big_endian_int",
            "int16, big-endian",
            &[4],
            "the values are big-endian",
        ),
        (
            "committed",
            "committed type",
            &[2],
            "its type is another object",
        ),
        ("compound", "compound", &[2], "compounds are not numbers"),
        ("elsewhere", "float32", &[2], elsewhere),
        (
            "enumeration",
            "enumeration",
            &[2],
            "enumerations are not numbers",
        ),
        ("fixed_string", "string", &[2], "strings are not numbers"),
        ("lzf", "float64", &[9], "compressed by LZF"),
        ("null", "null", &[], "it has no values"),
        ("opaque", "opaque", &[2], "opaque bytes are not numbers"),
        ("scaled", "int64", &[9], "packed by the filter Scale-Offset"),
        (
            "sequences",
            "sequence",
            &[2],
            "sequences of variable length are not tensors",
        ),
        ("string", "string", &[], "strings are not numbers"),
        (
            "virtual",
            "float32",
            &[2],
            "it is virtual: its values are in other datasets",
        ),
    ];
    assert_eq!(listed.collect::<Vec<_>>(), wanted);
}

#[test]
fn what_is_split() {
    let of = |name: &str| layout(&fixture(name));
    let types = of("keras/types.h5");
    let tensor = |name: &str| types.tensors.iter().find(|t| t.name == name).unwrap();
    assert_eq!(tensor("tied/a").storage, tensor("tied/b").storage);
    assert_eq!(tensor("empty").storage, None);
    assert_eq!(tensor("numbers/complex64").view.shape, [2, 3]);

    let chunks = of("keras/chunks.h5");
    let ragged: Vec<_> = names(&chunks)
        .into_iter()
        .filter(|n| n.starts_with("ragged"))
        .collect();
    assert_eq!(ragged.len(), 9);
    assert_eq!((ragged[0], ragged[8]), ("ragged/0.0", "ragged/2.2"));
    assert!(names(&chunks).contains(&"one"));

    let archive = of("keras/model.keras");
    assert_eq!((archive.format, archive.tensors.len()), ("keras", 4));
}

#[test]
fn keras_archives() {
    let weights = fixture("keras/latest.h5");
    let with = |name: &str, content: &[u8]| {
        other_zip(&[
            ("metadata.json", b"{}", false),
            (name, content, false),
            ("config.json", b"[", false),
        ])
    };
    let good = with("model.weights.h5", &weights);
    // The method, in the local header and in the directory.
    let method = |record: &str| {
        let mut bytes = good.clone();
        let names: Vec<usize> = (0..bytes.len())
            .filter(|&at| bytes[at..].starts_with(record.as_bytes()))
            .collect();
        let [local, central] = names[..] else {
            panic!("{names:?}");
        };
        bytes[local - 22] = 8;
        bytes[central - 36] = 8;
        bytes
    };
    check_all(vec![
        ("good", good.clone(), Split(3)),
        (
            "compressed",
            method("model.weights.h5"),
            Opaque("is compressed"),
        ),
        ("compressed configuration", method("config.json"), Split(3)),
        (
            "a user block",
            with("model.weights.h5", &fixture("keras/userblock.h5")),
            Split(3),
        ),
        (
            "no HDF5",
            with("model.weights.h5", b"text"),
            Opaque("no superblock"),
        ),
        (
            "damaged",
            with("model.weights.h5", &put(&weights, 60, &[9])),
            Opaque("keras: in model.weights.h5: hdf5 object header: wrong checksum"),
        ),
        (
            "NumPy",
            with("model.weights.npz", b""),
            Opaque("weights in model.weights.npz"),
        ),
        (
            "no weights",
            with("other", b""),
            Opaque("model.weights.h5 is missing"),
        ),
        (
            "no configuration",
            other_zip(&[
                ("metadata.json", b"{}", false),
                ("model.weights.h5", &weights, false),
            ]),
            Opaque("torch zip"),
        ),
    ]);
    let facts = describe(&good, &Limits::default()).unwrap();
    assert_eq!(facts.writer, None);
}
