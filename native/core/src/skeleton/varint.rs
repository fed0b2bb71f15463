//! Unsigned LEB128 of at most 2^53 − 1, in its shortest form.

/// The largest value: the largest integer that every JSON reader holds exactly.
pub const MAX: u64 = (1 << 53) - 1;

/// Appends `value`.
///
/// # Panics
/// If it is over [`MAX`]; lengths in a file that could be read are not.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    assert!(value <= MAX, "a length over 2^53");
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes a value off the front of `from`; `None` when it is cut short, too large or not shortest.
pub fn take(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..56).step_by(7) {
        let (&byte, rest) = from.split_first()?;
        *from = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return (value <= MAX && (byte != 0 || shift == 0)).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_only_from_their_shortest_form() {
        for value in [0, 1, 127, 128, 300, 1 << 14, (1 << 49) - 1, 1 << 49, MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            let mut rest = bytes.as_slice();
            assert_eq!(take(&mut rest), Some(value));
            assert!(rest.is_empty());
            assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None);
        }
        for bad in [
            &[0x80, 0][..],
            &[0xff; 9],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10],
        ] {
            assert_eq!(take(&mut &*bad), None);
        }
    }
}
