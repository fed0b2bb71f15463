//! Opcodes of protocols 0 to 5, with their arguments.

use super::graph::{Node, Span, Text};
use super::text;
use crate::bytes::{Cursor, Parse};

/// One instruction. Opcodes that differ only in the form of their argument are one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Op {
    /// Pushes a value.
    Push(Node),
    EmptyTuple,
    Mark,
    Stop,
    Pop,
    PopMark,
    Dup,
    Get(u64),
    Put(u64),
    Memoize,
    /// TUPLE1 to TUPLE3.
    TupleOf(usize),
    Tuple,
    List,
    Dict,
    FrozenSet,
    Append,
    Appends,
    SetItem,
    SetItems,
    AddItems,
    StackGlobal,
    /// Class by name, with the arguments behind the mark.
    Inst(Text, Text),
    /// Class and arguments behind the mark.
    Obj,
    Reduce,
    NewObj,
    NewObjEx,
    Build,
    PersId(Span),
    BinPersId,
    Proto(u8),
    Frame(u64),
}

fn span(cursor: &Cursor<'_>, start: usize) -> Span {
    // A pickle is at most `Limits::pickle_bytes` long, which fits.
    Span {
        start: u32::try_from(start).unwrap_or(u32::MAX),
        end: u32::try_from(cursor.at()).unwrap_or(u32::MAX),
    }
}

fn taken(cursor: &mut Cursor<'_>, len: u64) -> Parse<Span> {
    let start = cursor.at();
    cursor.take(len)?;
    Ok(span(cursor, start))
}

fn line_span(cursor: &mut Cursor<'_>) -> Parse<Span> {
    let start = cursor.at();
    let len = cursor.line()?.len();
    let mut span = span(cursor, start);
    span.end = span
        .start
        .saturating_add(u32::try_from(len).unwrap_or(u32::MAX));
    Ok(span)
}

fn string(cursor: &mut Cursor<'_>, len: u64) -> Parse<Op> {
    Ok(Op::Push(Node::Str(Text::At(taken(cursor, len)?))))
}

fn bytes(cursor: &mut Cursor<'_>, len: u64) -> Parse<Op> {
    Ok(Op::Push(Node::Bytes(taken(cursor, len)?)))
}

fn signed_len(cursor: &mut Cursor<'_>) -> Parse<u64> {
    let at = cursor.clone();
    let len = cursor.u32()?;
    if i32::try_from(len).is_err() {
        return Err(at.refuse("negative length"));
    }
    Ok(len.into())
}

