//! Sorted tables as LevelDB writes them, which TensorFlow uses for the index of a checkpoint.
//!
//! In: a source with the table's magic number at its end. Out: keys and values, in their order. Refused:
//! blocks outside the file or out of order, wrong checksums, compressed blocks (TensorFlow writes none),
//! keys that are not in ascending order, entries that reach outside their block.
//! Specification: `doc/table_format.md` of `https://github.com/google/leveldb`.

use crate::bytes::{Cursor, Limits, Parse, ReadAt, Refusal, read_vec, varint};

const MAGIC: &[u8] = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb";
const FOOTER: u64 = 48;
/// Kind of compression, and checksum.
const TRAILER: u64 = 5;
/// What a stored checksum has been rotated and moved by.
const MASK: u32 = 0xA282_EAD8;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("leveldb table: {rule}")))
}

/// Is this the end of a table?
pub(super) fn is_tail(tail: &[u8]) -> bool {
    tail.len() >= FOOTER as usize && tail.ends_with(MAGIC)
}

/// Gives every entry, key and value, to `take`.
///
/// # Errors
/// See the module; those of `take`.
pub(super) fn read(
    source: &dyn ReadAt,
    limits: &Limits,
    mut take: impl FnMut(&[u8], &[u8]) -> Parse<()>,
) -> Parse<()> {
    if source.len() > limits.literal_bytes {
        return refuse(format!("more than {} bytes", limits.literal_bytes));
    }
    let Some(footer) = source.len().checked_sub(FOOTER) else {
        return refuse("shorter than its footer");
    };
    let bytes = read_vec(source, footer, FOOTER)?;
    if !bytes.ends_with(MAGIC) {
        return refuse("no magic number at the end");
    }
    let mut cursor = Cursor::new(&bytes, footer, "leveldb table: footer");
    let _meta = Handle::read(&mut cursor)?;
    let index = Handle::read(&mut cursor)?;
    let index = block(source, &index, footer)?;

    // Blocks lie one behind the other, so that none can be read twice.
    let mut at = 0;
    let mut last: Option<Vec<u8>> = None;
    entries(&index, |_, value| {
        let handle = Handle::read(&mut Cursor::new(value, 0, "leveldb table: index"))?;
        if handle.at < at {
            return refuse(format!("block at byte {} is out of order", handle.at));
        }
        let data = block(source, &handle, footer)?;
        at = handle.at + handle.len + TRAILER;
        entries(&data, |key, value| {
            if last.as_deref().is_some_and(|last| last >= key) {
                return refuse(format!(
                    "keys are out of order in the block at byte {}",
                    data.at
                ));
            }
            take(key, value)?;
            let last = last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            Ok(())
        })
    })
}

/// Position and length of a block.
struct Handle {
    at: u64,
    len: u64,
}

impl Handle {
    fn read(cursor: &mut Cursor<'_>) -> Parse<Self> {
        Ok(Self {
            at: integer(cursor)?,
            len: integer(cursor)?,
        })
    }
}

fn integer(cursor: &mut Cursor<'_>) -> Parse<u64> {
    let value = varint(|| cursor.u8())?;
    value.ok_or_else(|| cursor.refuse("integer of more than 64 bits"))
}

struct Block {
    at: u64,
    bytes: Vec<u8>,
}

/// Reads a block, which ends before the footer.
fn block(source: &dyn ReadAt, handle: &Handle, footer: u64) -> Parse<Block> {
    let &Handle { at, len } = handle;
    let end = at.checked_add(len).and_then(|end| end.checked_add(TRAILER));
    if end.is_none_or(|end| end > footer) {
        return refuse(format!("block at byte {at} reaches past the footer"));
    }
    let mut bytes = read_vec(source, at, len + TRAILER)?;
    let trailer = bytes.split_off(len as usize);
    let mut cursor = Cursor::new(&trailer, at, "leveldb table: block");
    let kind = cursor.u8()?;
    let stored = cursor.u32()?.wrapping_sub(MASK).rotate_left(15);
    if stored != checksum(&[&bytes, &[kind]]) {
        return refuse(format!("wrong checksum of the block at byte {at}"));
    }
    match kind {
        0 => Ok(Block { at, bytes }),
        1 => refuse(format!("the block at byte {at} is compressed")),
        _ => refuse(format!("unknown compression of the block at byte {at}")),
    }
}

/// Gives the entries of a block to `take`. A key repeats the beginning of the one before it.
fn entries(block: &Block, mut take: impl FnMut(&[u8], &[u8]) -> Parse<()>) -> Parse<()> {
    let bytes = &block.bytes;
    let Some((rest, count)) = bytes.split_last_chunk::<4>() else {
        return refuse(format!("block at byte {} is too short", block.at));
    };
    let restarts = u64::from(u32::from_le_bytes(*count)) * 4;
    let Some(len) = (rest.len() as u64).checked_sub(restarts) else {
        return refuse(format!(
            "too many restarts in the block at byte {}",
            block.at
        ));
    };
    let mut cursor = Cursor::new(&rest[..len as usize], block.at, "leveldb table: block");
    let mut key = Vec::new();
    while cursor.remaining() > 0 {
        let shared = integer(&mut cursor)?;
        let (own, value) = (integer(&mut cursor)?, integer(&mut cursor)?);
        if shared > key.len() as u64 {
            return Err(cursor.refuse("key longer than the one that it repeats"));
        }
        key.truncate(shared as usize);
        key.extend_from_slice(cursor.take(own)?);
        take(&key, cursor.take(value)?)?;
    }
    Ok(())
}

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0x82F6_3B78
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

