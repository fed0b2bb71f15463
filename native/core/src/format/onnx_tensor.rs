//! `TensorProto` and `SparseTensorProto`: type, shape, and where the values are.
//!
//! In: where in the file the message is. Out: an [`Initializer`]. Refused: shapes that are negative or too
//! large, values in two places, values that do not fit type and shape, segments.
//! Specification: `onnx/onnx.proto` and `docs/ExternalData.md` of `https://github.com/onnx/onnx`.

use super::onnx_fields::{ENTRY, Fields, MAX_NAME, Seen, pair};
use super::protobuf::{Field, Kind, Span, Value, Wire};
use crate::bytes::{Limits, MAX_INTEGER, Parse};
use crate::tensor::{Dtype, elements};

const TENSOR: Fields = &[
    (2, Kind::Varint, false),  // data_type
    (3, Kind::Bytes, false),   // segment
    (6, Kind::Bytes, true),    // string_data
    (8, Kind::Bytes, false),   // name
    (9, Kind::Bytes, false),   // raw_data
    (12, Kind::Bytes, false),  // doc_string
    (13, Kind::Bytes, true),   // external_data
    (14, Kind::Varint, false), // data_location
    (16, Kind::Bytes, true),   // metadata_props
];
const SPARSE: Fields = &[
    (1, Kind::Bytes, false), // values
    (2, Kind::Bytes, false), // indices
];

/// Runs of numbers that one tensor may be written in; a writer makes one.
const MAX_RUNS: usize = 1024;
/// Entries that say where external data is.
const MAX_ENTRIES: usize = 64;

/// A type of `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// One of ours.
    Plain(Dtype),
    /// Numbers of so many bits, several in a byte.
    Packed(&'static str, u64),
    Text,
    Unknown,
}

impl Type {
    fn of(data_type: u64) -> Self {
        Self::Plain(match data_type {
            1 => Dtype::Float32,
            2 => Dtype::UInt8,
            3 => Dtype::Int8,
            4 => Dtype::UInt16,
            5 => Dtype::Int16,
            6 => Dtype::Int32,
            7 => Dtype::Int64,
            8 => return Self::Text,
            9 => Dtype::Bool,
            10 => Dtype::Float16,
            11 => Dtype::Float64,
            12 => Dtype::UInt32,
            13 => Dtype::UInt64,
            14 => Dtype::Complex64,
            15 => Dtype::Complex128,
            16 => Dtype::BFloat16,
            17 => Dtype::Float8E4m3fn,
            18 => Dtype::Float8E4m3fnuz,
            19 => Dtype::Float8E5m2,
            20 => Dtype::Float8E5m2fnuz,
            21 => return Self::Packed("UINT4", 4),
            22 => return Self::Packed("INT4", 4),
            23 => return Self::Packed("FLOAT4E2M1", 4),
            24 => Dtype::Float8E8m0fnu,
            25 => return Self::Packed("UINT2", 2),
            26 => return Self::Packed("INT2", 2),
            _ => return Self::Unknown,
        })
    }

    /// The name of ours, or of ONNX.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain(dtype) => dtype.name(),
            Self::Packed(name, _) => name,
            Self::Text => "STRING",
            Self::Unknown => "unknown",
        }
    }

    /// Bytes of raw data; `None` where there is no such number.
    pub(crate) fn byte_len(self, shape: &[u64]) -> Option<u64> {
        match self {
            Self::Plain(dtype) => dtype.byte_len(shape),
            Self::Packed(_, bits) => Some(elements(shape)?.checked_mul(bits)?.div_ceil(8)),
            Self::Text | Self::Unknown => None,
        }
    }

    /// The field of typed values, where they are the bytes that raw data would have.
    fn plain_field(self) -> Option<u32> {
        match self {
            Self::Plain(Dtype::Float32 | Dtype::Complex64) => Some(4),
            Self::Plain(Dtype::Float64 | Dtype::Complex128) => Some(10),
            _ => None,
        }
    }

    /// The field that typed values are in.
    fn field(self) -> Option<u32> {
        match self {
            Self::Plain(Dtype::Int64) => Some(7),
            Self::Plain(Dtype::UInt32 | Dtype::UInt64) => Some(11),
            Self::Text => Some(6),
            Self::Unknown => None,
            _ => self.plain_field().or(Some(5)),
        }
    }
}

