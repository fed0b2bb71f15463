//! The writer's rules: every byte of an archive that is not a payload.
//! Specification: `docs/format/skeleton.md`, “Torch zip”.
//!
//! A [`Plan`] needs names and lengths of the records only, so all positions are known before a payload
//! is read. What depends on CRCs comes late, but each part as soon as it can: the descriptor of a
//! record after its payload, the serialization id after all records before it, the directory last.

use std::borrow::Cow;

use super::torch::{Payload, Record, TorchZip};

/// A run of bytes of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZipPart {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The payload of the record with this index: a literal or a storage.
    Payload(usize),
    /// Bytes that depend on CRCs, and how many they are. See [`Plan::late`].
    Late(LateId, u64),
}

/// Which late part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LateId {
    /// The data descriptor of the record with this index.
    Descriptor(usize),
    /// The payload of the record with this index, which is the serialization id.
    SerializationId(usize),
    /// Central directory and end records: the archive's tail.
    Directory,
}

/// What the writer makes of a list of records.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    zip: Cow<'a, TorchZip>,
    positions: Positions,
}

/// Parts and positions, which follow from names and lengths.
#[derive(Clone, Debug, Default)]
struct Positions {
    parts: Vec<ZipPart>,
    /// Position of each local header, from the archive's first byte.
    headers: Vec<u64>,
    directory: u64,
    len: u64,
}

impl Positions {
    fn push(&mut self, part: ZipPart, len: u64) -> Result<(), String> {
        self.len = self
            .len
            .checked_add(len)
            .filter(|&len| i64::try_from(len).is_ok())
            .ok_or("the archive is too long")?;
        self.parts.push(part);
        Ok(())
    }
}

const SATURATED: u64 = u32::MAX as u64;
const FLAG_UTF8: u16 = 0x0800;
const FLAG_DESCRIPTOR: u16 = 0x0008;

fn big(x: u64) -> bool {
    x >= SATURATED
}

/// A value in a 32-bit field; what does not fit stands in the zip64 field.
fn saturated(x: u64) -> u32 {
    u32::try_from(x).unwrap_or(u32::MAX)
}

fn flags(len: u64) -> u16 {
    if len == 0 {
        FLAG_UTF8
    } else {
        FLAG_UTF8 | FLAG_DESCRIPTOR
    }
}

fn put16(out: &mut Vec<u8>, values: &[u16]) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