const TABLE: [u32; 256] = table();

/// CRC-32C of parts, one behind the other.
fn checksum(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().copied().flatten();
    !bytes.fold(!0u32, |crc, &byte| {
        crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)]
    })
}

#[cfg(test)]
#[path = "../../tests/support/mod.rs"]
mod support;
#[cfg(test)]
pub(super) use support::leveldb as build;

#[cfg(test)]
mod tests {
    use super::build::{block, finish, handle, raw_block, table, trailer};
    use super::*;

    type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

    fn all(bytes: &[u8]) -> Result<Pairs, String> {
        let mut all = Vec::new();
        let take = |key: &[u8], value: &[u8]| {
            all.push((key.to_vec(), value.to_vec()));
            Ok(())
        };
        match read(&bytes, &Limits::default(), take) {
            Ok(()) => Ok(all),
            Err(Refusal::Content(reason)) => Err(reason),
            Err(Refusal::Io(error)) => panic!("{error}"),
        }
    }

    fn pairs(keys: &[&str]) -> Pairs {
        let pair = |key: &&str| (key.as_bytes().to_vec(), vec![7]);
        keys.iter().map(pair).collect()
    }

    #[test]
    fn known_checksums() {
        // RFC 3720, B.4.
        assert_eq!(checksum(&[&[0; 32]]), 0x8A91_36AA);
        assert_eq!(checksum(&[&[0xFF; 16], &[0xFF; 16]]), 0x62A8_AB43);
        assert_eq!(checksum(&[b"123456789"]), 0xE306_9283);
    }

    #[test]
    fn entries_of_several_blocks() {
        let bytes = table(&[block(&pairs(&["", "a"])), block(&pairs(&["ab", "b"]))]);
        assert_eq!(all(&bytes).unwrap(), pairs(&["", "a", "ab", "b"]));
        assert_eq!(all(&table(&[])).unwrap(), []);
        // The second key repeats two bytes of the first.
        let shared = b"\0\x03\x01abcx\x02\x01\x01dy\0\0\0\0\x01\0\0\0".to_vec();
        let found = all(&table(&[trailer(shared, 0)])).unwrap();
        assert_eq!(found[1], (b"abd".to_vec(), b"y".to_vec()));
    }

    #[test]
    fn what_is_refused() {
        let one = block(&pairs(&["a"]));
        let at = |at, len| finish(one.clone(), &[(b"a".to_vec(), handle(at, len))]);
        let len = one.len() as u64 - TRAILER;
        let mut wrong = table(std::slice::from_ref(&one));
        wrong[2] ^= 1;
        let cycle = [
            (b"a".to_vec(), handle(0, len)),
            (b"b".to_vec(), handle(0, len)),
        ];
        for (case, bytes, rule) in [
            ("empty", vec![], "shorter than its footer"),
            ("no magic", vec![0; 100], "magic"),
            (
                "keys twice",
                table(&[one.clone(), one.clone()]),
                "out of order",
            ),
            (
                "keys swapped",
                table(&[block(&pairs(&["b", "a"]))]),
                "out of order",
            ),
            (
                "the same block",
                finish(one.clone(), &cycle),
                "out of order",
            ),
            ("checksum", wrong, "wrong checksum"),
            ("outside", at(1 << 40, len), "past the footer"),
            ("overflow", at(u64::MAX, u64::MAX), "past the footer"),
            (
                "bad handle",
                finish(one.clone(), &[(b"a".to_vec(), vec![0x80])]),
                "ends early",
            ),
            (
                "handle of 80 bits",
                finish(one.clone(), &[(b"a".to_vec(), vec![0xFF; 11])]),
                "64 bits",
            ),
            (
                "compressed",
                table(&[trailer(b"\x01\0\0".to_vec(), 1)]),
                "is compressed",
            ),
            (
                "kind 2",
                table(&[trailer(vec![], 2)]),
                "unknown compression",
            ),
            ("no restarts", table(&[trailer(vec![], 0)]), "too short"),
            (
                "many restarts",
                table(&[trailer(vec![0xFF; 4], 0)]),
                "too many restarts",
            ),
            (
                "shared",
                table(&[raw_block(b"\x01\x00\x00")]),
                "longer than the one",
            ),
            (
                "key outside",
                table(&[raw_block(b"\x00\x09\x00a")]),
                "ends early",
            ),
            (
                "value outside",
                table(&[raw_block(b"\x00\x01\x09a")]),
                "ends early",
            ),
            (
                "value of 2^64",
                table(&[raw_block(
                    b"\0\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
                )]),
                "ends early",
            ),
        ] {
            let reason = all(&bytes).expect_err(case);
            assert!(reason.contains(rule), "{case}: {reason}");
        }
        let good = table(&[one]);
        for end in 0..good.len() {
            assert!(all(&good[..end]).is_err());
        }
        for at in 0..good.len() {
            for bit in 0..8 {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let _ = all(&bytes);
            }
        }
    }
}
