//! Values of a pickle that JSON has, too.
//!
//! In: a node of a graph. Out: the value, with tuples as lists. What JSON does not have, what is deeper than the
//! limit, and what is more than the limit, is `null`. Keys that are no strings are left out.

use serde_json::{Map, Value};

use super::graph::{Graph, Node, NodeId};
use super::leaf::json_float;

/// Containers inside each other.
const DEPTH: usize = 16;
/// Values, together.
const VALUES: usize = 10_000;
/// Bytes of text, together.
const TEXT: usize = 1 << 20;

/// See the module.
#[must_use]
pub fn plain(graph: &Graph<'_>, id: NodeId) -> Value {
    let mut left = (VALUES, TEXT);
    convert(graph, id, DEPTH, &mut left)
}

/// Recurses at most [`DEPTH`] times.
fn convert(graph: &Graph<'_>, id: NodeId, depth: usize, left: &mut (usize, usize)) -> Value {
    if depth == 0 || left.0 == 0 {
        return Value::Null;
    }
    left.0 -= 1;
    match graph.node(id) {
        Node::Bool(value) => (*value).into(),
        Node::Int(value) => (*value).into(),
        Node::Float(value) => json_float(*value),
        Node::Str(_) => text(graph, id, left).map_or(Value::Null, Value::String),
        Node::List(items) => list(graph, items, depth, left),
        Node::Tuple(items) => list(graph, items, depth, left),
        Node::Dict(items) => {
            let mut map = Map::new();
            for item in items {
                if left.0 == 0 {
                    break;
                }
                if let Some(key) = text(graph, item.key, left) {
                    map.insert(key, convert(graph, item.value, depth - 1, left));
                }
            }
            map.into()
        }
        _ => Value::Null,
    }
}

fn list(graph: &Graph<'_>, items: &[NodeId], depth: usize, left: &mut (usize, usize)) -> Value {
    let mut values = Vec::new();
    for &id in items {
        if left.0 == 0 {
            break;
        }
        values.push(convert(graph, id, depth - 1, left));
    }
    values.into()
}

fn text(graph: &Graph<'_>, id: NodeId, left: &mut (usize, usize)) -> Option<String> {
    let bytes = graph.str(id)?;
    left.1 = left.1.checked_sub(bytes.len())?;
    String::from_utf8(bytes.to_vec()).ok()
}
