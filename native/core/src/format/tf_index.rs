//! The index of a TensorFlow checkpoint, version 2: what is where in its data files.
//!
//! In: a sorted table whose first entry is a `BundleHeaderProto`, the others `BundleEntryProto`s by the
//! names of tensors. Out: for the set view, an [`Index`]. As a file it is small and has no tensors: it is
//! always kept whole. Refused, with a reason: big-endian checkpoints, later versions, what the parsers of
//! the table and of its entries refuse. Data files have no structure of their own.
//! Specification: `tensorflow/core/protobuf/tensor_bundle.proto` and `tensorflow/core/util/tensor_bundle`
//! of `https://github.com/tensorflow/tensorflow`.

use std::collections::HashMap;

use super::leveldb_table as table;
use super::protobuf::{Field, Kind, Span, Value, Wire};
use super::{Facts, Format, Probe};
use crate::bytes::{Limits, MAX_INTEGER, Parse, ReadAt, Refusal};
use crate::layout::Layout;
use crate::tensor::Dtype;

/// See the module.
pub(super) struct TfIndex;

/// The newest version of the format; entries that need a later one cannot be understood.
const VERSION: u64 = 1;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("tensorflow index: {rule}")))
}

impl Format for TfIndex {
    fn name(&self) -> &'static str {
        "tensorflow-index"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        table::is_tail(&file.tail)
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        _facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        read(source, limits)?;
        Err(Refusal::new(
            "the file is the index of a TensorFlow checkpoint; its tensors are in its data files",
        ))
    }
}

/// Does the source end like an index?
pub(crate) fn is_index(source: &dyn ReadAt) -> Parse<bool> {
    Ok(table::is_tail(&Probe::new(source)?.tail))
}

/// The type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// One of ours.
    Plain(Dtype),
    /// Another one of TensorFlow's, by its name.
    Other(&'static str),
}

impl Type {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain(dtype) => dtype.name(),
            Self::Other(name) => name,
        }
    }

    fn of(data_type: u64) -> Self {
        Self::Plain(match data_type {
            1 => Dtype::Float32,
            2 => Dtype::Float64,
            3 => Dtype::Int32,
            4 => Dtype::UInt8,
            5 => Dtype::Int16,
            6 => Dtype::Int8,
            7 => return Self::Other("string"),
            8 => Dtype::Complex64,
            9 => Dtype::Int64,
            10 => Dtype::Bool,
            11 => Dtype::QInt8,
            12 => Dtype::QUInt8,
            13 => Dtype::QInt32,
            14 => Dtype::BFloat16,
            17 => Dtype::UInt16,
            18 => Dtype::Complex128,
            19 => Dtype::Float16,
            21 => return Self::Other("variant"),
            22 => Dtype::UInt32,
            23 => Dtype::UInt64,
            24 => Dtype::Float8E5m2,
            25 => Dtype::Float8E4m3fn,
            26 => Dtype::Float8E4m3fnuz,
            28 => Dtype::Float8E5m2fnuz,
            _ => return Self::Other("unknown"),
        })
    }
}

/// A tensor, or a slice of one.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) dtype: Type,
    pub(crate) shape: Vec<u64>,
    /// Which data file.
    pub(crate) shard: u64,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    /// Where it is in slices of their own: `(start, length)` along each axis, no length for all of it.
    pub(crate) slices: Vec<Vec<(u64, Option<u64>)>>,
}

/// What an index says.
#[derive(Debug)]
pub(crate) struct Index {
    /// Data files.
    pub(crate) shards: u64,
    /// Tensors in the order of their names.
    pub(crate) tensors: Vec<(String, Entry)>,
    /// Slices, by the keys that [`slice_key`] gives.
    pub(crate) slices: HashMap<Vec<u8>, Entry>,
}

