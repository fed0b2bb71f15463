//! Tar archives of plain files: where each member's content is.
//!
//! In: an archive from its first byte. Out: names and ranges, in the order of the file, up to the first block
//! of zeros. Refused: everything that readers treat differently: links, devices, extended and sparse
//! headers, sizes that are not octal, wrong checksums, names that are there twice, what is cut.
//! Specification: POSIX.1-1988 `ustar`; GNU tar's old format differs in the magic's padding only.

use std::collections::HashSet;

use crate::bytes::{Parse, ReadAt, Refusal};

/// One file of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) len: u64,
}

const BLOCK: usize = 512;

fn refuse<T>(rule: &str, at: u64) -> Parse<T> {
    Err(Refusal::new(format!("tar: {rule}, header at byte {at}")))
}

/// All members, of which there must be at most `most`.
///
/// # Errors
/// See the module.
pub(super) fn members(source: &dyn ReadAt, most: usize) -> Parse<Vec<Member>> {
    let mut members = Vec::new();
    let mut names = HashSet::new();
    let mut at = 0u64;
    while at < source.len() {
        let mut block = [0; BLOCK];
        if source.len() - at < BLOCK as u64 {
            return refuse("truncated", at);
        }
        source.read_exact_at(at, &mut block)?;
        if block == [0; BLOCK] {
            break;
        }
        let member = header(&block, at)?;
        if !names.insert(member.name.clone()) {
            return refuse(&format!("member {:?} twice", member.name), at);
        }
        let padded = member.len.checked_next_multiple_of(BLOCK as u64);
        let end = padded.and_then(|len| member.offset.checked_add(len));
        let Some(end) = end.filter(|&end| end <= source.len()) else {
            return refuse(&format!("member {:?} is truncated", member.name), at);
        };
        at = end;
        members.push(member);
        if members.len() > most {
            return refuse(&format!("more than {most} members"), at);
        }
    }
    Ok(members)
}

fn header(block: &[u8; BLOCK], at: u64) -> Parse<Member> {
    if &block[257..262] != b"ustar" {
        return refuse("no header", at);
    }
    // The sum counts its own field as spaces.
    let sum: u64 = block.iter().map(|&byte| u64::from(byte)).sum();
    let own: u64 = block[148..156].iter().map(|&byte| u64::from(byte)).sum();
    if octal(&block[148..156]) != Some(sum - own + 8 * u64::from(b' ')) {
        return refuse("wrong checksum", at);
    }
    if !matches!(block[156], b'0' | 0) {
        return refuse("member that is no plain file", at);
    }
    let until_zero = |field: &'_ [u8]| -> usize {
        let end = field.iter().position(|&byte| byte == 0);
        end.unwrap_or(field.len())
    };
    let name = &block[..until_zero(&block[..100])];
    // With a prefix, or in GNU's format what it keeps there, a name is longer than any that is asked for.
    let prefix = until_zero(&block[345..500]);
    let name = match std::str::from_utf8(name) {
        Ok(name) if prefix == 0 && !name.is_empty() && !name.contains('/') => name.to_owned(),
        _ => return refuse("member in a folder, or without a name", at),
    };
    let Some(len) = octal(&block[124..136]) else {
        return refuse("size that is not octal", at);
    };
    Ok(Member {
        name,
        offset: at + BLOCK as u64,
        len,
    })
}

/// Digits, possibly between spaces and zeros.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?;
    let digits = text.trim_matches([' ', '\0']);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    u64::from_str_radix(digits, 8).ok().filter(|_| plain)
}
