//! Archives that torch does not write.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use git_theta_core::layout::{Layout, Parsed, Segment};

use super::build::*;

fn regenerated(layout: &Layout) -> bool {
    layout
        .segments
        .iter()
        .any(|s| matches!(s, Segment::TorchZip(_)))
}

/// One record, as other tools write it: no descriptor, no padding.
#[derive(Clone)]
struct Raw {
    name: Vec<u8>,
    data: Vec<u8>,
    extra: Vec<u8>,
    /// Bytes between this record and the next header.
    gap: usize,
    /// Changes of the local header and the central entry: position and bytes.
    local: Vec<(usize, Vec<u8>)>,
    central: Vec<(usize, Vec<u8>)>,
}

fn raw(name: &str, data: &[u8]) -> Raw {
    Raw {
        name: name.into(),
        data: data.into(),
        extra: Vec::new(),
        gap: 0,
        local: Vec::new(),
        central: Vec::new(),
    }
}

const FLAGS: (usize, usize) = (6, 8);
const METHOD: (usize, usize) = (8, 10);

fn archive(records: &[Raw]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for record in records {
        let at = u32::try_from(out.len()).unwrap();
        let len = u32::try_from(record.data.len()).unwrap().to_le_bytes();
        let name_len = u16::try_from(record.name.len()).unwrap().to_le_bytes();
        let extra_len = u16::try_from(record.extra.len()).unwrap().to_le_bytes();
        let crc = crc32fast::hash(&record.data).to_le_bytes();
        let mut header = [&b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0"[..], &crc, &len, &len].concat();
        header.extend([name_len, extra_len].concat());
        let mut entry = [
            &b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\0\0"[..],
            &crc,
            &len,
            &len,
        ]
        .concat();
        entry.extend([&name_len[..], &[0; 12], &at.to_le_bytes()].concat());
        for (at, bytes) in &record.local {
            header[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        for (at, bytes) in &record.central {
            entry[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        out.extend(
            [&header, &record.name, &record.extra, &record.data]
                .map(|b| &b[..])
                .concat(),
        );
        out.resize(out.len() + record.gap, 0xAA);
        directory.extend([&entry, &record.name].map(|b| &b[..]).concat());
    }
    let count = u16::try_from(records.len()).unwrap().to_le_bytes();
    let start = u32::try_from(out.len()).unwrap().to_le_bytes();
    let len = u32::try_from(directory.len()).unwrap().to_le_bytes();
    out.extend(directory);
    out.extend(
        [
            &b"PK\x05\x06\0\0\0\0"[..],
            &count,
            &count,
            &len,
            &start,
            &[0, 0],
        ]
        .concat(),
    );
    out
}

fn checkpoint() -> Vec<Raw> {
    vec![
        raw("m/data.pkl", &dict(&[("w", tensor("0"))])),
        raw("m/data/0", &[7; 16]),
        raw("m/version", b"3\n"),
    ]
}

/// The checkpoint with one record changed.
fn with(index: usize, change: impl FnOnce(&mut Raw)) -> Vec<u8> {
    let mut records = checkpoint();
    change(&mut records[index]);
    archive(&records)
}

fn and(record: Raw) -> Vec<u8> {
    let mut records = checkpoint();
    records.push(record);
    archive(&records)
}

#[test]
fn whole_files() {
    let good = plain_checkpoint();
    let layout = check("good", &good, &Split(1)).unwrap();
    assert!(regenerated(&layout));
    for (case, bytes, reason) in [
        ("empty", Vec::new(), "the file is empty"),
        ("one byte", b"P".to_vec(), "no known"),
        ("only the magic", b"PK\x03\x04".to_vec(), "no end record"),
        (
            "without the last byte",
            good[..good.len() - 1].to_vec(),
            "no end record",
        ),
        ("half", good[..good.len() / 2].to_vec(), "truncated"),
        ("a prefix", [b"x", &good[..]].concat(), "no known"),
        (
            "100 kB behind",
            [&good[..], &[0; 100_000]].concat(),
            "other data behind",
        ),
        (
            "empty zip",
            [&b"PK\x05\x06"[..], &[0; 18]].concat(),
            "no known",
        ),
        ("7z", b"7z\xbc\xaf\x27\x1c....".to_vec(), "7z"),
        ("gzip", b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), "gzip"),
        ("xz", b"\xfd7zXZ\0\0\0".to_vec(), "xz"),
        ("bzip2", b"BZh91AY&SY".to_vec(), "bzip2"),
        ("lz4", b"\x04\x22\x4d\x18....".to_vec(), "LZ4"),
        ("OCDBT", b"\x0c\xdb\x3a\x2a....".to_vec(), "Orbax"),
        ("TFLite", b"\x1c\0\0\0TFL3".to_vec(), "TensorFlow Lite"),
        ("mobile", b"\x1c\0\0\0PTMF".to_vec(), "Mobile"),
        ("old GGML", b"tjgg\x03\0\0\0".to_vec(), "before GGUF"),
        ("preview", b"PYTORCH1....".to_vec(), "preview"),
        (
            "LFS pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec(),
            "Git LFS pointer",
        ),
        ("tar", [&[0; 257][..], b"ustar\0"].concat(), "a tar archive"),
        ("plain pickle", b"\x80\x04N.".to_vec(), "a pickle"),
        ("text", b"hello".to_vec(), "no known checkpoint format"),
    ] {
        check(case, &bytes, &Opaque(reason));
    }
    let tail = [&good[..], &[0; 10]].concat();
    let layout = check("10 bytes behind", &tail, &Split(1)).unwrap();
    assert!(regenerated(&layout));
    assert_eq!(layout.segments.len(), 2);
    layout.without_templates().check().unwrap();
    for len in 0..good.len() {
        assert!(matches!(
            parse(&&good[..len], &Limits::default()).unwrap(),
            Parsed::Opaque(_)
        ));
    }
}

#[test]
fn end_records() {
    let good = plain_checkpoint();
    let end = good.len() - 22;
    let (locator, wide) = (end - 20, end - 76);
    let comment = |text: &[u8]| {
        let len = u16::try_from(text.len()).unwrap().to_le_bytes();
        [&good[..end + 20], &len, text].concat()
    };
    let layout = check("comment", &comment(b"hello"), &Split(1)).unwrap();
    assert!(!regenerated(&layout));
    let inner = &good[end..];
    for (case, bytes, reason) in [
        (
            "end record in the comment",
            comment(inner),
            "two end records",
        ),
        (
            "end record behind",
            [&good[..], inner].concat(),
            "does not end at its end record",
        ),
        ("comment too long", put(&good, end + 20, &[9, 0]), "comment"),
        ("disk 1", put(&good, end + 4, &[1, 0]), "several disks"),
        (
            "counts differ",
            put(&good, end + 8, &[9, 0]),
            "several disks",
        ),
        (
            "fewer records",
            put(&good, end + 8, &[4, 0, 4, 0]),
            "disagree",
        ),
        (
            "other start",
            put(&good, end + 16, &[1, 0, 0, 0]),
            "disagree",
        ),
        (
            "other length",
            put(&good, end + 12, &[1, 0, 0, 0]),
            "disagree",
        ),
        (
            "locator outside",
            put(&good, locator + 8, &[0xFF; 8]),
            "not before its locator",
        ),
        (
            "locator elsewhere",
            put(&good, locator + 8, &[0; 8]),
            "not before its locator",
        ),
        (
            "locator on disk 1",
            put(&good, locator + 4, &[1]),
            "several disks",
        ),
        ("zip64 size", put(&good, wide + 4, &[45]), "damaged"),
        (
            "zip64 counts differ",
            put(&good, wide + 24, &[9]),
            "several disks",
        ),
        (
            "count of 2^32",
            put(
                &put(&good, wide + 24, &[0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]),
                end + 8,
                &[0xFF; 4],
            ),
            "more than 1000000 records",
        ),
        (
            "count too high",
            put(
                &put(&good, wide + 24, &[99, 0, 0, 0, 0, 0, 0, 0, 99]),
                end + 8,
                &[0xFF; 4],
            ),
            "too short for its number",
        ),
        (
            "count too low",
            put(
                &put(&good, wide + 24, &[4, 0, 0, 0, 0, 0, 0, 0, 4]),
                end + 8,
                &[0xFF; 4],
            ),
            "bytes after the last entry",
        ),
        (
            "start past the end",
            put(&put(&good, wide + 48, &[0xFF; 8]), end + 16, &[0xFF; 4]),
            "does not end at its end record",
        ),
    ] {
        check(case, &bytes, &Opaque(reason));
    }
    let mut plain = archive(&checkpoint());
    let end = plain.len() - 22;
    plain[end + 8..end + 12].fill(0xFF);
    check(
        "saturated without zip64",
        &plain,
        &Opaque("without its zip64"),
    );
    // An end record inside a payload: the last one counts, for everybody.
    let fake = with(1, |r| r.data[..4].copy_from_slice(b"PK\x05\x06"));
    check("end record in a storage", &fake, &Split(1));
}

#[test]
fn headers() {
    let good = archive(&checkpoint());
    let layout = check("another tool", &good, &Split(1)).unwrap();
    assert!(!regenerated(&layout));
    let set = |at: usize, bytes: &[u8]| vec![(at, bytes.to_vec())];
    for (case, bytes, expected) in [
        ("gap", with(1, |r| r.gap = 100), Split(1)),
        (
            "no local header",
            with(1, |r| r.local = set(0, b"XX")),
            Opaque("no local header"),
        ),
        (
            "other local name length",
            with(1, |r| r.local = set(26, &[1])),
            Opaque("another name"),
        ),
        (
            "other method",
            with(1, |r| r.local = set(METHOD.0, &[8])),
            Opaque("another method"),
        ),
        (
            "encrypted here only",
            with(1, |r| r.local = set(FLAGS.0, &[1])),
            Opaque("other flags"),
        ),
        (
            "encrypted",
            with(1, |r| r.central = set(FLAGS.1, &[1])),
            Opaque("encrypted"),
        ),
        (
            "strong encryption",
            with(1, |r| r.central = set(FLAGS.1, &[0x40])),
            Opaque("encrypted"),
        ),
        (
            "patched data",
            with(1, |r| r.central = set(FLAGS.1, &[0x20])),
            Opaque("unknown flags"),
        ),
        (
            "masked headers",
            with(1, |r| r.central = set(FLAGS.1, &[0, 0x20])),
            Opaque("flags"),
        ),
        (
            "bzip2",
            with(1, |r| r.central = set(METHOD.1, &[12])),
            Opaque("compression method"),
        ),
        (
            "AES",
            with(1, |r| r.central = set(METHOD.1, &[99])),
            Opaque("compression method"),
        ),
        (
            "needs version 9.9",
            with(1, |r| r.central = set(6, &[99])),
            Opaque("newer zip"),
        ),
        (
            "disk 3",
            with(1, |r| r.central = set(34, &[3])),
            Opaque("another disk"),
        ),
        (
            "symbolic link",
            with(1, |r| r.central = set(41, &[0xA1])),
            Opaque("symbolic link"),
        ),
        (
            "crc wrong",
            with(1, |r| r.central = set(16, &[1, 2, 3, 4])),
            Split(1),
        ),
        (
            "crc zero",
            with(1, |r| r.central = set(16, &[0; 4])),
            Split(1),
        ),
        (
            "two sizes",
            with(1, |r| r.central = set(24, &[17])),
            Opaque("two sizes"),
        ),
        (
            "sizes differ from local",
            with(1, |r| r.local = set(18, &[15, 0, 0, 0, 15])),
            Opaque("other sizes"),
        ),
        (
            "saturated without zip64",
            with(1, |r| r.central = set(24, &[0xFF; 4])),
            Opaque("zip64 field"),
        ),
        (
            "offset of another record",
            with(2, |r| r.central = set(42, &[0; 4])),
            Opaque("another name"),
        ),
        (
            "offset outside",
            with(1, |r| r.central = set(42, &[0xFF, 0xFF, 0xFF, 0x7F])),
            Opaque("outside the records"),
        ),
        (
            "too long",
            with(1, |r| {
                r.central = set(20, &[0, 0, 1, 0, 0, 0, 1, 0]);
                r.local = set(18, &[0, 0, 1, 0, 0, 0, 1, 0]);
            }),
            Opaque("central directory"),
        ),
        (
            "into the next record",
            with(1, |r| {
                r.central = set(20, &[20, 0, 0, 0, 20]);
                r.local = set(18, &[20, 0, 0, 0, 20]);
            }),
            Opaque("overlaps"),
        ),
        (
            "extra of another length",
            with(1, |r| r.extra = b"FB\xff\xff".to_vec()),
            Split(1),
        ),
        (
            "unknown extra",
            with(1, |r| r.extra = b"xy\x02\0zz".to_vec()),
            Split(1),
        ),
        (
            "extra over the payload",
            with(1, |r| r.local = set(28, &[0xFF; 2])),
            Opaque("reaches into"),
        ),
    ] {
        check(case, &bytes, &expected);
    }
    let two = |a: &[u8], b: &[u8]| {
        let mut records = checkpoint();
        records[1].name = a.to_vec();
        let mut bytes = archive(&records);
        let at = bytes.windows(b.len()).rposition(|w| w == a).unwrap();
        bytes[at..at + b.len()].copy_from_slice(b);
        bytes
    };
    check(
        "central name",
        &two(b"m/data/0", b"m/data/1"),
        &Opaque("another name"),
    );
}

#[test]
fn names_of_records() {
    for (case, bytes, expected) in [
        (
            "twice",
            and(raw("m/data.pkl", b"N.")),
            Opaque("name of another record"),
        ),
        (
            "twice but for case",
            and(raw("m/DATA.PKL", b"N.")),
            Opaque("but for case"),
        ),
        (
            "other case only",
            with(0, |r| r.name = b"m/DATA.PKL".to_vec()),
            Opaque("data.pkl is missing"),
        ),
        ("climbs", and(raw("m/../x", b"")), Opaque("unsafe name")),
        ("absolute", and(raw("/m/x", b"")), Opaque("unsafe name")),
        ("backslash", and(raw("m\\x", b"")), Opaque("unsafe name")),
        ("NUL", and(raw("m/x\0y", b"")), Opaque("unsafe name")),
        ("empty", and(raw("", b"")), Opaque("unsafe name")),
        (
            "two folders",
            and(raw("n/x", b"")),
            Opaque("not in the folder"),
        ),
        (
            "prefix of the folder",
            and(raw("mm/x", b"")),
            Opaque("not in the folder"),
        ),
        ("no folder", and(raw("x", b"")), Opaque("not in the folder")),
        ("folder", and(raw("m/", b"")), Split(1)),
        (
            "folder with content",
            and(raw("m/sub/", b"x")),
            Opaque("folder with content"),
        ),
        ("ANSI escapes", and(raw("m/\x1b[31m", b"")), Split(1)),
        (
            "64 KiB",
            and(raw(&format!("m/{}", "x".repeat(65_000)), b"")),
            Split(1),
        ),
        (
            "not UTF-8",
            and(Raw {
                name: b"m/\xff".to_vec(),
                ..raw("", b"")
            }),
            Opaque("not UTF-8"),
        ),
        (
            "not declared UTF-8",
            and(raw("m/\u{e9}", b"")),
            Opaque("not UTF-8"),
        ),
        ("unused storage", and(raw("m/data/9", b"abc")), Split(1)),
        ("JSON behind", and(raw("m/extra.json", b"{}")), Split(1)),
        (
            "no pickle",
            archive(&checkpoint()[1..]),
            Opaque("data.pkl is missing"),
        ),
        ("TorchScript", and(raw("m/constants.pkl", b"N.")), Split(1)),
        (
            "texts",
            archive(&[raw("a.txt", b"text")]),
            Opaque("another kind of zip"),
        ),
    ] {
        check(case, &bytes, &expected);
    }
}

#[test]
fn records_of_torch() {
    let version = |text: &[u8]| with(2, |r| r.data = text.to_vec());
    let deflated = |index: usize| {
        with(index, |r| {
            r.local = vec![(METHOD.0, vec![8])];
            r.central = vec![(METHOD.1, vec![8])];
        })
    };
    for (case, bytes, expected) in [
        (
            "no version",
            archive(&checkpoint()[..2]),
            Opaque("version is missing"),
        ),
        ("version 99", version(b"99\n"), Opaque("unknown version")),
        ("version 0", version(b"0"), Opaque("unknown version")),
        (
            "version of letters",
            version(b"three"),
            Opaque("unknown version"),
        ),
        (
            "version of 1 MB",
            version(&[b'3'; 1 << 20]),
            Opaque("too long"),
        ),
        (
            "two versions",
            and(raw("m/.data/version", b"3")),
            Opaque("two records"),
        ),
        (
            "big-endian",
            and(raw("m/byteorder", b"big")),
            Opaque("big-endian"),
        ),
        (
            "byteorder xx",
            and(raw("m/byteorder", b"xx")),
            Opaque("unknown byteorder"),
        ),
        (
            "alignment 0",
            and(raw("m/.storage_alignment", b"0")),
            Split(1),
        ),
        (
            "alignment 2^40",
            and(raw("m/.storage_alignment", b"1099511627776")),
            Split(1),
        ),
        (
            "alignment of letters",
            and(raw("m/.storage_alignment", b"x")),
            Split(1),
        ),
        (
            "storage longer",
            with(1, |r| r.data.push(0)),
            Opaque("has 17 bytes, the pickle says 16"),
        ),
        (
            "storage shorter",
            with(1, |r| r.data.truncate(8)),
            Opaque("has 8 bytes"),
        ),
        ("storage said to be compressed", deflated(1), Split(0)),
        (
            "pickle said to be compressed",
            deflated(0),
            Opaque("damaged DEFLATE stream"),
        ),
        (
            "storage holds a zip",
            with(1, |r| r.data[..4].copy_from_slice(b"PK\x03\x04")),
            Split(1),
        ),
        (
            "empty pickle",
            with(0, |r| r.data.clear()),
            Opaque("ends early"),
        ),
    ] {
        check(case, &bytes, &expected);
    }
}

/// Whatever differs from the writer's rules by one byte is not regenerated, and not refused either.
#[test]
fn templates_are_exact() {
    let good = plain_checkpoint();
    let layout = check("good", &good, &Split(1)).unwrap();
    let Segment::TorchZip(zip) = &layout.segments[0] else {
        panic!("no template");
    };
    let payload = |at: u64| {
        zip.records
            .iter()
            .any(|r| (r.offset..r.offset + r.len).contains(&at))
    };
    let mut split = 0;
    for at in 0..good.len() {
        if payload(at as u64) {
            continue;
        }
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        if let Parsed::Layout(layout) = parse(&bytes, &Limits::default()).unwrap() {
            assert!(!regenerated(&layout), "byte {at}");
            layout.check().unwrap();
            split += 1;
        }
    }
    assert!(split > 100, "{split}");
}

#[test]
fn many_records() {
    let names: Vec<String> = (0..70_000).map(|i| format!("x/{i}")).collect();
    let pickle = dict(&[("w", tensor("0"))]);
    let mut records: Vec<(&str, &[u8])> = vec![
        ("data.pkl", &pickle),
        ("data/0", &[7; 16]),
        ("version", b"3\n"),
    ];
    records.extend(names.iter().map(|name| (name.as_str(), &b"x"[..])));
    let layout = check("70,003 records", &torch_zip(&records), &Split(1)).unwrap();
    assert!(regenerated(&layout));
    let few = Limits {
        zip_entries: 1000,
        ..Limits::default()
    };
    let parsed = parse(&torch_zip(&records), &few).unwrap();
    assert_eq!(parsed, Parsed::Opaque("zip: more than 1000 records".into()));
    let short = Limits {
        literal_bytes: 100,
        ..Limits::default()
    };
    let parsed = parse(&plain_checkpoint(), &short).unwrap();
    assert!(matches!(parsed, Parsed::Opaque(_)));
}