fn put32(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

fn put64(out: &mut Vec<u8>, values: &[u64]) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

/// A zip64 extra field with these values; nothing when there are none.
fn zip64_field(values: &[u64]) -> Vec<u8> {
    let mut field = Vec::new();
    if !values.is_empty() {
        put16(&mut field, &[1, 8 * values.len() as u16]);
        put64(&mut field, values);
    }
    field
}

fn descriptor_len(header: u64, len: u64) -> u64 {
    match (len, big(len) || big(header)) {
        (0, _) => 0,
        (_, false) => 16,
        (_, true) => 24,
    }
}

impl TorchZip {
    /// The CRC that the archive states for a record whose payload has this one.
    #[must_use]
    pub fn stated_crc(&self, crc: u32) -> u32 {
        if self.crc { crc } else { 0 }
    }

    fn full_name(&self, record: usize) -> String {
        format!("{}/{}", self.archive, self.records[record].name)
    }

    /// Everything that the archive consists of, in order. Of the records it reads names, lengths and
    /// kinds of payload, no positions and no CRCs.
    ///
    /// # Errors
    /// The rule that the records break, when the writer could not have written them.
    pub fn plan(&self) -> Result<Plan<'_>, String> {
        let positions = self.positions()?;
        Ok(Plan {
            zip: Cow::Borrowed(self),
            positions,
        })
    }

    /// [`TorchZip::plan`] that keeps the archive.
    ///
    /// # Errors
    /// As [`TorchZip::plan`].
    pub fn into_plan(self) -> Result<Plan<'static>, String> {
        let positions = self.positions()?;
        Ok(Plan {
            zip: Cow::Owned(self),
            positions,
        })
    }

    fn positions(&self) -> Result<Positions, String> {
        let mut found = Positions::default();
        if self.alignment == 0 {
            return Err("the alignment of a torch zip is at least 1".into());
        }
        let ids = |r: &&Record| matches!(r.payload, Payload::SerializationId(_));
        if self.records.iter().filter(ids).count() > 1 {
            return Err("a torch zip has one serialization id".into());
        }
        let mut directory_len = 0u64;
        for (index, record) in self.records.iter().enumerate() {
            let header = found.len;
            let bytes = self.local_header(index, header)?;
            found.headers.push(header);
            let len = bytes.len() as u64;
            found.push(ZipPart::Bytes(bytes), len)?;
            match record.payload {
                Payload::SerializationId(_) if record.len == 40 => {
                    found.push(ZipPart::Late(LateId::SerializationId(index), 40), 40)?;
                }
                Payload::SerializationId(_) => {
                    return Err("a serialization id has 40 bytes".into());
                }
                _ if record.len > 0 => found.push(ZipPart::Payload(index), record.len)?,
                _ => {}
            }
            let descriptor = descriptor_len(header, record.len);
            if descriptor > 0 {
                let late = ZipPart::Late(LateId::Descriptor(index), descriptor);
                found.push(late, descriptor)?;
            }
            let zip64 = 4 + 16 * u64::from(big(record.len)) + 8 * u64::from(big(header));
            let name = (self.archive.len() + 1 + record.name.len()) as u64;
            directory_len += 46 + name + if zip64 > 4 { zip64 } else { 0 };
        }
        found.directory = found.len;
        let tail = directory_len + 56 + 20 + 22;
        found.push(ZipPart::Late(LateId::Directory, tail), tail)?;
        Ok(found)
    }

    fn local_header(&self, index: usize, at: u64) -> Result<Vec<u8>, String> {
        let name = self.full_name(index);
        let len = self.records[index].len;
        let too_long = || format!("header of record {name:?} is too long");
        let name_len = u16::try_from(name.len()).map_err(|_| too_long())?;
        let mut values = Vec::new();
        if big(len) {
            // The writer does not know the compressed size yet.
            values.extend([len, 0]);
        }
        if big(at) {
            values.push(at);
        }
        let mut extra = zip64_field(&values);
        let unpadded = (30 + name.len() + extra.len() + 4) as u64;
        let payload = at.checked_add(unpadded).ok_or_else(too_long)?;
        let pad = match payload % self.alignment {
            0 => 0,
            over => self.alignment - over,
        };
        let pad = u16::try_from(pad).map_err(|_| too_long())?;
        extra.extend_from_slice(b"FB");
        put16(&mut extra, &[pad]);
        extra.resize(extra.len() + usize::from(pad), b'Z');
        let extra_len = u16::try_from(extra.len()).map_err(|_| too_long())?;

        let mut header = Vec::with_capacity(30 + name.len() + extra.len());
        header.extend_from_slice(b"PK\x03\x04");
        put16(&mut header, &[0, flags(len), 0, 0, 0]);
        put32(&mut header, &[0, 0, 0]);
        put16(&mut header, &[name_len, extra_len]);
        header.extend_from_slice(name.as_bytes());
        header.extend_from_slice(&extra);
        Ok(header)
    }
}

