//! HDF5 files that h5py does not write: hostile case 75. Superblocks, groups and object headers.

use std::time::Instant;

use super::build::{Opaque, Split, check, check_all, put, took_less};
use super::fixtures::bytes as fixture;
use super::hdf5_build::{
    CONTINUATION, DATASPACE, DATATYPE, Hdf5, LAYOUT, SYMBOL_TABLE, UNDEFINED, chunked, contiguous,
    dataspace, float32, key, lookup3, rooted, with, words,
};

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
