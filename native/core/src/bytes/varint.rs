//! Integers in groups of 7 bits, the least significant first, each with a bit that says whether another one
//! follows: as protocol buffers and LevelDB write them.

use super::Parse;

/// Reads an integer by its bytes; `None` when it has more than 64 bits.
///
/// # Errors
/// Those of `next`.
pub fn varint(mut next: impl FnMut() -> Parse<u8>) -> Parse<Option<u64>> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = next()?;
        if shift == 63 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(Some(value));
        }
    }
    Ok(None)
}