/// Takes the next instruction.
///
/// # Errors
/// At the end, for unknown opcodes and for arguments that are damaged.
pub(super) fn next(cursor: &mut Cursor<'_>) -> Parse<Op> {
    let start = cursor.clone();
    let bad = |rule: &str| start.refuse(rule);
    let int = |value: i64| Ok(Op::Push(Node::Int(value)));
    match cursor.u8()? {
        b'(' => Ok(Op::Mark),
        b'.' => Ok(Op::Stop),
        b'0' => Ok(Op::Pop),
        b'1' => Ok(Op::PopMark),
        b'2' => Ok(Op::Dup),
        b'N' => Ok(Op::Push(Node::None)),
        0x88 => Ok(Op::Push(Node::Bool(true))),
        0x89 => Ok(Op::Push(Node::Bool(false))),
        b'I' => text::int(cursor.line()?)
            .map(Op::Push)
            .ok_or_else(|| bad("damaged INT")),
        b'L' => text::long(cursor.line()?)
            .map(Op::Push)
            .ok_or_else(|| bad("damaged LONG")),
        b'J' => int(i64::from(cursor.u32()?.cast_signed())),
        b'K' => int(cursor.u8()?.into()),
        b'M' => int(cursor.u16()?.into()),
        0x8a => {
            let len = cursor.u8()?;
            Ok(Op::Push(text::twos_complement(cursor.take(len.into())?)))
        }
        0x8b => {
            let len = signed_len(cursor)?;
            Ok(Op::Push(text::twos_complement(cursor.take(len)?)))
        }
        b'F' => text::float(cursor.line()?)
            .map(|value| Op::Push(Node::Float(value)))
            .ok_or_else(|| bad("damaged FLOAT")),
        b'G' => {
            let value = f64::from_bits(cursor.u64()?.swap_bytes());
            Ok(Op::Push(Node::Float(value)))
        }
        b'S' => text::quoted(cursor.line()?)
            .map(|text| Op::Push(Node::Str(Text::Owned(text))))
            .ok_or_else(|| bad("damaged STRING")),
        b'T' => {
            let len = signed_len(cursor)?;
            string(cursor, len)
        }
        b'U' | 0x8c => {
            let len = cursor.u8()?;
            string(cursor, len.into())
        }
        b'V' => text::raw_unicode_escape(cursor.line()?)
            .map(|text| Op::Push(Node::Str(Text::Owned(text))))
            .ok_or_else(|| bad("damaged UNICODE")),
        b'X' => {
            let len = cursor.u32()?;
            string(cursor, len.into())
        }
        0x8d => {
            let len = cursor.u64()?;
            string(cursor, len)
        }
        b'B' => {
            let len = cursor.u32()?;
            bytes(cursor, len.into())
        }
        b'C' => {
            let len = cursor.u8()?;
            bytes(cursor, len.into())
        }
        0x8e | 0x96 => {
            let len = cursor.u64()?;
            bytes(cursor, len)
        }
        b'c' => {
            let module = Text::At(line_span(cursor)?);
            let name = Text::At(line_span(cursor)?);
            Ok(Op::Push(Node::Global(Box::new((module, name)))))
        }
        b'i' => {
            let module = Text::At(line_span(cursor)?);
            Ok(Op::Inst(module, Text::At(line_span(cursor)?)))
        }
        0x93 => Ok(Op::StackGlobal),
        b'o' => Ok(Op::Obj),
        b'R' => Ok(Op::Reduce),
        b'b' => Ok(Op::Build),
        0x81 => Ok(Op::NewObj),
        0x92 => Ok(Op::NewObjEx),
        b'P' => Ok(Op::PersId(line_span(cursor)?)),
        b'Q' => Ok(Op::BinPersId),
        b'g' => text::index(cursor.line()?)
            .map(Op::Get)
            .ok_or_else(|| bad("damaged GET")),
        b'p' => text::index(cursor.line()?)
            .map(Op::Put)
            .ok_or_else(|| bad("damaged PUT")),
        b'h' => Ok(Op::Get(cursor.u8()?.into())),
        b'j' => Ok(Op::Get(cursor.u32()?.into())),
        b'q' => Ok(Op::Put(cursor.u8()?.into())),
        b'r' => Ok(Op::Put(cursor.u32()?.into())),
        0x94 => Ok(Op::Memoize),
        b')' => Ok(Op::EmptyTuple),
        0x85 => Ok(Op::TupleOf(1)),
        0x86 => Ok(Op::TupleOf(2)),
        0x87 => Ok(Op::TupleOf(3)),
        b't' => Ok(Op::Tuple),
        b']' => Ok(Op::Push(Node::List(Vec::new()))),
        b'l' => Ok(Op::List),
        b'}' => Ok(Op::Push(Node::Dict(Vec::new()))),
        b'd' => Ok(Op::Dict),
        0x8f => Ok(Op::Push(Node::Set(Vec::new()))),
        0x91 => Ok(Op::FrozenSet),
        b'a' => Ok(Op::Append),
        b'e' => Ok(Op::Appends),
        b's' => Ok(Op::SetItem),
        b'u' => Ok(Op::SetItems),
        0x90 => Ok(Op::AddItems),
        0x80 => Ok(Op::Proto(cursor.u8()?)),
        0x95 => Ok(Op::Frame(cursor.u64()?)),
        0x82..=0x84 => Err(bad("opcode of the extension registry")),
        0x97 | 0x98 => Err(bad("opcode for buffers outside the pickle")),
        code => Err(bad(&format!("unknown opcode 0x{code:02x}"))),
    }
}
