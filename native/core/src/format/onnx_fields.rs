//! Which fields the messages of ONNX have, as far as they lead to tensors.
//!
//! Specification: `onnx/onnx.proto` of `https://github.com/onnx/onnx`.

use super::protobuf::{Field, Kind, Span, Wire};
use crate::bytes::Parse;

/// What a message holds: number, how it is written, whether it may be there more than once.
pub(super) type Fields = &'static [(u32, Kind, bool)];

const ONCE: bool = false;
const MANY: bool = true;

pub(super) const MODEL: Fields = &[
    (1, Kind::Varint, ONCE), // ir_version
    (2, Kind::Bytes, ONCE),  // producer_name
    (3, Kind::Bytes, ONCE),  // producer_version
    (4, Kind::Bytes, ONCE),  // domain
    (5, Kind::Varint, ONCE), // model_version
    (6, Kind::Bytes, ONCE),  // doc_string
    (7, Kind::Bytes, ONCE),  // graph
    (8, Kind::Bytes, MANY),  // opset_import
    (14, Kind::Bytes, MANY), // metadata_props
    (20, Kind::Bytes, MANY), // training_info
    (25, Kind::Bytes, MANY), // functions
    (26, Kind::Bytes, MANY), // configuration
];
pub(super) const GRAPH: Fields = &[
    (1, Kind::Bytes, MANY),  // node
    (2, Kind::Bytes, ONCE),  // name
    (5, Kind::Bytes, MANY),  // initializer
    (10, Kind::Bytes, ONCE), // doc_string
    (11, Kind::Bytes, MANY), // input
    (12, Kind::Bytes, MANY), // output
    (13, Kind::Bytes, MANY), // value_info
    (14, Kind::Bytes, MANY), // quantization_annotation
    (15, Kind::Bytes, MANY), // sparse_initializer
    (16, Kind::Bytes, MANY), // metadata_props
];
pub(super) const NODE: Fields = &[
    (1, Kind::Bytes, MANY), // input
    (2, Kind::Bytes, MANY), // output
    (3, Kind::Bytes, ONCE), // name
    (4, Kind::Bytes, ONCE), // op_type
    (5, Kind::Bytes, MANY), // attribute
    (6, Kind::Bytes, ONCE), // doc_string
    (7, Kind::Bytes, ONCE), // domain
    (8, Kind::Bytes, ONCE), // overload
    (9, Kind::Bytes, MANY), // metadata_props
];
/// Values that are no graphs are not looked at.
pub(super) const ATTRIBUTE: Fields = &[
    (1, Kind::Bytes, ONCE),   // name
    (6, Kind::Bytes, ONCE),   // g
    (11, Kind::Bytes, MANY),  // graphs
    (20, Kind::Varint, ONCE), // type
];
pub(super) const TRAINING: Fields = &[
    (1, Kind::Bytes, ONCE), // initialization
    (2, Kind::Bytes, ONCE), // algorithm
];
pub(super) const FUNCTION: Fields = &[
    (1, Kind::Bytes, ONCE),  // name
    (7, Kind::Bytes, MANY),  // node
    (8, Kind::Bytes, ONCE),  // doc_string
    (10, Kind::Bytes, ONCE), // domain
    (13, Kind::Bytes, ONCE), // overload
];
pub(super) const OPSET: Fields = &[
    (1, Kind::Bytes, ONCE),  // domain
    (2, Kind::Varint, ONCE), // version
];
/// `StringStringEntryProto`
pub(super) const ENTRY: Fields = &[
    (1, Kind::Bytes, ONCE), // key
    (2, Kind::Bytes, ONCE), // value
];

/// Does this field have the wire type of a field of a model?
pub(super) fn is_of_model(field: Field) -> bool {
    let known = MODEL.iter().find(|(number, ..)| *number == field.number);
    known.is_some_and(|(_, kind, _)| *kind == field.value.kind())
}

/// Which fields were there.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen(u64);

impl Seen {
    /// Checks a field against those that the message may hold. Unknown ones are left to those who know.
    pub(super) fn check(&mut self, wire: &Wire<'_>, fields: Fields, field: Field) -> Parse<bool> {
        let Some(&(number, kind, many)) = fields.iter().find(|f| f.0 == field.number) else {
            return Ok(false);
        };
        if field.value.kind() != kind {
            let rule = format!("field {number} with the wire type of another");
            return Err(wire.refuse(rule, field.at));
        }
        let bit = 1u64 << (number & 63);
        if !many && self.0 & bit != 0 {
            return Err(wire.refuse(format!("field {number} set twice"), field.at));
        }
        self.0 |= bit;
        Ok(true)
    }

    pub(super) fn has(self, number: u32) -> bool {
        self.0 & (1 << (number & 63)) != 0
    }
}

/// Bytes of one name.
pub(super) const MAX_NAME: u64 = 1 << 16;

/// The fields 1 and 2 of a message.
pub(super) fn pair(wire: &mut Wire<'_>, fields: Fields, span: Span) -> Parse<[Option<Field>; 2]> {
    let mut seen = Seen::default();
    let (mut at, end) = (span.at, span.at.saturating_add(span.len));
    let mut pair = [None; 2];
    while let Some(field) = wire.field(&mut at, end)? {
        if seen.check(wire, fields, field)? {
            pair[usize::from(field.number == 2)] = Some(field);
        }
    }
    Ok(pair)
}
