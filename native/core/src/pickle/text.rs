//! Strings and numbers that a pickle writes as text: protocols 0 and 1.

use super::graph::Node;

/// The value of `INT`: decimal, or the two-digit truth values.
pub(super) fn int(line: &[u8]) -> Option<Node> {
    match line {
        b"00" => Some(Node::Bool(false)),
        b"01" => Some(Node::Bool(true)),
        _ => decimal(line),
    }
}

/// The value of `LONG`: decimal, with or without Python 2's `L`.
pub(super) fn long(line: &[u8]) -> Option<Node> {
    decimal(line.strip_suffix(b"L").unwrap_or(line))
}

fn decimal(line: &[u8]) -> Option<Node> {
    let digits = line.strip_prefix(b"-").unwrap_or(line);
    let leading_zero = digits.len() > 1 && digits[0] == b'0';
    if digits.is_empty() || leading_zero || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Longer ones are only counted: converting them takes quadratic time.
    let value = (digits.len() <= 19)
        .then(|| std::str::from_utf8(line).ok()?.parse().ok())
        .flatten();
    Some(value.map_or(Node::BigInt, Node::Int))
}

/// An index into the memo.
pub(super) fn index(line: &[u8]) -> Option<u64> {
    let plain = !line.is_empty() && line.len() <= 19 && line.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(line)
        .ok()
        .filter(|_| plain)?
        .parse()
        .ok()
}

/// The value of `FLOAT`.
pub(super) fn float(line: &[u8]) -> Option<f64> {
    let plain = |b: &u8| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
    let known = [&b"inf"[..], b"-inf", b"nan", b"-nan"].contains(&line);
    if line.len() > 400 || !(known || line.iter().all(plain)) {
        return None;
    }
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// The value of a little-endian two's complement integer.
pub(super) fn twos_complement(bytes: &[u8]) -> Node {
    let Some(last) = bytes.last() else {
        return Node::Int(0);
    };
    if bytes.len() > 8 {
        return Node::BigInt;
    }
    let mut wide = [if last & 0x80 == 0 { 0 } else { 0xFF }; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Node::Int(i64::from_le_bytes(wide))
}

/// The bytes of `STRING`: a quoted Python 2 literal.
pub(super) fn quoted(line: &[u8]) -> Option<Box<[u8]>> {
    let (&quote, rest) = line.split_first()?;
    let (&end, body) = rest.split_last()?;
    if quote != end || !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let escape = rest.next()?;
        out.push(match escape {
            b'\\' | b'\'' | b'"' => escape,
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            b'x' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'0'..=b'7' => {
                let mut value = u32::from(escape - b'0');
                for _ in 0..2 {
                    let Some(digit) = rest.next_if(|b| matches!(b, b'0'..=b'7')) else {
                        break;
                    };
                    value = value * 8 + u32::from(digit - b'0');
                }
                u8::try_from(value).ok()?
            }
            _ => return None,
        });
    }
    Some(out.into())
}

/// The text of `UNICODE` in UTF-8: Latin-1 with `\u` and `\U` escapes. Lone surrogates stay what they are,
/// which is no UTF-8.
pub(super) fn raw_unicode_escape(line: &[u8]) -> Option<Box<[u8]>> {
    let mut out = Vec::with_capacity(line.len());
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        let digits = match (byte, line.get(at + 1)) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            // A backslash that begins no escape stands for itself, and so does the one behind it.
            (b'\\', Some(b'\\')) => {
                out.extend_from_slice(b"\\\\");
                at += 2;
                continue;
            }
            _ => {
                push_scalar(&mut out, byte.into());
                at += 1;
                continue;
            }
        };
        let hex = line.get(at + 2..at + 2 + digits)?;
        let scalar = hex.iter().try_fold(0u32, |value, &b| {
            Some(value * 16 + char::from(b).to_digit(16)?)
        })?;
        if scalar > 0x10_FFFF {
            return None;
        }
        push_scalar(&mut out, scalar);
        at += 2 + digits;
    }
    Some(out.into())
}

