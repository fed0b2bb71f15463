//! NumPy arrays and scalars inside a pickle: their type and shape.
//!
//! In: an object of the graph. Out: [`Array`], or nothing when it is none or not as NumPy writes it.
//! Specification: NumPy's `array_reduce` and `arraydescr_reduce` in `multiarray`, and `_frombuffer`.

use super::graph::{Graph, Node, NodeId, Object};
use crate::bytes::{Limits, MAX_INTEGER};

/// What is shown of an array.
pub(super) struct Array {
    /// NumPy's name of the type.
    pub(super) dtype: String,
    pub(super) shape: Vec<u64>,
    /// A list of the elements, if they are Python objects.
    pub(super) elements: Option<NodeId>,
}

/// The array that an object is.
pub(super) fn array(graph: &Graph<'_>, object: &Object, limits: &Limits) -> Option<Array> {
    let (module, name) = graph.global(object.callable)?;
    let args = graph.tuple(object.args)?;
    let (dtype, shape, data) = match (module, name) {
        (b"numpy._core.multiarray" | b"numpy.core.multiarray", b"_reconstruct") => {
            match *graph.tuple(*object.states.last()?)? {
                [_, shape, dtype, _, data] => (dtype, Some(shape), Some(data)),
                _ => return None,
            }
        }
        (b"numpy._core.multiarray" | b"numpy.core.multiarray", b"scalar") => match *args {
            [dtype, data] => (dtype, None, Some(data)),
            _ => return None,
        },
        // Protocol 5.
        (b"numpy._core.numeric" | b"numpy.core.numeric", b"_frombuffer") => match *args {
            [_, dtype, shape, _] => (dtype, Some(shape), None),
            _ => return None,
        },
        _ => return None,
    };
    let shape = match shape {
        None => Vec::new(),
        Some(shape) => graph
            .tuple(shape)
            .filter(|dims| dims.len() <= limits.rank)?
            .iter()
            .map(|&dim| graph.unsigned(dim).filter(|&dim| dim <= MAX_INTEGER))
            .collect::<Option<_>>()?,
    };
    let dtype = type_name(graph, dtype)?;
    let elements = data.filter(|_| dtype == "object");
    Some(Array {
        dtype,
        shape,
        elements,
    })
}

/// `dtype(code, False, True)` with the byte order in its state.
fn type_name(graph: &Graph<'_>, id: NodeId) -> Option<String> {
    let Node::Object(object) = graph.node(id) else {
        return None;
    };
    if graph.global(object.callable)? != (b"numpy", b"dtype") {
        return None;
    }
    let code = graph.str(*graph.tuple(object.args)?.first()?)?;
    let code = std::str::from_utf8(code).ok().filter(|c| c.len() < 64)?;
    let order = object.states.last().and_then(|&state| {
        let order = graph.str(*graph.tuple(state)?.get(1)?)?;
        (order == b">").then_some(">")
    });
    let name = match code {
        "b1" => "bool",
        "i1" => "int8",
        "i2" => "int16",
        "i4" => "int32",
        "i8" => "int64",
        "u1" => "uint8",
        "u2" => "uint16",
        "u4" => "uint32",
        "u8" => "uint64",
        "f2" => "float16",
        "f4" => "float32",
        "f8" => "float64",
        "c8" => "complex64",
        "c16" => "complex128",
        "O8" | "O4" | "O" => "object",
        other => other,
    };
    // Its name has no order, its code does.
    Some(match order {
        None => name.into(),
        Some(order) => format!("{order}{code}"),
    })
}
