//! Archives beyond 4 GiB, and pickles of many tensors. The large payloads are holes.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Instant;

use git_theta_core::bytes::{Limits, ReadAt};
use git_theta_core::format::parse;
use git_theta_core::layout::{Parsed, Segment};
use git_theta_core::zip::{LateId, Payload, Record, TorchZip, ZipPart};

use super::build::*;

/// Runs of bytes by position, zeros between them.
#[derive(Default)]
pub struct Sparse {
    runs: BTreeMap<u64, Vec<u8>>,
    len: u64,
    at: u64,
}

impl Sparse {
    /// So many bytes, of which these are the first.
    pub fn of(head: Vec<u8>, len: u64) -> Self {
        Self {
            runs: [(0, head)].into(),
            len,
            at: 0,
        }
    }
}

impl ReadAt for Sparse {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset + buf.len() as u64;
        if end > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buf.fill(0);
        for (&start, run) in self.runs.range(..end) {
            let run_end = start + run.len() as u64;
            let (from, to) = (start.max(offset), run_end.min(end));
            if from < to {
                let source = &run[(from - start) as usize..(to - start) as usize];
                buf[(from - offset) as usize..(to - offset) as usize].copy_from_slice(source);
            }
        }
        Ok(())
    }
}

impl Read for Sparse {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len().min((self.len - self.at.min(self.len)) as usize);
        self.read_exact_at(self.at, &mut buf[..len])?;
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

const BIG: u64 = 5 << 30;

/// `data/0` has 5 GiB, and `data/1` stands behind it.
fn beyond_4_gib() -> (Sparse, TorchZip) {
    let long = [&b"\x8a\x05"[..], &(BIG / 4).to_le_bytes()[..5]].concat();
    let storage = |key: &str, numel: &[u8]| {
        let class = global("torch", "FloatStorage");
        storage_id(class, string(key), numel.to_vec())
    };
    let view = |storage: Vec<u8>, size: &[u8]| {
        let size = [b"(", size, b"t"].concat();
        rebuild_v2(storage, int(0), size, ints(&[1]))
    };
    let pickle = dict(&[
        ("big", view(storage("0", &long), &long)),
        ("small", view(storage("1", &int(4)), &int(4))),
    ]);
    let payloads: [(&str, &[u8], u64); 4] = [
        ("data.pkl", &pickle, pickle.len() as u64),
        ("data/0", &[], BIG),
        ("data/1", &[1; 16], 16),
        ("version", b"3\n", 2),
    ];
    let zip = TorchZip {
        offset: 0,
        len: 0,
        archive: "m".into(),
        alignment: 64,
        crc: false,
        records: payloads
            .iter()
            .map(|(name, _, len)| Record {
                name: (*name).into(),
                offset: 0,
                len: *len,
                crc: 0,
                payload: Payload::Literal,
            })
            .collect(),
    };
    let plan = zip.plan().unwrap();
    let mut file = Sparse::default();
    for part in plan.parts() {
        let bytes = match part {
            ZipPart::Bytes(bytes) => bytes.clone(),
            ZipPart::Payload(index) => payloads[*index].1.to_vec(),
            ZipPart::Late(id, len) => {
                let bytes = plan.late(*id, &[0; 4]);
                assert_eq!(bytes.len() as u64, *len);
                bytes
            }
        };
        file.runs.insert(file.len, bytes);
        file.len += plan.part_len(part);
    }
    assert_eq!(plan.len(), file.len);
    // Sizes as u64, for a large record and for one that stands behind 4 GiB.
    let long = |index: usize| plan.late(LateId::Descriptor(index), &[0; 4]).len();
    assert_eq!([long(0), long(1), long(2)], [16, 24, 24]);
    (file, zip)
}

#[test]
fn zip64() {
    let (file, _) = beyond_4_gib();
    let Parsed::Layout(layout) = parse(&file, &Limits::default()).unwrap() else {
        panic!("opaque");
    };
    assert_eq!(names(&layout), ["big", "small"]);
    assert_eq!(layout.storages[0].len, BIG);
    assert!(layout.storages[1].offset > BIG);
    assert!(layout.storages.iter().all(|s| s.offset.is_multiple_of(64)));
    assert!(matches!(layout.segments[..], [Segment::TorchZip(_)]));

    let offsets: Vec<u64> = layout.storages.iter().map(|s| s.offset).collect();
    let config = zip::read::Config {
        archive_offset: zip::read::ArchiveOffset::Known(0),
    };
    let mut theirs = zip::ZipArchive::with_config(config, file).unwrap();
    for (name, offset) in [("m/data/0", offsets[0]), ("m/data/1", offsets[1])] {
        assert_eq!(theirs.by_name(name).unwrap().data_start(), Some(offset));
    }
    assert_eq!(theirs.by_name("m/data/0").unwrap().size(), BIG);
}

#[test]
fn many_tensors() {
    const COUNT: usize = 50_000;
    let keys: Vec<String> = (0..COUNT).map(|i| format!("data/{i}")).collect();
    let items: Vec<_> = (0..COUNT)
        .map(|i| (string(&format!("layer.{i}.weight")), tensor(&i.to_string())))
        .collect();
    let pickle = pickle(&dict_value(&items));
    let mut records: Vec<(&str, &[u8])> = vec![("data.pkl", &pickle)];
    records.extend(keys.iter().map(|key| (key.as_str(), &[3; 16][..])));
    records.push(("version", b"3\n"));
    let bytes = torch_zip(&records);
    let start = Instant::now();
    let layout = check("many tensors", &bytes, &Split(COUNT)).unwrap();
    took_less(start, 5);
    println!("{COUNT} tensors: {:?}", start.elapsed());
    assert!(matches!(layout.segments[..], [Segment::TorchZip(_)]));
}
