//! What the outline shows as one value: scalars, names, and tensors by what their rebuild calls say.
//!
//! In: a node. Out: JSON without structure, or `None` for containers and instances. Calls are described as
//! they stand, whether or not torch would accept their arguments.

use serde_json::Value;

use super::globals;
use super::graph::{Graph, Item, Node, NodeId, Object, Span};
use super::storages::storage_dtype;
use super::text::shortened;
use crate::bytes::MAX_INTEGER;

/// Axes of a shape that are shown.
const MOST_AXES: usize = 64;

/// Can it be shown without looking at other nodes?
pub(super) fn is_scalar(node: &Node) -> bool {
    matches!(
        node,
        Node::None
            | Node::Bool(_)
            | Node::Int(_)
            | Node::BigInt
            | Node::Float(_)
            | Node::Str(_)
            | Node::Bytes(_)
            | Node::Global(_)
    )
}

/// See the module.
pub(super) fn leaf(graph: &Graph<'_>, id: NodeId) -> Option<Value> {
    Some(match graph.node(id) {
        Node::None => Value::Null,
        Node::Bool(value) => (*value).into(),
        // Readers of JSON keep whole numbers up to 2^53.
        Node::Int(value) if value.unsigned_abs() <= MAX_INTEGER => (*value).into(),
        Node::Int(value) => value.to_string().into(),
        Node::BigInt => "(integer of more than 64 bits)".into(),
        Node::Float(value) => json_float(*value),
        Node::Str(text) => shortened(graph.text(text)).into(),
        Node::Bytes(span) => format!("({} bytes)", span.end - span.start).into(),
        Node::Global(_) => globals::name(graph, id)?.into(),
        Node::Persistent(_) | Node::PersistentText(_) => match storage(graph, id) {
            Some((dtype, numel)) => format!("storage {dtype} [{numel}]").into(),
            None => "(persistent id)".into(),
        },
        Node::Object(object) if is_bytes(graph, object) => "(bytes)".into(),
        Node::Object(object) => tensor(graph, object)?.into(),
        Node::Tuple(_) | Node::List(_) | Node::Set(_) | Node::Dict(_) => return None,
    })
}

/// A number; what JSON has no number for, as text.
pub(crate) fn json_float(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or_else(|| value.to_string().into(), Value::Number)
}

/// Element type and number of elements of a storage.
fn storage(graph: &Graph<'_>, id: NodeId) -> Option<(&'static str, u64)> {
    let Node::Persistent(id) = graph.node(id) else {
        return None;
    };
    // Those of stacked pickles have a sixth, for views.
    let [kind, class, _, _, numel, ..] = graph.tuple(*id)? else {
        return None;
    };
    if graph.str(*kind)? != b"storage" {
        return None;
    }
    let dtype = storage_dtype(graph.global(*class)?)?;
    Some((dtype.map_or("bytes", |d| d.name()), graph.unsigned(*numel)?))
}

/// Bytes, as protocols before 3 write them: text that is encoded.
fn is_bytes(graph: &Graph<'_>, object: &Object) -> bool {
    let args = graph.tuple(object.args).unwrap_or(&[]);
    graph.global(object.callable) == Some((b"_codecs", b"encode"))
        && args.get(1).and_then(|&id| graph.str(id)) == Some(b"latin1")
}

/// `tensor float32 [2, 3]`; `None` for other objects, and for tensors that were changed afterwards.
fn tensor(graph: &Graph<'_>, object: &Object) -> Option<String> {
    let changed = !object.states.is_empty()
        || !object.items.is_empty()
        || !object.appended.is_empty()
        || object.kwargs.is_some();
    let (b"torch._utils", name) = graph.global(object.callable)? else {
        return None;
    };
    let args = graph.tuple(object.args).filter(|_| !changed)?;
    if name != b"_rebuild_parameter" {
        return strided(graph, name, args, "tensor");
    }
    let Node::Object(data) = graph.node(*args.first()?) else {
        return None;
    };
    let (b"torch._utils", name) = graph.global(data.callable)? else {
        return None;
    };
    strided(graph, name, graph.tuple(data.args)?, "parameter")
}

fn strided(graph: &Graph<'_>, name: &[u8], args: &[NodeId], what: &str) -> Option<String> {
    let dtype = match name {
        b"_rebuild_tensor" | b"_rebuild_tensor_v2" | b"_rebuild_qtensor" => {
            storage(graph, *args.first()?)?.0.to_owned()
        }
        b"_rebuild_tensor_v3" => {
            let (_, name) = graph.global(*args.get(6)?)?;
            shortened(name)
        }
        _ => return None,
    };
    let what = if name == b"_rebuild_qtensor" {
        "quantized tensor"
    } else {
        what
    };
    let axes = match graph.node(*args.get(2)?) {
        Node::Tuple(axes) => axes,
        Node::List(axes) => axes.as_slice(),
        Node::Object(size) if graph.global(size.callable)? == (b"torch", b"Size") => {
            graph.tuple(*graph.tuple(size.args)?.first()?)?
        }
        _ => return None,
    };
    if axes.len() > MOST_AXES {
        return None;
    }
    let axes: Option<Vec<String>> = axes
        .iter()
        .map(|&axis| graph.unsigned(axis).map(|axis| axis.to_string()))
        .collect();
    Some(format!("{what} {dtype} [{}]", axes?.join(", ")))
}

/// The items of an `OrderedDict` that Python 2 made from a list of pairs.
pub(super) fn ordered_pairs(graph: &Graph<'_>, object: &Object) -> Option<Vec<Item>> {
    if graph.global(object.callable)? != (b"collections", b"OrderedDict") {
        return None;
    }
    let &[list] = graph.tuple(object.args)? else {
        return None;
    };
    let Node::List(list) = graph.node(list) else {
        return None;
    };
    let pair = |&pair: &NodeId| match graph.node(pair) {
        Node::List(pair) => <[NodeId; 2]>::try_from(pair.as_slice()).ok(),
        Node::Tuple(pair) => <[NodeId; 2]>::try_from(&pair[..]).ok(),
        _ => None,
    };
    let span = Span { start: 0, end: 0 };
    list.iter()
        .map(|id| pair(id).map(|[key, value]| Item { key, value, span }))
        .collect()
}