/// A tensor of a graph that has values from the start.
#[derive(Debug)]
pub(crate) struct Initializer {
    /// Components joined by `/`.
    pub(crate) name: String,
    pub(crate) dtype: Type,
    pub(crate) shape: Vec<u64>,
    pub(crate) values: Stored,
}

/// Where the values of an initializer are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// One run of bytes, as long as type and shape say; empty for a tensor without elements.
    Raw(Span),
    /// Runs of bytes, together as long.
    Runs(Vec<(u64, u64)>),
    /// In another file.
    External(External),
    /// In this file, but not as bytes: this is how.
    Encoded(&'static str),
}

/// What `external_data` says; not checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct External {
    pub(crate) location: String,
    pub(crate) offset: u64,
    pub(crate) length: Option<u64>,
}

/// Reads a `TensorProto`.
///
/// # Errors
/// See the module.
pub(super) fn dense(wire: &mut Wire<'_>, limits: &Limits, span: Span) -> Parse<Initializer> {
    let mut proto = Proto::default();
    proto.read(wire, limits, span)?;
    proto.initializer(wire, span)
}

/// Reads a `SparseTensorProto`: its name is that of its values.
///
/// # Errors
/// See the module.
pub(super) fn sparse(wire: &mut Wire<'_>, limits: &Limits, span: Span) -> Parse<Initializer> {
    let mut seen = Seen::default();
    let mut values = Span::default();
    let mut shape = Vec::new();
    let (mut at, end) = (span.at, span.at.saturating_add(span.len));
    while let Some(field) = wire.field(&mut at, end)? {
        if field.number == 3 {
            dims(wire, limits, field, &mut shape)?;
        } else if seen.check(wire, SPARSE, field)? && field.number == 1 {
            values = field.value.span();
        }
    }
    let mut proto = Proto::default();
    proto.read(wire, limits, values)?;
    Ok(Initializer {
        name: wire.text(proto.name, MAX_NAME)?,
        dtype: Type::of(proto.data_type),
        shape,
        values: Stored::Encoded("it is sparse"),
    })
}

/// Appends extents: one, or several without tags between them.
fn dims(wire: &mut Wire<'_>, limits: &Limits, field: Field, shape: &mut Vec<u64>) -> Parse<()> {
    let (mut at, end) = match field.value {
        Value::Varint(_) => (0, 1),
        Value::Bytes(span) => (span.at, span.at.saturating_add(span.len)),
        _ => return Err(wire.refuse("dims with the wire type of another field", field.at)),
    };
    while at < end {
        let dim = match field.value {
            Value::Varint(dim) => {
                at = end;
                dim
            }
            _ => wire.varint(&mut at, end)?,
        };
        if dim > MAX_INTEGER {
            return Err(wire.refuse("shape that is negative or too large", field.at));
        }
        if shape.len() >= limits.rank {
            let rule = format!("shape of more than {} axes", limits.rank);
            return Err(wire.refuse(rule, field.at));
        }
        shape.push(dim);
    }
    Ok(())
}

/// The fields of a `TensorProto`.
#[derive(Default)]
struct Proto {
    data_type: u64,
    shape: Vec<u64>,
    name: Span,
    raw: Option<Span>,
    /// The field with typed values, which has some.
    typed: Option<u32>,
    /// Runs of typed values.
    runs: Vec<(u64, u64)>,
    /// Are all typed values in these runs?
    packed: bool,
    entries: Vec<Span>,
    location: u64,
    segment: bool,
}

impl Proto {
    fn read(&mut self, wire: &mut Wire<'_>, limits: &Limits, span: Span) -> Parse<()> {
        let mut seen = Seen::default();
        let (mut at, end) = (span.at, span.at.saturating_add(span.len));
        self.packed = true;
        while let Some(field) = wire.field(&mut at, end)? {
            let here = field.value.span();
            match field.number {
                1 => dims(wire, limits, field, &mut self.shape)?,
                4 | 5 | 6 | 7 | 10 | 11 => self.typed(wire, field)?,
                _ if !seen.check(wire, TENSOR, field)? => {}
                2 => self.data_type = field.value.varint(),
                3 => self.segment = true,
                8 => self.name = here,
                9 => self.raw = Some(here),
                13 if self.entries.len() == MAX_ENTRIES => {
                    return Err(wire.refuse("too many entries for external data", field.at));
                }
                13 => self.entries.push(here),
                14 => self.location = field.value.varint(),
                _ => {}
            }
        }
        Ok(())
    }