/// Reads an index.
///
/// # Errors
/// See the module; what reading says.
pub(crate) fn read(source: &dyn ReadAt, limits: &Limits) -> Parse<Index> {
    let mut shards = None;
    let mut tensors = Vec::new();
    let mut slices = HashMap::new();
    let mut places = 0;
    table::read(source, limits, |key, value| {
        if shards.is_none() {
            if !key.is_empty() {
                return refuse("no header: a table of another program");
            }
            shards = Some(header(value)?);
            return Ok(());
        }
        if (tensors.len() + slices.len()) as u64 >= limits.tensors {
            return refuse(format!("more than {} tensors", limits.tensors));
        }
        let entry = entry(value, limits)?;
        places += entry.slices.len() as u64;
        if places > limits.tensors {
            return refuse(format!("more than {} slices", limits.tensors));
        }
        if key.starts_with(b"\0") {
            slices.insert(key.to_vec(), entry);
        } else {
            let Ok(name) = std::str::from_utf8(key) else {
                return refuse(format!(
                    "name that is not UTF-8: {:?}",
                    String::from_utf8_lossy(key)
                ));
            };
            tensors.push((name.to_owned(), entry));
        }
        Ok(())
    })?;
    let Some(shards) = shards else {
        return refuse("no header: an empty table");
    };
    Ok(Index {
        shards,
        tensors,
        slices,
    })
}

/// Gives the fields of a message to `take`, with a wire to read more of them.
fn fields<'a>(
    bytes: &'a &'a [u8],
    span: Span,
    mut take: impl FnMut(&mut Wire<'a>, Field) -> Parse<()>,
) -> Parse<()> {
    let mut wire = Wire::new(bytes, "tensorflow index: entry");
    let (mut at, end) = (span.at, span.at.saturating_add(span.len));
    while let Some(field) = wire.field(&mut at, end)? {
        take(&mut wire, field)?;
    }
    Ok(())
}

fn whole(bytes: &[u8]) -> Span {
    Span {
        at: 0,
        len: bytes.len() as u64,
    }
}

fn expect(wire: &Wire<'_>, field: Field, kind: Kind) -> Parse<()> {
    if field.value.kind() == kind {
        return Ok(());
    }
    Err(wire.refuse("field with the wire type of another", field.at))
}

/// Positions and extents: as Python's and the manifest's integers, not negative.
fn unsigned(wire: &Wire<'_>, field: Field) -> Parse<u64> {
    expect(wire, field, Kind::Varint)?;
    let value = field.value.varint();
    if value > MAX_INTEGER {
        return Err(wire.refuse("number that is negative or too large", field.at));
    }
    Ok(value)
}

