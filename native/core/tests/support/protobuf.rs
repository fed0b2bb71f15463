//! Builds protocol buffers messages.

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7F {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A field: a number.
pub fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// A field: bytes.
pub fn bytes(number: u64, value: &[u8]) -> Vec<u8> {
    stated(number, value.len() as u64, value)
}

/// A field that says that it has so many bytes.
pub fn stated(number: u64, len: u64, value: &[u8]) -> Vec<u8> {
    [&varint(number << 3 | 2), &varint(len), value].concat()
}
