//! Builds archives and pickles for the tests, well-formed unless asked otherwise.

use std::io::{Cursor, Write};
use std::time::{Duration, Instant};

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::{Layout, Parsed};
use git_theta_core::zip::{Payload, Record, TorchZip, ZipPart};
use zip::CompressionMethod::{Deflated, Stored};
use zip::write::SimpleFileOptions;

/// What parsing must say.
pub enum Expect {
    /// Split, with this many tensors.
    Split(usize),
    /// Kept whole, for a reason that contains this.
    Opaque(&'static str),
}
pub use Expect::{Opaque, Split};

pub fn check(case: &str, bytes: &[u8], expect: &Expect) -> Option<Layout> {
    let parsed = parse(&bytes, &Limits::default()).unwrap();
    match (parsed, expect) {
        (Parsed::Layout(layout), Split(tensors)) => {
            assert_eq!(layout.tensors.len(), *tensors, "{case}");
            layout.check().unwrap();
            Some(layout)
        }
        (Parsed::Opaque(reason), Opaque(part)) => {
            assert!(reason.contains(part), "{case}: {reason}");
            None
        }
        (Parsed::Layout(_), Opaque(part)) => panic!("{case}: split, expected: {part}"),
        (Parsed::Opaque(reason), Split(_)) => panic!("{case}: {reason}"),
    }
}

pub fn check_all(cases: Vec<(&str, Vec<u8>, Expect)>) {
    for (case, bytes, expect) in cases {
        check(case, &bytes, &expect);
    }
}

/// What `torch.save` would write, in the folder `m`.
pub fn torch_zip(records: &[(&str, &[u8])]) -> Vec<u8> {
    let zip = TorchZip {
        offset: 0,
        len: 0,
        archive: "m".into(),
        alignment: 64,
        crc: true,
        records: records
            .iter()
            .map(|(name, payload)| Record {
                name: (*name).into(),
                offset: 0,
                len: payload.len() as u64,
                crc: crc32fast::hash(payload),
                payload: Payload::Literal,
            })
            .collect(),
    };
    let crcs: Vec<u32> = zip.records.iter().map(|r| r.crc).collect();
    let plan = zip.plan().unwrap();
    let mut out = Vec::new();
    for part in plan.parts() {
        match part {
            ZipPart::Bytes(bytes) => out.extend_from_slice(bytes),
            ZipPart::Payload(record) => out.extend_from_slice(records[*record].1),
            ZipPart::Late(id, _) => out.extend(plan.late(*id, &crcs)),
        }
    }
    assert_eq!(out.len() as u64, plan.len());
    out
}

/// What another tool would write; `true` for records to compress.
pub fn other_zip(records: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content, compress) in records {
        let method = if *compress { Deflated } else { Stored };
        let options = SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A checkpoint with this pickle and two storages of 16 bytes, `0` and `1`.
pub fn with_pickle(pickle: &[u8]) -> Vec<u8> {
    torch_zip(&[
        ("data.pkl", pickle),
        ("byteorder", b"little"),
        ("data/0", &[1; 16]),
        ("data/1", &[2; 16]),
        ("version", b"3\n"),
    ])
}

/// A checkpoint of one tensor `w` of 4 floats.
pub fn plain_checkpoint() -> Vec<u8> {
    with_pickle(&dict(&[("w", tensor("0"))]))
}

pub fn string(text: &str) -> Vec<u8> {
    bytes_string(text.as_bytes())
}

pub fn bytes_string(text: &[u8]) -> Vec<u8> {
    let len = u32::try_from(text.len()).unwrap().to_le_bytes();
    [b"X", &len[..], text].concat()
}

pub fn int(value: i32) -> Vec<u8> {
    [b"J", &value.to_le_bytes()[..]].concat()
}

pub fn ints(values: &[i32]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|&v| int(v)).collect();
    [b"(", &values[..], b"t"].concat()
}

pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// `callable(*args)`
pub fn reduce(callable: &[u8], args: &[Vec<u8>]) -> Vec<u8> {
    [callable, b"(", &args.concat(), b"tR"].concat()
}

/// The persistent id of a storage.
pub fn storage(class: &str, key: &str, numel: i32) -> Vec<u8> {
    storage_id(global("torch", class), string(key), int(numel))
}

/// The persistent id of a storage; its parts as they are.
pub fn storage_id(class: Vec<u8>, key: Vec<u8>, numel: Vec<u8>) -> Vec<u8> {
    let parts = [string("storage"), class, key, string("cpu"), numel];
    [b"(", &parts.concat()[..], b"tQ"].concat()
}

/// A tensor by `_rebuild_tensor_v2`; arguments as they are.
pub fn rebuild_v2(storage: Vec<u8>, offset: Vec<u8>, size: Vec<u8>, stride: Vec<u8>) -> Vec<u8> {
    let hooks = reduce(&global("collections", "OrderedDict"), &[]);
    let args = [storage, offset, size, stride, b"\x89".to_vec(), hooks];
    reduce(&global("torch._utils", "_rebuild_tensor_v2"), &args)
}

pub fn view(offset: i32, size: &[i32], stride: &[i32]) -> Vec<u8> {
    rebuild_v2(
        storage("FloatStorage", "0", 4),
        int(offset),
        ints(size),
        ints(stride),
    )
}

/// A tensor of 4 floats on the storage with this key.
pub fn tensor(key: &str) -> Vec<u8> {
    rebuild_v2(
        storage("FloatStorage", key, 4),
        int(0),
        ints(&[4]),
        ints(&[1]),
    )
}

/// A whole pickle of protocol 2 around one value.
pub fn pickle(value: &[u8]) -> Vec<u8> {
    [b"\x80\x02", value, b"."].concat()
}

/// A dict value.
pub fn dict_value(items: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<u8> = items
        .iter()
        .flat_map(|(k, v)| [&k[..], v].concat())
        .collect();
    [b"}(", &items[..], b"u"].concat()
}

/// A whole pickle of a dict with string keys.
pub fn dict(items: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items: Vec<_> = items.iter().map(|(k, v)| (string(k), v.clone())).collect();
    pickle(&dict_value(&items))
}

pub fn names(layout: &Layout) -> Vec<&str> {
    layout.tensors.iter().map(|t| t.name.as_str()).collect()
}

/// Name, type and shape of each tensor.
pub fn shapes(layout: &Layout) -> Vec<(&str, &str, &[u64])> {
    let all = layout.tensors.iter();
    all.map(|t| (t.name.as_str(), t.dtype.name(), &t.view.shape[..]))
        .collect()
}

/// What began then has taken less than so many seconds.
pub fn took_less(start: Instant, seconds: u64) {
    let took = start.elapsed();
    assert!(took < Duration::from_secs(seconds), "{took:?}");
}

/// Writes little-endian fields.
pub fn put(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    out[at..at + new.len()].copy_from_slice(new);
    out
}