impl Plan<'_> {
    /// Everything, in order.
    #[must_use]
    pub fn parts(&self) -> &[ZipPart] {
        &self.positions.parts
    }

    /// The archive that this is the plan of.
    #[must_use]
    pub fn zip(&self) -> &TorchZip {
        &self.zip
    }

    /// Length of the archive in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "no archive is empty")]
    pub fn len(&self) -> u64 {
        self.positions.len
    }

    /// Length of one part in bytes.
    #[must_use]
    pub fn part_len(&self, part: &ZipPart) -> u64 {
        match part {
            ZipPart::Bytes(bytes) => bytes.len() as u64,
            ZipPart::Payload(record) => self.zip.records[*record].len,
            ZipPart::Late(_, len) => *len,
        }
    }

    /// A late part. `crcs` are the CRC-32 of the payloads, by record; the entry of the serialization
    /// id is not looked at but computed. Enough of them must be there: those of the records before
    /// the part, and a record's own for its descriptor.
    ///
    /// # Panics
    /// When they are not.
    #[must_use]
    pub fn late(&self, id: LateId, crcs: &[u32]) -> Vec<u8> {
        match id {
            LateId::Descriptor(record) => self.descriptor(record, self.crc_of(record, crcs)),
            LateId::SerializationId(record) => self.serialization_id(record, crcs).to_vec(),
            LateId::Directory => self.directory(crcs),
        }
    }

    /// The stated CRC of a record.
    fn crc_of(&self, record: usize, crcs: &[u32]) -> u32 {
        let crc = match self.zip.records[record].payload {
            Payload::SerializationId(_) if self.zip.crc => {
                crc32fast::hash(&self.serialization_id(record, crcs))
            }
            _ => crcs[record],
        };
        if self.zip.records[record].len == 0 {
            return 0;
        }
        self.zip.stated_crc(crc)
    }

    fn descriptor(&self, record: usize, crc: u32) -> Vec<u8> {
        let (header, len) = (self.positions.headers[record], self.zip.records[record].len);
        let mut out = b"PK\x07\x08".to_vec();
        put32(&mut out, &[crc]);
        if descriptor_len(header, len) == 24 {
            put64(&mut out, &[len, len]);
        } else {
            put32(&mut out, &[saturated(len), saturated(len)]);
        }
        out
    }

    fn serialization_id(&self, record: usize, crcs: &[u32]) -> [u8; 40] {
        let mut fold = 0u64;
        for (before, &crc) in self.zip.records[..record].iter().zip(crcs) {
            // Only what has a descriptor takes part.
            if before.len > 0 {
                let crc = u64::from(self.zip.stated_crc(crc));
                fold ^= crc
                    .wrapping_add(0x9e37_79b9)
                    .wrapping_add(fold << 6)
                    .wrapping_add(fold >> 2);
            }
        }
        let mut id = [0; 40];
        if let Payload::SerializationId(first) = self.zip.records[record].payload {
            id[..20].copy_from_slice(&first);
        }
        id[20..].copy_from_slice(format!("{fold:020}").as_bytes());
        id
    }

    fn directory(&self, crcs: &[u32]) -> Vec<u8> {
        let zip = &*self.zip;
        let mut out = Vec::new();
        for (index, record) in zip.records.iter().enumerate() {
            let (len, header) = (record.len, self.positions.headers[index]);
            let name = zip.full_name(index);
            let mut values = Vec::new();
            if big(len) {
                values.extend([len, len]);
            }
            if big(header) {
                values.push(header);
            }
            let extra = zip64_field(&values);
            out.extend_from_slice(b"PK\x01\x02");
            put16(&mut out, &[0, 0, flags(len), 0, 0, 0]);
            put32(&mut out, &[self.crc_of(index, crcs)]);
            put32(&mut out, &[saturated(len), saturated(len)]);
            // Both lengths fit: the local header, which is longer, was checked.
            put16(&mut out, &[name.len() as u16, extra.len() as u16, 0, 0, 0]);
            put32(&mut out, &[0, saturated(header)]);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(&extra);
        }
        let size = out.len() as u64;
        let end = self.positions.directory + size;
        let count = zip.records.len() as u64;
        out.extend_from_slice(b"PK\x06\x06");
        put64(&mut out, &[44]);
        put16(&mut out, &[0x031E, 45]);
        put32(&mut out, &[0, 0]);
        put64(&mut out, &[count, count, size, self.positions.directory]);
        out.extend_from_slice(b"PK\x06\x07");
        put32(&mut out, &[0]);
        put64(&mut out, &[end]);
        put32(&mut out, &[1]);
        out.extend_from_slice(b"PK\x05\x06");
        let short = u16::try_from(count).unwrap_or(u16::MAX);
        put16(&mut out, &[0, 0, short, short]);
        put32(
            &mut out,
            &[saturated(size), saturated(self.positions.directory)],
        );
        put16(&mut out, &[0]);
        out
    }
}
