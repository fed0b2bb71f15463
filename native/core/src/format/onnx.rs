//! `onnx`: a neural network as one protocol buffers message, a `ModelProto`.
//!
//! In: a message that begins with the version of the format. Out: one storage per initializer with
//! `raw_data`; initializers of graphs inside nodes are named by the way to them,
//! `node/attribute/initializer`. Numbers below the byte are shown as bytes, with their own type listed.
//! Listed alone: initializers in typed fields, in external files, sparse, and text; all of them, and
//! tensors in attributes of nodes, stay in the skeleton. Refused: what is no complete model, and what the
//! parsers of its messages refuse; names that are equal.
//! Specification: `onnx/onnx.proto`, `docs/IR.md` and `docs/ExternalData.md` of `https://github.com/onnx/onnx`.

use serde_json::{Map, Value as Json, json};

use super::assemble::{Found, FoundStorage, FoundTensor};
use super::facts::{TEXT_BYTES, text};
use super::onnx_fields::is_of_model;
use super::onnx_model::{self as model, Model};
use super::onnx_tensor::{Initializer, Stored, Type};
use super::protobuf::{Field, Span, Wire};
use super::{Facts, Format, Probe};
use crate::bytes::{Limits, Parse, ReadAt, Refusal};
use crate::layout::{Bytes, Layout, Listed, Packed, Values};
use crate::tensor::{Dtype, View};

pub(crate) use super::onnx_tensor::External;

/// See the module.
pub(super) struct Onnx;

/// No version of the format is near it.
const MAX_VERSION: u64 = 99;
/// Fields of a model from here on are messages.
const FIRST_MESSAGE: u32 = 7;

impl Format for Onnx {
    fn name(&self) -> &'static str {
        "onnx"
    }

    /// There is no magic number: the file begins like a model if its first field is a version, and the
    /// following ones up to the first message are fields of a model, with text where text belongs.
    fn claims(&self, file: &Probe<'_>) -> bool {
        let head = file.head.as_slice();
        let mut wire = Wire::new(&head, "onnx");
        let (mut at, mut fields) = (0, 0);
        while at < head.len() as u64 {
            // A field that the head cuts off fails to be read; what a cut file lacks, parsing says.
            let field = match wire.field(&mut at, u64::MAX) {
                Ok(Some(field)) => field,
                Err(Refusal::Io(_)) => break,
                _ => return false,
            };
            let right = if fields == 0 {
                field.number == 1 && (1..=MAX_VERSION).contains(&field.value.varint())
            } else {
                is_of_model(field) && looks_right(head, field)
            };
            if !right {
                return false;
            }
            if field.number >= FIRST_MESSAGE {
                return true;
            }
            fields += 1;
        }
        fields > 1
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let model = model::read(source, limits)?;
        if let Some(facts) = facts {
            *facts = describe(source, &model)?;
        }
        let mut found = Found::default();
        for initializer in model.initializers {
            place(initializer, &mut found);
        }
        // Names are those of one graph: a reader that looks a value up by its name takes one of two.
        if let Some(name) = found.name_twice() {
            let rule = format!("onnx: two initializers {name:?}");
            return Err(Refusal::new(rule));
        }
        found.assemble(self.name(), source.len())
    }
}

/// Is what the head shows of this field like the beginning of a text or of a message?
fn looks_right(head: &[u8], field: Field) -> bool {
    let span = field.value.span();
    let end = head.len() as u64;
    let from = span.at.min(end) as usize;
    let to = span.at.saturating_add(span.len).min(end) as usize;
    let seen = &head[from..to];
    match field.number {
        2..=4 | 6 => {
            let complete = match std::str::from_utf8(seen) {
                Ok(_) => true,
                Err(error) => error.error_len().is_none() && to == head.len(),
            };
            complete
                && !seen
                    .iter()
                    .any(|b| b.is_ascii_control() && !b"\t\n\r".contains(b))
        }
        // A tag.
        7.. => seen
            .first()
            .is_none_or(|&b| b > 7 && matches!(b & 7, 0..=2 | 5)),
        _ => true,
    }
}

