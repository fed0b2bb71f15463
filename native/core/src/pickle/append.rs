//! New items at the end of a pickle whose object is a dict, which otherwise stays as it is.
//!
//! In: a pickle of protocol 2 or 3, and values. Out: the pickle with opcodes before its STOP, so that all of it
//! but that last byte is a prefix of the new one. Only opcodes and types are used that torch's restricted
//! unpickler takes. Refused: other protocols, an object that is no plain dict, a dict that the pickle does not
//! memoize or that is there twice, bytes behind the STOP.
//! Specification: Python's `pickletools`; PyTorch's `torch/_weights_only_unpickler.py`.

use serde_json::Value;

use super::graph::{Graph, Node, NodeId};
use super::machine;
use crate::bytes::{Limits, Parse, Refusal};

/// An item to set.
#[derive(Clone, Copy, Debug)]
pub struct NewItem<'a> {
    /// Key in the object of the dict to set it in; `None` for the object itself.
    pub inside: Option<&'a str>,
    /// Its key.
    pub key: &'a str,
    /// Its value.
    pub value: &'a Value,
}

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("pickle: {rule}")))
}

/// The pickle `bytes` with the items set, in this order.
///
/// # Errors
/// See the module.
pub fn append(bytes: &[u8], items: &[NewItem<'_>], limits: &Limits) -> Parse<Vec<u8>> {
    let (graph, memo) = machine::read_with_memo(bytes, limits)?;
    let Some((&STOP, before)) = bytes.split_last() else {
        return refuse("bytes behind STOP");
    };
    if graph.end != bytes.len() {
        return refuse("bytes behind STOP");
    }
    if !matches!(bytes, [PROTO, 2 | 3, ..]) {
        return refuse("a protocol other than 2 and 3");
    }
    let mut out = before.to_vec();
    for item in items {
        match item.inside {
            None => {
                // Refuses objects that are no dicts.
                find(&graph, item.key)?;
                string(item.key, &mut out)?;
                value(item.value, &mut out)?;
            }
            Some(inside) => {
                let found = find(&graph, inside)?;
                let dict = found.filter(|&id| matches!(graph.node(id), Node::Dict(_)));
                let Some(index) = dict.and_then(|id| memo.index_of(id)) else {
                    return refuse(format!("no memoized dict {inside:?}"));
                };
                string(inside, &mut out)?;
                get(index, &mut out)?;
                string(item.key, &mut out)?;
                value(item.value, &mut out)?;
                out.push(SETITEM);
            }
        }
        out.push(SETITEM);
    }
    out.push(STOP);
    // A frame that held the STOP would end before the new one.
    machine::read(&out, 0, limits)?;
    Ok(out)
}

/// The value of a key in the object, which must be a dict in which it is at most once.
fn find(graph: &Graph<'_>, key: &str) -> Parse<Option<NodeId>> {
    let Node::Dict(items) = graph.node(graph.root) else {
        return refuse("the object is no plain dict");
    };
    let mut found = items
        .iter()
        .filter(|item| graph.str(item.key) == Some(key.as_bytes()));
    let first = found.next();
    if found.next().is_some() {
        return refuse(format!("the key {key:?} is there twice"));
    }
    Ok(first.map(|item| item.value))
}

const PROTO: u8 = 0x80;
const STOP: u8 = b'.';
const SETITEM: u8 = b's';

fn get(index: u64, out: &mut Vec<u8>) -> Parse<()> {
    let Ok(index) = u32::try_from(index) else {
        return refuse("memo index of more than 32 bits");
    };
    match u8::try_from(index) {
        Ok(short) => out.extend_from_slice(&[b'h', short]),
        Err(_) => {
            out.push(b'j');
            out.extend_from_slice(&index.to_le_bytes());
        }
    }
    Ok(())
}

fn string(text: &str, out: &mut Vec<u8>) -> Parse<()> {
    let Ok(len) = u32::try_from(text.len()) else {
        return refuse("string of 4 GiB");
    };
    out.push(b'X');
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn integer(value: i64, out: &mut Vec<u8>) {
    if let Ok(short) = u8::try_from(value) {
        out.extend_from_slice(&[b'K', short]);
    } else if let Ok(short) = u16::try_from(value) {
        out.push(b'M');
        out.extend_from_slice(&short.to_le_bytes());
    } else if let Ok(short) = i32::try_from(value) {
        out.push(b'J');
        out.extend_from_slice(&short.to_le_bytes());
    } else {
        out.extend_from_slice(&[0x8a, 8]);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// What is still to be written.
enum Task<'a> {
    Value(&'a Value),
    Key(&'a str),
    Opcode(u8),
}

fn value(value: &Value, out: &mut Vec<u8>) -> Parse<()> {
    let mut tasks = vec![Task::Value(value)];
    while let Some(task) = tasks.pop() {
        let value = match task {
            Task::Opcode(code) => {
                out.push(code);
                continue;
            }
            Task::Key(key) => {
                string(key, out)?;
                continue;
            }
            Task::Value(value) => value,
        };
        match value {
            Value::Null => out.push(b'N'),
            Value::Bool(value) => out.push(if *value { 0x88 } else { 0x89 }),
            Value::String(text) => string(text, out)?,
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(value), _) => integer(value, out),
                (None, Some(value)) => {
                    out.push(b'G');
                    out.extend_from_slice(&value.to_be_bytes());
                }
                _ => return refuse("number that is no float of 64 bits"),
            },
            Value::Array(items) => {
                out.push(b']');
                if !items.is_empty() {
                    out.push(b'(');
                    tasks.push(Task::Opcode(b'e'));
                    tasks.extend(items.iter().rev().map(Task::Value));
                }
            }
            Value::Object(items) => {
                out.push(b'}');
                if !items.is_empty() {
                    out.push(b'(');
                    tasks.push(Task::Opcode(b'u'));
                    for (key, value) in items.iter().rev() {
                        tasks.push(Task::Value(value));
                        tasks.push(Task::Key(key));
                    }
                }
            }
        }
    }
    Ok(())
}
