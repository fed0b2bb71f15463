//! `safetensors`: a JSON header with names, types and positions, then the values.
//!
//! In: the length of the header in 8 bytes, the header, the data. Out: one storage per tensor; header and
//! gaps are literals. Refused: headers that readers understand differently (see the header's parser),
//! unknown types, positions that do not fit type and shape, overlaps.
//! Shown besides: the metadata.
//! Specification: `https://github.com/huggingface/safetensors`, its README and `safetensors/src/tensor.rs`.

use serde_json::{Map, Value, json};

use super::assemble::{Found, FoundStorage, FoundTensor};
use super::facts::SHOWN_ENTRIES;
use super::safetensors_header::{self as header, Header, Info};
use super::{Facts, Format, Probe};
use crate::bytes::{Limits, MAX_INTEGER, Parse, ReadAt, Refusal, read_vec};
use crate::layout::Layout;
use crate::pickle::shortened;
use crate::tensor::{Dtype, View, component};

/// See the module.
pub(super) struct Safetensors;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("safetensors: {rule}")))
}

impl Format for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        // A length below 4 GiB, and the brace: no magic number that others use looks like that.
        file.head.get(4..9) == Some(b"\0\0\0\0{")
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let (header, data) = read_header(source, limits)?;
        if let Some(facts) = facts {
            facts.objects = objects(header.metadata);
        }
        let infos = header.infos;
        let mut found = Found::default();
        for (index, info) in infos.into_iter().enumerate() {
            let (dtype, offset, len) = place(&info, data, source.len())?;
            found.storages.push(FoundStorage { offset, len });
            found.tensors.push(FoundTensor {
                name: component(&info.name),
                storage: index,
                view: Some((dtype, View::contiguous(info.shape))),
            });
        }
        found.assemble(self.name(), source.len())
    }
}

/// The metadata, for people.
fn objects(entries: Vec<(String, String)>) -> Value {
    let mut metadata = Map::new();
    let more = entries.len().saturating_sub(SHOWN_ENTRIES);
    for (key, value) in entries.into_iter().take(SHOWN_ENTRIES) {
        metadata.insert(
            shortened(key.as_bytes()),
            shortened(value.as_bytes()).into(),
        );
    }
    if more > 0 {
        metadata.insert("…".into(), format!("({more} more)").into());
    }
    match metadata.is_empty() {
        true => Value::Null,
        false => json!({ "__metadata__": metadata }),
    }
}

/// The header, and where the data begins.
fn read_header(source: &dyn ReadAt, limits: &Limits) -> Parse<(Header, u64)> {
    let mut len = [0; 8];
    source.read_exact_at(0, &mut len)?;
    let len = u64::from_le_bytes(len);
    // `claims` has seen 9 bytes.
    if len > source.len() - 8 {
        return refuse(format!("header of {len} bytes is longer than the file"));
    }
    if len > limits.safetensors_header {
        return refuse(format!(
            "header of more than {} bytes",
            limits.safetensors_header
        ));
    }
    let bytes = read_vec(source, 8, len)?;
    Ok((header::parse(&bytes, limits)?, 8 + len))
}

/// Type, position and length of a tensor, checked.
fn place(info: &Info, data: u64, size: u64) -> Parse<(Dtype, u64, u64)> {
    let at = info.at;
    let Some(dtype) = dtype(&info.dtype) else {
        return refuse(format!("unknown dtype {:?} at byte {at}", info.dtype));
    };
    if info.shape.iter().any(|&dim| dim > MAX_INTEGER) {
        return refuse(format!("shape too large at byte {at}"));
    }
    let [begin, end] = info.data_offsets;
    if begin > end || end > size - data {
        return refuse(format!("data_offsets outside the data at byte {at}"));
    }
    if dtype.byte_len(&info.shape) != Some(end - begin) {
        return refuse(format!(
            "data_offsets do not fit dtype and shape at byte {at}"
        ));
    }
    Ok((dtype, data + begin, end - begin))
}

fn dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "BOOL" => Dtype::Bool,
        "F4" => Dtype::Float4E2m1fn,
        "F6_E2M3" => Dtype::Float6E2m3fn,
        "F6_E3M2" => Dtype::Float6E3m2fn,
        "U8" => Dtype::UInt8,
        "I8" => Dtype::Int8,
        "F8_E5M2" => Dtype::Float8E5m2,
        "F8_E4M3" => Dtype::Float8E4m3fn,
        "F8_E8M0" => Dtype::Float8E8m0fnu,
        "F8_E4M3FNUZ" => Dtype::Float8E4m3fnuz,
        "F8_E5M2FNUZ" => Dtype::Float8E5m2fnuz,
        "I16" => Dtype::Int16,
        "U16" => Dtype::UInt16,
        "F16" => Dtype::Float16,
        "BF16" => Dtype::BFloat16,
        "I32" => Dtype::Int32,
        "U32" => Dtype::UInt32,
        "F32" => Dtype::Float32,
        "C64" => Dtype::Complex64,
        "F64" => Dtype::Float64,
        "I64" => Dtype::Int64,
        "U64" => Dtype::UInt64,
        _ => return None,
    })
}
