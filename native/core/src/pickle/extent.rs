//! Where a pickle ends that is not all of a file.

use super::opcode::{self, Op};
use crate::bytes::{Cursor, Limits, Parse, ReadAt, Refusal, read_vec};

/// Bytes read at first, and most bytes at a time unless one instruction is longer.
const FIRST: u64 = 512;
const WINDOW: u64 = 64 << 10;

/// Length of the pickle at `start`, up to and including its STOP. Looks at instructions one by one; what
/// they mean is for [`super::read`].
///
/// # Errors
/// When the file ends before, at unknown instructions, and beyond the limits.
pub fn extent(source: &dyn ReadAt, start: u64, limits: &Limits) -> Parse<u64> {
    let end = start.saturating_add(limits.pickle_bytes).min(source.len());
    let mut at = start;
    let mut window = FIRST;
    loop {
        let len = window.min(end.saturating_sub(at));
        let bytes = read_vec(source, at, len)?;
        let mut cursor = Cursor::new(&bytes, at, "pickle");
        let mut done = 0;
        let refusal = loop {
            match opcode::next(&mut cursor) {
                Ok(Op::Stop) => return Ok(at + cursor.at() as u64 - start),
                Ok(_) => done = cursor.at() as u64,
                Err(refusal) => break refusal,
            }
        };
        if !cursor.is_short() || at + len == end {
            return Err(if cursor.is_short() && end < source.len() {
                Refusal::new(format!(
                    "pickle: more than {} bytes, at byte {start}",
                    limits.pickle_bytes
                ))
            } else {
                refusal
            });
        }
        // The next window begins with the instruction that this one cut.
        at += done;
        window = match done {
            0 => window.saturating_mul(2),
            _ => window.saturating_mul(2).min(WINDOW),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_with_whole_instructions() {
        let long = [b"X\x40\x42\x0f\0", &[b'.'; 1_000_000][..]].concat();
        let short = [&b"X\x05\0\0\0"[..], b"....."].concat();
        let pickle = [short.repeat(20_000), long.clone(), long, b".".to_vec()].concat();
        let file = [b"before", &pickle[..], b"N."].concat();
        let limits = Limits::default();
        let found = extent(&file, 6, &limits).unwrap();
        assert_eq!(found, pickle.len() as u64);
        assert_eq!(extent(&file, 6 + found, &limits).unwrap(), 2);
        assert!(extent(&file, file.len() as u64, &limits).is_err());
        for few in [10, WINDOW, found - 1] {
            let limits = Limits {
                pickle_bytes: few,
                ..limits
            };
            let Err(Refusal::Content(reason)) = extent(&file, 6, &limits) else {
                panic!("{few}");
            };
            assert_eq!(reason, format!("pickle: more than {few} bytes, at byte 6"));
        }
        let limits = Limits {
            pickle_bytes: found,
            ..limits
        };
        assert_eq!(extent(&file, 6, &limits).unwrap(), found);
    }
}
