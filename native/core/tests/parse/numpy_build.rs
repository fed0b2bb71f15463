//! Builds NumPy files and archives of them, well-formed unless asked otherwise.

use zip::CompressionMethod::{self, Deflated};

use super::build::other_zip;

/// An array with this header, and so many bytes of values: 1, 2, …
pub fn npy(header: &str, data: usize) -> Vec<u8> {
    let len = u16::try_from(header.len()).unwrap().to_le_bytes();
    let values = (0..data).map(|i| (i % 255) as u8 + 1);
    let start = [&b"\x93NUMPY\x01\0"[..], &len, header.as_bytes()].concat();
    start.into_iter().chain(values).collect()
}

pub fn dict(descr: &str, fortran: &str, shape: &str) -> String {
    format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n")
}

pub fn array(descr: &str, shape: &str, data: usize) -> Vec<u8> {
    npy(&dict(descr, "False", shape), data)
}

pub fn archive(records: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let compress = method == Deflated;
    let records = records.iter();
    let records: Vec<_> = records
        .map(|(name, bytes)| (*name, &bytes[..], compress))
        .collect();
    other_zip(&records)
}