    fn typed(&mut self, wire: &Wire<'_>, field: Field) -> Parse<()> {
        let single = match field.number {
            4 => Kind::Fixed32,
            10 => Kind::Fixed64,
            6 => Kind::Bytes,
            _ => Kind::Varint,
        };
        let kind = field.value.kind();
        if kind != single && kind != Kind::Bytes {
            let rule = format!("field {} with the wire type of another", field.number);
            return Err(wire.refuse(rule, field.at));
        }
        let span = field.value.span();
        if kind == Kind::Bytes && single != Kind::Bytes && span.len == 0 {
            return Ok(());
        }
        if self.typed.is_some_and(|number| number != field.number) {
            return Err(wire.refuse("tensor with values of two types", field.at));
        }
        self.typed = Some(field.number);
        self.packed &= kind == Kind::Bytes && self.runs.len() < MAX_RUNS;
        if self.packed {
            self.runs.push((span.at, span.len));
        }
        Ok(())
    }

    fn initializer(self, wire: &mut Wire<'_>, span: Span) -> Parse<Initializer> {
        let refuse = |wire: &Wire<'_>, rule: &str| Err(wire.refuse(rule, span.at));
        let dtype = Type::of(self.data_type);
        if self.segment {
            return refuse(wire, "tensor in segments");
        }
        if self.raw.is_some() && self.typed.is_some() {
            return refuse(wire, "tensor with both raw and typed values");
        }
        let values = match self.location {
            0 if dtype == Type::Unknown => Stored::Encoded("its element type is not known"),
            0 => self.inside(wire, dtype, span)?,
            1 if self.raw.is_some_and(|raw| raw.len > 0) || self.typed.is_some() => {
                return refuse(wire, "tensor with both internal and external values");
            }
            1 => Stored::External(external(wire, &self.entries)?),
            _ => return refuse(wire, "tensor in an unknown location"),
        };
        Ok(Initializer {
            name: wire.text(self.name, MAX_NAME)?,
            dtype,
            shape: self.shape,
            values,
        })
    }

    /// Values in the message itself.
    fn inside(&self, wire: &Wire<'_>, dtype: Type, span: Span) -> Parse<Stored> {
        let refuse = |rule: &str| Err(wire.refuse(rule, span.at));
        let len = dtype.byte_len(&self.shape);
        if let Some(number) = self.typed {
            if dtype.field() != Some(number) {
                return refuse("values in the field of another type");
            }
            if dtype.plain_field().is_none() {
                return Ok(Stored::Encoded(if dtype == Type::Text {
                    "it holds text"
                } else {
                    "its numbers have variable lengths"
                }));
            }
            if !self.packed {
                return Ok(Stored::Encoded("its numbers are fields of their own"));
            }
            let total = self
                .runs
                .iter()
                .try_fold(0u64, |sum, run| sum.checked_add(run.1));
            if total != len {
                return refuse("values do not fit type and shape");
            }
            return Ok(Stored::Runs(self.runs.clone()));
        }
        let raw = self.raw.unwrap_or_default();
        if dtype == Type::Text {
            let empty = raw.len == 0 && self.shape.contains(&0);
            return if empty {
                Ok(Stored::Encoded("it holds text"))
            } else {
                refuse("text in raw values")
            };
        }
        if len != Some(raw.len) {
            return refuse("raw values do not fit type and shape");
        }
        Ok(Stored::Raw(raw))
    }
}

/// The entries of `external_data`. Unknown keys mean nothing for where the values are.
fn external(wire: &mut Wire<'_>, entries: &[Span]) -> Parse<External> {
    let mut external = External::default();
    let mut seen = [false; 3];
    for &span in entries {
        let [key, value] = pair(wire, ENTRY, span)?;
        let [key, value] =
            [key, value].map(|field| field.map_or(Span::default(), |field| field.value.span()));
        if key.len > 16 {
            continue;
        }
        let slot = match wire.text(key, 16)?.as_str() {
            "location" => 0,
            "offset" => 1,
            "length" => 2,
            _ => continue,
        };
        let text = wire.text(value, MAX_NAME)?;
        if std::mem::replace(&mut seen[slot], true) {
            return Err(wire.refuse("place of external data stated twice", span.at));
        }
        let number = || {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let number = text
                .parse()
                .ok()
                .filter(|&n: &u64| digits && n <= MAX_INTEGER);
            number.ok_or_else(|| wire.refuse("place of external data that is no number", value.at))
        };
        match slot {
            0 => external.location = text,
            1 => external.offset = number()?,
            _ => external.length = Some(number()?),
        }
    }
    Ok(external)
}
