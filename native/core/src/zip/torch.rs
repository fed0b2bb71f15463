//! The archive that `torch.save`'s writer makes of a list of records. Specification: `docs/format/skeleton.md`.

/// Index of a storage in the layout that an archive belongs to.
pub type StorageId = usize;

/// What one record of the archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Bytes that are kept as they are.
    Literal,
    /// A storage.
    Storage(StorageId),
    /// The 40 digits of `.data/serialization_id`: the first half is kept, the second follows from the CRCs.
    SerializationId([u8; 20]),
}

/// One record, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Name without the archive's folder.
    pub name: String,
    /// Position of the payload in the file.
    pub offset: u64,
    /// Length of the payload in bytes.
    pub len: u64,
    /// CRC-32 that the file states for it.
    pub crc: u32,
    /// Where its bytes are.
    pub payload: Payload,
}

/// A zip archive that the writer's rules regenerate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TorchZip {
    /// Position of the archive's first byte in the file.
    pub offset: u64,
    /// Length of the archive in bytes.
    pub len: u64,
    /// Name of the folder that all records are in.
    pub archive: String,
    /// Payloads start on multiples of this.
    pub alignment: u64,
    /// Are CRCs computed? Otherwise all of them are 0.
    pub crc: bool,
    /// In the order of the file.
    pub records: Vec<Record>,
}

impl TorchZip {
    /// The storages that are records, with the positions of their payloads in the file.
    pub fn storages(&self) -> impl Iterator<Item = (StorageId, u64)> {
        self.records.iter().filter_map(|r| match r.payload {
            Payload::Storage(id) => Some((id, r.offset)),
            _ => None,
        })
    }
}
