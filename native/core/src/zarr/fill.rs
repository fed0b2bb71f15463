//! Fill values: the bits of one element, as the manifest and as `zarr.json` write them.
//!
//! The manifest has the bits. `zarr.json` has the type's own form, and there readers differ: some
//! hold all numbers as `float64`, some take a hexadecimal string for a number, some lose the payload
//! of a NaN. Only bits that each of them reads back, or refuses, have a form here; other arrays keep
//! their chunks.

use std::fmt;

use smallvec::SmallVec;

use super::MAX_INTEGER;
use crate::tensor::Dtype;

/// The bits of one element of an array. Prints as `0x` and two hexadecimal digits for each byte, the
/// most significant one first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fill(SmallVec<[u8; 16]>);

impl Fill {
    /// Zero bits, for elements of `size` bytes, 1 to 16.
    #[must_use]
    pub fn zero(size: usize) -> Self {
        Self(SmallVec::from_elem(0, size.clamp(1, 16)))
    }

    /// The element as it is in memory; `None` unless it has 1 to 16 bytes.
    #[must_use]
    pub fn from_element(bytes: &[u8]) -> Option<Self> {
        (1..=16)
            .contains(&bytes.len())
            .then(|| Self(SmallVec::from_slice(bytes)))
    }

    /// Reads what [`fmt::Display`] writes, for elements of `size` bytes; `None` for all else.
    #[must_use]
    pub fn parse(text: &str, size: usize) -> Option<Self> {
        let digits = text.strip_prefix("0x")?.as_bytes();
        if digits.len() != size.checked_mul(2)? {
            return None;
        }
        let digit = |c: u8| match c {
            b'0'..=b'9' => Some(c - b'0'),
            b'a'..=b'f' => Some(c - b'a' + 10),
            _ => None,
        };
        let mut bytes = digits
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
            .collect::<Option<SmallVec<[u8; 16]>>>()?;
        bytes.reverse();
        Self::from_element(&bytes)
    }

    /// The element as it is in memory: little-endian.
    #[must_use]
    pub fn element(&self) -> &[u8] {
        &self.0
    }

    /// Bytes of the element; never 0.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an element has bytes")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are all bits zero?
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|&b| b == 0)
    }

    /// Fills `out`, a whole number of elements.
    pub fn repeat(&self, out: &mut [u8]) {
        if let [byte] = self.0.as_slice() {
            out.fill(*byte);
            return;
        }
        for element in out.chunks_mut(self.0.len()) {
            element.copy_from_slice(&self.0[..element.len()]);
        }
    }

    /// The bits as a number.
    fn bits(&self) -> u128 {
        self.0.iter().rev().fold(0, |n, &b| n << 8 | u128::from(b))
    }

    /// The element of `size` bytes with these bits.
    fn from_bits(bits: u128, size: usize) -> Option<Self> {
        Self::from_element(bits.to_le_bytes().get(..size)?)
    }
}

impl fmt::Display for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().rev().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// The JSON text of `fill_value` for an array of `data_type`; `None` when readers would not agree on it.
pub(super) fn to_json(data_type: Dtype, fill: &Fill) -> Option<String> {
    use Dtype as D;
    let bits = fill.bits();
    let unsigned = u64::try_from(bits).ok();
    match data_type {
        D::Bool => match bits {
            0 => Some("false".into()),
            1 => Some("true".into()),
            _ => None,
        },
        D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64 => unsigned
            .filter(|&n| n <= MAX_INTEGER)
            .map(|n| n.to_string()),
        D::Int8 | D::Int16 | D::Int32 | D::Int64 => {
            let unused = 64 - 8 * fill.len() as u32;
            let n = ((unsigned? << unused) as i64) >> unused;
            (n.unsigned_abs() <= MAX_INTEGER).then(|| n.to_string())
        }
        D::Float16 => number(half_to_f64(u16::try_from(bits).ok()?), bits == 0x7e00),
        D::Float32 => number(
            f64::from(f32::from_bits(u32::try_from(bits).ok()?)),
            bits == 0x7fc0_0000,
        ),
        D::Float64 => number(f64::from_bits(unsigned?), bits == 0x7ff8 << 48),
        D::Complex64 | D::Complex128 => {
            let (real, imaginary) = fill.0.split_at(fill.len() / 2);
            let part = if data_type == D::Complex64 {
                D::Float32
            } else {
                D::Float64
            };
            let part = |bytes| to_json(part, &Fill::from_element(bytes)?);
            Some(format!("[{},{}]", part(real)?, part(imaginary)?))
        }
        // Its bits 0 are the number 2^-127.
        D::Float8E8m0fnu => Some(format!("\"{fill}\"")),
        // Readers of these types all know the hexadecimal form. A reader that has been taught to
        // see `uint16` refuses it, but would take the number for bits.
        D::BFloat16 | D::Float8E4m3fnuz | D::Float8E5m2 | D::Float8E5m2fnuz => Some(if bits == 0 {
            "0.0".into()
        } else {
            format!("\"{fill}\"")
        }),
        _ => None,
    }
}

