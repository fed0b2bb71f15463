//! Builds tables of LevelDB, well-formed unless asked otherwise.

use super::protobuf::varint;

/// Kind of compression, and checksum.
const TRAILER: usize = 5;

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                crc >> 1 ^ 0x82F6_3B78
            } else {
                crc >> 1
            }
        })
    })
}

pub fn handle(at: u64, len: u64) -> Vec<u8> {
    [varint(at), varint(len)].concat()
}

/// Where a block with its trailer is.
pub fn place(at: usize, block: &[u8]) -> Vec<u8> {
    handle(at as u64, (block.len() - TRAILER) as u64)
}

/// A block of entries that repeat nothing, with its trailer.
pub fn block(entries: &[(impl AsRef<[u8]>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in entries {
        let key = key.as_ref();
        out.push(0);
        out.extend(varint(key.len() as u64));
        out.extend(varint(value.len() as u64));
        out.extend_from_slice(key);
        out.extend_from_slice(value);
    }
    raw_block(&out)
}

/// A block of these bytes of entries, with its trailer.
pub fn raw_block(entries: &[u8]) -> Vec<u8> {
    trailer([entries, &[0, 0, 0, 0, 1, 0, 0, 0]].concat(), 0)
}

pub fn trailer(mut block: Vec<u8>, kind: u8) -> Vec<u8> {
    block.push(kind);
    let crc = crc32c(&block).rotate_right(15).wrapping_add(0xA282_EAD8);
    block.extend(crc.to_le_bytes());
    block
}

/// A table of these blocks, with trailers, under the keys of an index.
pub fn table(blocks: &[Vec<u8>]) -> Vec<u8> {
    let (mut out, mut index) = (Vec::new(), Vec::new());
    for (number, block) in blocks.iter().enumerate() {
        let key = vec![b'a' + number as u8];
        index.push((key, place(out.len(), block)));
        out.extend_from_slice(block);
    }
    finish(out, &index)
}

/// The table of these blocks, with this index of them.
pub fn finish(mut out: Vec<u8>, index: &[(impl AsRef<[u8]>, Vec<u8>)]) -> Vec<u8> {
    let index = block(index);
    let at = place(out.len(), &index);
    out.extend_from_slice(&index);
    let mut footer = [handle(0, 0), at].concat();
    footer.resize(40, 0);
    out.extend(footer);
    out.extend_from_slice(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb");
    out
}