/// `BundleHeaderProto`: how many data files there are.
fn header(bytes: &[u8]) -> Parse<u64> {
    let (mut shards, mut big, mut version) = (0, false, 0);
    fields(&bytes, whole(bytes), |wire, field| {
        match field.number {
            1 => shards = unsigned(wire, field)?,
            2 => big = unsigned(wire, field)? != 0,
            3 => {
                expect(wire, field, Kind::Bytes)?;
                fields(&bytes, field.value.span(), |wire, field| {
                    if field.number == 2 {
                        version = unsigned(wire, field)?;
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    })?;
    if big {
        return refuse("the checkpoint is big-endian");
    }
    if version > VERSION {
        return refuse(format!("version {version} of the format"));
    }
    // The files' names have five digits.
    if !(1..100_000).contains(&shards) {
        return refuse(format!("{shards} data files"));
    }
    Ok(shards)
}

/// `BundleEntryProto`
fn entry(bytes: &[u8], limits: &Limits) -> Parse<Entry> {
    let mut data_type = 0;
    let mut entry = Entry {
        dtype: Type::Other("unknown"),
        shape: Vec::new(),
        shard: 0,
        offset: 0,
        size: 0,
        slices: Vec::new(),
    };
    fields(&bytes, whole(bytes), |wire, field| {
        match field.number {
            1 => data_type = unsigned(wire, field)?,
            2 => {
                expect(wire, field, Kind::Bytes)?;
                entry.shape = shape(&bytes, field.value.span(), limits)?;
            }
            3 => entry.shard = unsigned(wire, field)?,
            4 => entry.offset = unsigned(wire, field)?,
            5 => entry.size = unsigned(wire, field)?,
            7 => {
                expect(wire, field, Kind::Bytes)?;
                entry
                    .slices
                    .push(slice(&bytes, field.value.span(), limits)?);
            }
            _ => {}
        }
        Ok(())
    })?;
    entry.dtype = Type::of(data_type);
    Ok(entry)
}

/// `TensorShapeProto`
fn shape(bytes: &&[u8], span: Span, limits: &Limits) -> Parse<Vec<u64>> {
    let mut shape = Vec::new();
    fields(bytes, span, |wire, field| {
        if field.number == 3 && field.value != Value::Varint(0) {
            return Err(wire.refuse("tensor of unknown rank", field.at));
        }
        if field.number != 2 {
            return Ok(());
        }
        expect(wire, field, Kind::Bytes)?;
        if shape.len() >= limits.rank {
            return Err(wire.refuse(format!("more than {} axes", limits.rank), field.at));
        }
        let mut size = 0;
        fields(bytes, field.value.span(), |wire, field| {
            if field.number == 1 {
                size = unsigned(wire, field)?;
            }
            Ok(())
        })?;
        shape.push(size);
        Ok(())
    })?;
    Ok(shape)
}

/// `TensorSliceProto`
fn slice(bytes: &&[u8], span: Span, limits: &Limits) -> Parse<Vec<(u64, Option<u64>)>> {
    let mut extents = Vec::new();
    fields(bytes, span, |wire, field| {
        if field.number != 1 {
            return Ok(());
        }
        expect(wire, field, Kind::Bytes)?;
        if extents.len() >= limits.rank {
            return Err(wire.refuse(format!("more than {} axes", limits.rank), field.at));
        }
        let mut extent = (0, None);
        fields(bytes, field.value.span(), |wire, field| {
            match field.number {
                1 => extent.0 = unsigned(wire, field)?,
                2 => extent.1 = Some(unsigned(wire, field)?),
                _ => {}
            }
            Ok(())
        })?;
        extents.push(extent);
        Ok(())
    })?;
    Ok(extents)
}

/// The key of a slice: name and extents, so that the bytes of keys sort as these do.
pub(crate) fn slice_key(name: &str, slice: &[(u64, Option<u64>)]) -> Vec<u8> {
    let mut key = vec![0];
    for &byte in name.as_bytes() {
        match byte {
            0 => key.extend([0, 0xFF]),
            0xFF => key.extend([0xFF, 0]),
            _ => key.push(byte),
        }
    }
    key.extend([0, 1]);
    let rank = slice.len().to_be_bytes();
    let zeros = rank.iter().take_while(|&&byte| byte == 0).count();
    key.push((rank.len() - zeros) as u8);
    key.extend_from_slice(&rank[zeros..]);
    for &(start, length) in slice {
        push_signed(&mut key, start as i64);
        push_signed(&mut key, length.map_or(-1, |length| length as i64));
    }
    key
}

/// Ten bytes of two's complement, shortened; as many of the highest bits are inverted as bytes are left.
fn push_signed(key: &mut Vec<u8>, value: i64) {
    let magnitude = if value < 0 { !value } else { value };
    let bits = 64 - magnitude.leading_zeros() as usize;
    let len = bits / 7 + 1;
    let mut bytes = [if value < 0 { 0xFF } else { 0 }; 10];
    bytes[2..].copy_from_slice(&value.to_be_bytes());
    let first = 10 - len;
    for bit in 0..len {
        bytes[first + bit / 8] ^= 0x80 >> (bit % 8);
    }
    key.extend_from_slice(&bytes[first..]);
}

#[cfg(test)]
mod tests {
    use super::table::build::{block, table};
    use super::*;

    fn index(entries: &[(&[u8], &[u8])]) -> Result<Index, String> {
        let pairs: Vec<_> = entries
            .iter()
            .map(|(k, v)| (k.to_vec(), v.to_vec()))
            .collect();
        match read(&table(&[block(&pairs)]), &Limits::default()) {
            Ok(index) => Ok(index),
            Err(Refusal::Content(reason)) => Err(reason),
            Err(Refusal::Io(error)) => panic!("{error}"),
        }
    }

    const HEADER: (&[u8], &[u8]) = (b"", b"\x08\x02\x1a\x02\x08\x01");

    #[test]
    fn entries() {
        let two =
            b"\x08\x0e\x12\x08\x12\x02\x08\x03\x12\x02\x08\x02\x18\x01\x20\x05\x28\x0c\x35abcd";
        let found = index(&[HEADER, (b"a/b", two), (b"c", b"")]).unwrap();
        assert_eq!((found.shards, found.tensors.len()), (2, 2));
        let (name, entry) = &found.tensors[0];
        assert_eq!(
            (name.as_str(), entry.dtype),
            ("a/b", Type::Plain(Dtype::BFloat16))
        );
        assert_eq!((entry.shard, entry.offset, entry.size), (1, 5, 12));
        assert_eq!(entry.shape, [3, 2]);
        assert_eq!(found.tensors[1].1.dtype.name(), "unknown");
    }

    #[test]
    fn what_is_refused() {
        let axes = [b"\x12\x82\x01".as_slice(), &b"\x12\0".repeat(65)].concat();
        let extents = [b"\x3a\x82\x01".as_slice(), &b"\x0a\0".repeat(65)].concat();
        for (entries, rule) in [
            (&[][..], "empty table"),
            (&[(&b"a"[..], &b""[..])], "another program"),
            (&[(b"", b"\x10\x01\x08\x01")], "big-endian"),
            (&[(b"", b"")], "0 data files"),
            (&[(b"", b"\x08\xff\xff\x7f")], "2097151 data files"),
            (&[(b"", b"\x08\x01\x1a\x02\x10\x02")], "version 2"),
            (&[(b"", b"\x0a\x00")], "wire type"),
            (&[(b"", b"\x0b")], "group"),
            (&[HEADER, (b"\xff", b"")], "not UTF-8"),
            (
                &[
                    HEADER,
                    (b"a", b"\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                ],
                "negative",
            ),
            (&[HEADER, (b"a", b"\x12\x02\x18\x01")], "unknown rank"),
            (&[HEADER, (b"a", b"\x12\x09")], "shorter message"),
            (
                &[HEADER, (b"a", b"\x12\x04\x12\x09\x08\x01")],
                "shorter message",
            ),
            (&[HEADER, (b"a", b"\x22\x00")], "wire type"),
            (&[HEADER, (b"a", &axes)], "more than 64 axes"),
            (&[HEADER, (b"a", &extents)], "more than 64 axes"),
        ] {
            let reason = index(entries).expect_err(rule);
            assert!(reason.contains(rule), "{rule}: {reason}");
        }
    }

    #[test]
    fn keys_of_slices() {
        // As TensorFlow has written it.
        let slice = [(3, Some(3)), (0, None)];
        let key = b"\0embedding\0\x01\x01\x02\x83\x83\x80\x7f";
        assert_eq!(slice_key("embedding", &slice), key);
        assert_eq!(slice_key("\0a", &[]), b"\0\0\xffa\0\x01\0");
        for (value, bytes) in [
            (63, &b"\xbf"[..]),
            (64, b"\xc0\x40"),
            (-64, b"\x40"),
            (-65, b"\x3f\xbf"),
            (8191, b"\xdf\xff"),
            (8192, b"\xe0\x20\x00"),
            (1 << 53, b"\xff\x20\0\0\0\0\0\0"),
            (i64::MAX, b"\xff\xc0\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ] {
            let mut key = Vec::new();
            push_signed(&mut key, value);
            assert_eq!(key, bytes, "{value}");
        }
    }
}