/// Reads what [`to_json`] writes. Other texts may be taken too: the caller writes the value again
/// and compares.
pub(super) fn from_json(data_type: Dtype, text: &str) -> Option<Fill> {
    use Dtype as D;
    let size = data_type.item_size()? as usize;
    let string = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    match data_type {
        D::Bool => Fill::from_element(&[u8::from(text == "true")]),
        D::UInt8 | D::UInt16 | D::UInt32 | D::UInt64 => {
            Fill::from_bits(text.parse::<u64>().ok()?.into(), size)
        }
        D::Int8 | D::Int16 | D::Int32 | D::Int64 => {
            Fill::from_element(text.parse::<i64>().ok()?.to_le_bytes().get(..size)?)
        }
        D::Float16 | D::Float32 | D::Float64 => {
            let value: f64 = match string {
                Some("NaN") => {
                    let quiet = [0x7e00, 0x7fc0_0000, 0x7ff8 << 48];
                    return Fill::from_bits(quiet[size.ilog2() as usize - 1], size);
                }
                Some("Infinity") => f64::INFINITY,
                Some("-Infinity") => f64::NEG_INFINITY,
                Some(_) => return None,
                None => text.parse().ok()?,
            };
            let bits = match data_type {
                D::Float16 => u128::from(f64_to_half(value)),
                D::Float32 => (value as f32).to_bits().into(),
                _ => value.to_bits().into(),
            };
            Fill::from_bits(bits, size)
        }
        D::Complex64 | D::Complex128 => {
            let part = if data_type == D::Complex64 {
                D::Float32
            } else {
                D::Float64
            };
            let pair = text.strip_prefix('[')?.strip_suffix(']')?;
            let (real, imaginary) = pair.split_once(',')?;
            let mut element = from_json(part, real)?.0;
            element.extend_from_slice(from_json(part, imaginary)?.element());
            Fill::from_element(&element)
        }
        _ => match string {
            Some(hex) => Fill::parse(hex, size),
            None => Some(Fill::zero(size)),
        },
    }
}

/// A number as JSON: the shortest digits that read back as this `float64`.
fn number(value: f64, quiet_nan: bool) -> Option<String> {
    let magnitude = value.abs();
    if value.is_nan() {
        // Payloads and signs of NaNs get lost in many readers.
        return quiet_nan.then(|| "\"NaN\"".into());
    }
    if value.is_infinite() {
        let text = if value > 0.0 { "Infinity" } else { "-Infinity" };
        return Some(format!("\"{text}\""));
    }
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        return Some(format!("{value:e}"));
    }
    let text = format!("{value}");
    Some(if text.contains('.') {
        text
    } else {
        text + ".0"
    })
}

/// The value of a `float16`; NaNs all become one.
fn half_to_f64(bits: u16) -> f64 {
    let mantissa = f64::from(bits & 0x3ff);
    // 2^-24, the distance between the smallest numbers.
    let unit = f64::from_bits((1023 - 24) << 52);
    let magnitude = match bits >> 10 & 31 {
        0 => mantissa * unit,
        31 if bits & 0x3ff == 0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (1024.0 + mantissa) * unit * f64::from(1u32 << (exponent - 1)),
    };
    if bits >> 15 == 1 {
        -magnitude
    } else {
        magnitude
    }
}

/// The bits of a `float16` whose value this is, if there is one; else of some other.
fn f64_to_half(value: f64) -> u16 {
    let infinity = 0x7c00;
    let (mut low, mut high) = (0, infinity);
    // Positive numbers are ordered like their bits.
    while low < high {
        let middle = (low + high) / 2;
        if half_to_f64(middle) < value.abs() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low | u16::from(value.is_sign_negative()) << 15
}

#[cfg(test)]
mod tests;
