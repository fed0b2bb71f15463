//! HDF5 files that h5py does not write: hostile case 75. Datasets, their chunks and values.

use std::io::Write;

use git_theta_core::layout::{Bytes, Packed, Values};
use git_theta_core::values;

use super::build::{Opaque, Split, check_all};
use super::fixtures::layout;
use super::hdf5_build::{
    DATASPACE, DATATYPE, FILTERS, Hdf5, LAYOUT, UNDEFINED, chunked, contiguous, dataspace, float32,
    key, rooted, with,
};

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
