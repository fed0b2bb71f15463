//! No content makes parsing panic or fail, and every layout covers its file.

use std::sync::LazyLock;

use git_theta_core::bytes::{Limits, ReadAt, SubSource};
use git_theta_core::format::parse;
use git_theta_core::pickle::{self, torch::Ids};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::build;
use super::damage::{is_split, split_flips};
use super::fixtures::{bytes, files};

static FIXTURES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let all: Vec<_> = files().iter().map(|name| bytes(name)).collect();
    assert!(all.len() > 60);
    all
});

static PARTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let calls = [
        "tensor",
        "tensor_v2",
        "tensor_v3",
        "parameter",
        "qtensor",
        "sparse_tensor",
    ];
    let mut parts: Vec<Vec<u8>> = calls
        .map(|name| build::global("torch._utils", &format!("_rebuild_{name}")))
        .into();
    parts.extend([
        build::global("torch._tensor", "_rebuild_from_type_v2"),
        build::global("torch", "Size"),
        build::global("torch", "uint16"),
        build::global("collections", "OrderedDict"),
        build::tensor("0"),
        build::tensor("1"),
        build::view(1, &[3], &[1]),
        build::view(0, &[0, 4], &[1, 1]),
        build::view(0, &[1 << 20, 1 << 10], &[0, 0]),
        build::storage("FloatStorage", "0", 4),
        build::storage("UntypedStorage", "1", 16),
        build::string("w"),
        build::string("a/b"),
        build::bytes_string(b"\xed\xa0\x80"),
        build::int(4),
        build::ints(&[4]),
        build::ints(&[1]),
    ]);
    let opcodes = b"(()}]NQRbtuseal201o";
    parts.extend(opcodes.iter().map(|&op| vec![op]));
    parts.extend(
        [
            &b"q\0"[..],
            b"h\0",
            b"q\x01",
            b"h\x01",
            b"\x81",
            b"\x85",
            b"\x86",
            b"\x8f",
        ]
        .map(<[u8]>::to_vec),
    );
    parts
});

/// What files of each format begin with.
const MAGIC: &[&[u8]] = &[
    b"PK\x03\x04",
    b"\x20\0\0\0\0\0\0\0{",
    b"\x93NUMPY\x01\0\x76\0{'descr': '<f4', 'fortran_order': True, 'shape': (",
    b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0",
    b"\x08\x08\x3a\x80\x01\x2a\x40\x08\x02",
    b"\x82\xa1a\xc7\x0c\x01\x93\x91\x01\xa5uint8\xc4\x01\0\xa1b",
    b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.",
    b"\x89HDF\r\n\x1a\n",
];

proptest! {
    // The same cases in every run; `fuzz/` looks for new ones.
    #![proptest_config(ProptestConfig { cases: 2000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Default::default() })]

    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..400)) {
        is_split(&bytes);
        for magic in MAGIC {
            is_split(&[magic, &bytes[..]].concat());
        }
        let mut tar = bytes.clone();
        tar.resize(512, 0);
        tar[257..262].copy_from_slice(b"ustar");
        is_split(&tar);
    }

    #[test]
    fn random_opcodes(ops in vec(prop::sample::select(&b"(.012NIJKMUXcRbQhqjr)tl]aesud}o\x80\x81\x85\x86\x87\x88\x8c\x8f\x90\x91\x92\x93\x94\x95\0\x01\n"[..]), 0..200)) {
        if let Ok(graph) = pickle::read(&ops, 0, &Limits::default()) {
            let _ = pickle::torch::tensors(&graph, Ids::Zip, &Limits::default());
            let _ = pickle::outline(&graph);
        }
        let (graph, end) = pickle::survey(&ops, 0, &Limits::default());
        let _ = pickle::globals(&graph);
        let objections = pickle::objections(&graph, &end, &Limits::default()).unwrap();
        prop_assert!(end.is_ok() || !objections.is_empty());
    }

    /// Whole values and single opcodes of real pickles, in any order.
    #[test]
    fn random_programs(parts in vec(any::<prop::sample::Index>(), 0..40)) {
        let program: Vec<u8> = parts.iter().flat_map(|part| part.get(&PARTS)).copied().collect();
        // Whatever is left on the stack becomes a tuple.
        is_split(&build::with_pickle(&[b"(", &program[..], b"t."].concat()));
        is_split(&build::with_pickle(&[&program[..], b"."].concat()));
    }

    #[test]
    fn mutated_fixtures(
        which in any::<prop::sample::Index>(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = which.get(&FIXTURES).clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        is_split(&bytes);
    }

    #[test]
    fn cut_and_joined_fixtures(
        a in any::<prop::sample::Index>(),
        b in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
        skip in any::<prop::sample::Index>(),
    ) {
        let (a, b) = (a.get(&FIXTURES), b.get(&FIXTURES));
        let cut = cut.index(a.len() + 1);
        let skip = skip.index(b.len() + 1);
        is_split(&a[..cut]);
        is_split(&[&a[..cut], &b[skip..]].concat());
        is_split(&[&a[..], b].concat());
    }

    /// A part of another source gives the same layout as its bytes alone.
    #[test]
    fn sub_sources(which in any::<prop::sample::Index>(), before in vec(any::<u8>(), 0..50)) {
        let bytes = which.get(&FIXTURES);
        let whole = [&before[..], bytes, b"behind"].concat();
        let sub = SubSource::new(&whole, before.len() as u64, bytes.len() as u64).unwrap();
        prop_assert_eq!(sub.len(), bytes.len() as u64);
        prop_assert_eq!(
            parse(&sub, &Limits::default()).unwrap(),
            parse(bytes, &Limits::default()).unwrap()
        );
    }
}

/// Every byte of a small file, with every bit flipped.
#[test]
fn every_bit() {
    for name in [
        "torch/filelike.pt",
        "safetensors/unpadded_null_metadata.safetensors",
        "keras/latest.h5",
        "keras/userblock.h5",
    ] {
        split_flips(&bytes(name));
    }
}