/// Adds an initializer to what it is.
fn place(initializer: Initializer, found: &mut Found) {
    let Initializer {
        name,
        dtype,
        shape,
        values,
    } = initializer;
    let values = match (values, dtype) {
        (Stored::Raw(span), dtype) => {
            let (held, view) = match dtype {
                Type::Plain(dtype) => (dtype, View::contiguous(shape.clone())),
                _ => (Dtype::UInt8, View::contiguous(vec![span.len])),
            };
            found.tensors.push(FoundTensor {
                name: name.clone(),
                storage: found.storages.len(),
                view: Some((held, view)),
            });
            found.storages.push(FoundStorage {
                offset: span.at,
                len: span.len,
            });
            if matches!(dtype, Type::Plain(_)) {
                return;
            }
            Values::Tensor
        }
        (Stored::Runs(runs), Type::Plain(dtype)) => Values::Packed(Packed {
            bytes: Bytes::Runs(runs),
            dtype,
            view: View::contiguous(shape.clone()),
        }),
        (Stored::Runs(_), _) => Values::Unread("its numbers are packed"),
        (Stored::External(_), _) => Values::Unread("its values are in an external file"),
        (Stored::Encoded(how), _) => Values::Unread(how),
    };
    found.listed.push(Listed {
        name,
        dtype: dtype.name().to_owned(),
        shape,
        values,
    });
}

fn describe(source: &dyn ReadAt, model: &Model) -> Parse<Facts> {
    let wire = Wire::new(source, "onnx");
    let shown = |span: Span| -> Parse<Json> { Ok(text(&wire.beginning(span, TEXT_BYTES)?)) };
    let name =
        |span: Span| -> Parse<String> { Ok(shown(span)?.as_str().unwrap_or_default().to_owned()) };
    let mut writer = name(model.producer_name)?;
    if !writer.is_empty() && model.producer_version.len > 0 {
        writer = format!("{writer} {}", name(model.producer_version)?);
    }
    let mut opsets = Map::new();
    for &(domain, version) in &model.opsets {
        let domain = if domain.len == 0 {
            "ai.onnx".to_owned()
        } else {
            name(domain)?
        };
        opsets.insert(domain, version.into());
    }
    let mut metadata = Map::new();
    for &(key, value) in &model.metadata {
        metadata.insert(name(key)?, shown(value)?);
    }
    let mut objects = json!({
        "ir_version": model.ir_version,
        "opset_import": opsets,
        "graph": shown(model.graph_name)?,
        "nodes": model.nodes,
    });
    let mut add = |key: &str, value: Json| objects[key] = value;
    if model.functions > 0 {
        add("functions", model.functions.into());
    }
    if model.domain.len > 0 {
        add("domain", shown(model.domain)?);
    }
    if model.model_version > 0 {
        add("model_version", model.model_version.into());
    }
    if !metadata.is_empty() {
        add("metadata_props", metadata.into());
    }
    Ok(Facts {
        writer: (!writer.is_empty()).then_some(writer),
        objects,
        ..Facts::default()
    })
}

/// A tensor whose values are in another file.
#[derive(Debug)]
pub(crate) struct ExternalTensor {
    pub(crate) name: String,
    /// Name of the element type, ours or ONNX's.
    pub(crate) dtype: &'static str,
    pub(crate) shape: Vec<u64>,
    /// Bytes that type and shape take; `None` where they do not say.
    pub(crate) bytes: Option<u64>,
    pub(crate) external: External,
}

/// The initializers with values in other files, in the order of the file.
///
/// # Errors
/// As parsing.
pub(crate) fn external_tensors(source: &dyn ReadAt, limits: &Limits) -> Parse<Vec<ExternalTensor>> {
    let all = model::read(source, limits)?.initializers;
    let external = all.into_iter().filter_map(|initializer| {
        let Stored::External(external) = initializer.values else {
            return None;
        };
        Some(ExternalTensor {
            bytes: initializer.dtype.byte_len(&initializer.shape),
            name: initializer.name,
            dtype: initializer.dtype.name(),
            shape: initializer.shape,
            external,
        })
    });
    Ok(external.collect())
}
