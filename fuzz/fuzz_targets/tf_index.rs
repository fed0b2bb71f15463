#![no_main]
//! Indexes of TensorFlow checkpoints: the input is the entries of the table's one block.

use git_theta_core::bytes::Limits;
use git_theta_core::format::parse;
use libfuzzer_sys::fuzz_target;

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

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7F {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// Appends a block with its trailer; where it is.
fn push_block(file: &mut Vec<u8>, entries: &[u8]) -> Vec<u8> {
    let block = [entries, &[0, 0, 0, 0, 1, 0, 0, 0]].concat();
    let at = [varint(file.len()), varint(block.len())].concat();
    let block = [&block[..], &[0]].concat();
    let crc = crc32c(&block).rotate_right(15).wrapping_add(0xA282_EAD8);
    file.extend(block);
    file.extend(crc.to_le_bytes());
    at
}

fuzz_target!(|entries: &[u8]| {
    let mut file = Vec::new();
    let data = push_block(&mut file, entries);
    let index = [&[0, 1, data.len() as u8, b'z'][..], &data].concat();
    let index = push_block(&mut file, &index);
    let mut footer = [&[0, 0][..], &index].concat();
    footer.resize(40, 0);
    file.extend(footer);
    file.extend(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb");
    parse(&file, &Limits::default()).unwrap();
});