fn push_scalar(out: &mut Vec<u8>, scalar: u32) {
    match char::from_u32(scalar) {
        Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        // A surrogate, in the three bytes that UTF-8 forbids.
        None => out.extend([
            0xE0 | (scalar >> 12) as u8,
            0x80 | (scalar >> 6 & 0x3F) as u8,
            0x80 | (scalar & 0x3F) as u8,
        ]),
    }
}

/// Characters of a text that people are shown.
const SHOWN: usize = 200;
/// Bytes of a text whose characters are counted; a longer one may be shown many times.
const COUNTED: usize = 10_000;

/// A text for people: a long one is cut, and says how long it is.
pub(crate) fn shortened(text: &[u8]) -> String {
    let (mut shown, whole) = beginning(text);
    if !whole && text.len() <= COUNTED {
        let characters = String::from_utf8_lossy(text).chars().count();
        shown.push_str(&format!("… ({characters} characters)"));
    } else if !whole {
        shown.push_str(&format!("… ({} bytes)", text.len()));
    }
    shown
}

/// The first characters of a text, and whether they are all of it.
pub(super) fn beginning(text: &[u8]) -> (String, bool) {
    // A character has at most 4 bytes, so these are enough.
    let start = text.get(..4 * SHOWN + 4).unwrap_or(text);
    let shown = String::from_utf8_lossy(start);
    match shown.char_indices().nth(SHOWN) {
        None => (shown.into_owned(), true),
        Some((end, _)) => (shown[..end].to_owned(), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, value) in [
            (&b"00"[..], Some(Node::Bool(false))),
            (b"01", Some(Node::Bool(true))),
            (b"0", Some(Node::Int(0))),
            (b"-5", Some(Node::Int(-5))),
            (b"9223372036854775807", Some(Node::Int(i64::MAX))),
            (b"9223372036854775808", Some(Node::BigInt)),
            (b"002", None),
            (b"0x10", None),
            (b"1_0", None),
            (b"+1", None),
            (b"", None),
        ] {
            assert_eq!(int(text), value, "{text:?}");
        }
        assert_eq!(int(&[b'9'; 1_000_000]), Some(Node::BigInt));
        assert_eq!(long(b"-7L"), Some(Node::Int(-7)));
        assert_eq!(index(b"12"), Some(12));
        assert_eq!(index(b"99999999999999999999"), None);
        assert_eq!(index(b"-1"), None);
        assert_eq!(float(b"-1.5e3"), Some(-1500.0));
        assert_eq!(float(b"infinity"), None);
        assert_eq!(twos_complement(&[0xFF]), Node::Int(-1));
        assert_eq!(twos_complement(&[0xFF, 0]), Node::Int(255));
        assert_eq!(twos_complement(&[]), Node::Int(0));
        assert_eq!(twos_complement(&[0; 9]), Node::BigInt);
    }

    #[test]
    fn strings() {
        assert_eq!(
            quoted(br"'a\x00\'\n\101'").as_deref(),
            Some(&b"a\0'\nA"[..])
        );
        for bad in [&br"'a"[..], br"'\", br"'\q'", br"'\x0'", b"", b"'"] {
            assert_eq!(quoted(bad), None, "{bad:?}");
        }
        assert_eq!(
            raw_unicode_escape(b"\\u00e9\xE9\\U0001F600\\x").as_deref(),
            Some("éé😀\\x".as_bytes())
        );
        assert_eq!(
            raw_unicode_escape(b"\\ud800").as_deref(),
            Some(&b"\xED\xA0\x80"[..])
        );
        assert_eq!(raw_unicode_escape(b"\\u12"), None);
        assert_eq!(raw_unicode_escape(b"\\U00110000"), None);
    }

    #[test]
    fn long_texts_are_cut_and_say_how_long_they_are() {
        assert_eq!(shortened("ä".repeat(200).as_bytes()), "ä".repeat(200));
        let cut = shortened("😀".repeat(201).as_bytes());
        assert_eq!(cut, format!("{}… (201 characters)", "😀".repeat(200)));
        let cut = shortened(&[b'x'; 20_000]);
        assert_eq!(cut, format!("{}… (20000 bytes)", "x".repeat(200)));
        assert_eq!(shortened(b"a\xFFb"), "a\u{FFFD}b");
    }
}
