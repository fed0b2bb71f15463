//! The machine that turns opcodes into nodes. It executes nothing.

use std::collections::HashMap;

use super::graph::{Graph, Item, Node, NodeId, Object, Span, Text};
use super::memo::Memo;
use super::opcode::{self, Op};
use crate::bytes::{Cursor, Limits, Parse};

/// A value on the stack, with the position of the first opcode that made it.
#[derive(Clone, Copy)]
struct Slot {
    id: NodeId,
    start: u32,
}

/// Reads the pickle at the beginning of `bytes`; what follows its STOP is left alone. `base` is the
/// position of `bytes` in the file.
///
/// # Errors
/// When it is damaged or exceeds the limits.
pub fn read<'a>(bytes: &'a [u8], base: u64, limits: &Limits) -> Parse<Graph<'a>> {
    let (graph, end) = survey(bytes, base, limits);
    end.map(|()| graph)
}

/// As [`read`]; of a pickle that cannot be read to its end, with why, the nodes before the fault. Such a
/// graph has no root to go by.
pub fn survey<'a>(bytes: &'a [u8], base: u64, limits: &Limits) -> (Graph<'a>, Parse<()>) {
    let (graph, _, end) = build(bytes, base, limits);
    (graph, end)
}

/// As [`read`], at the beginning of its file, with the memo as it is at STOP.
pub(super) fn read_with_memo<'a>(bytes: &'a [u8], limits: &Limits) -> Parse<(Graph<'a>, Memo)> {
    let (graph, memo, end) = build(bytes, 0, limits);
    end.map(|()| (graph, memo))
}

fn build<'a>(bytes: &'a [u8], base: u64, limits: &Limits) -> (Graph<'a>, Memo, Parse<()>) {
    let mut graph = Graph {
        bytes,
        base,
        nodes: Vec::new(),
        root: 0,
        end: 0,
    };
    let cursor = Cursor::new(bytes, base, "pickle");
    if bytes.len() as u64 > limits.pickle_bytes.min(u32::MAX.into()) {
        let rule = format!("more than {} bytes", limits.pickle_bytes);
        return (graph, Memo::default(), Err(cursor.refuse(rule)));
    }
    let mut machine = Machine {
        cursor,
        limits: *limits,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Memo::default(),
        small: HashMap::new(),
        op_start: 0,
        frame_end: None,
    };
    let end = machine.run().map(|root| graph.root = root);
    graph.end = machine.cursor.at();
    graph.nodes = machine.nodes;
    (graph, machine.memo, end)
}

/// Values that are the same node wherever they occur.
#[derive(PartialEq, Eq, Hash)]
enum Small {
    None,
    Bool(bool),
    Int(i64),
    EmptyTuple,
}

struct Machine<'a> {
    cursor: Cursor<'a>,
    limits: Limits,
    nodes: Vec<Node>,
    stack: Vec<Slot>,
    /// Depth of the stack at each open MARK, and its position.
    marks: Vec<(usize, u32)>,
    memo: Memo,
    small: HashMap<Small, NodeId>,
    op_start: usize,
    frame_end: Option<usize>,
}

impl Machine<'_> {
    fn run(&mut self) -> Parse<NodeId> {
        for _ in 0..self.limits.pickle_opcodes {
            self.op_start = self.cursor.at();
            let op = opcode::next(&mut self.cursor)?;
            self.check_frame(&op)?;
            if op == Op::Stop {
                return match self.stack[..] {
                    [only] if self.marks.is_empty() => Ok(only.id),
                    _ => Err(self.refuse("STOP with other than one value on the stack")),
                };
            }
            self.step(op)?;
            if (self.stack.len() + self.marks.len()) as u64 > self.limits.pickle_nodes {
                let most = self.limits.pickle_nodes;
                return Err(self.refuse(&format!("more than {most} values on the stack")));
            }
        }
        Err(self.refuse(&format!("more than {} opcodes", self.limits.pickle_opcodes)))
    }

    fn refuse(&self, rule: &str) -> crate::bytes::Refusal {
        let at = self.cursor.position() - (self.cursor.at() - self.op_start) as u64;
        crate::bytes::Refusal::new(format!("pickle: {rule} at byte {at}"))
    }

    /// Readers with and without buffering must see the same: an opcode lies in one frame.
    fn check_frame(&mut self, op: &Op) -> Parse<()> {
        if let Some(end) = self.frame_end {
            if self.cursor.at() > end {
                return Err(self.refuse("opcode across the end of a frame"));
            }
            if self.cursor.at() == end {
                self.frame_end = None;
            }
        }
        if let Op::Frame(len) = *op {
            if self.frame_end.is_some() {
                return Err(self.refuse("frame inside a frame"));
            }
            let end = usize::try_from(len)
                .ok()
                .filter(|&len| len <= self.cursor.remaining());
            let Some(len) = end else {
                return Err(self.refuse("frame past the end"));
            };
            self.frame_end = (len > 0).then_some(self.cursor.at() + len);
        }
        Ok(())
    }

    fn step(&mut self, op: Op) -> Parse<()> {
        match op {
            Op::Push(node) => self.push(node),
            Op::EmptyTuple => self.push(Node::Tuple(Box::new([]))),
            Op::Mark => {
                self.marks.push((self.stack.len(), self.start()));
                Ok(())
            }
            Op::Pop => {
                if self.marks.last().is_some_and(|m| m.0 == self.stack.len()) {
                    self.marks.pop();
                } else {
                    self.pop()?;
                }
                Ok(())
            }
            Op::PopMark => self.behind_mark().map(drop),
            Op::Dup => {
                let top = self.top()?;
                self.stack.push(Slot {
                    start: self.start(),
                    ..top
                });
                Ok(())
            }
            Op::Get(index) => {
                let Some(id) = self.memo.get(index) else {
                    return Err(self.refuse(&format!("memo entry {index} was never set")));
                };
                self.stack.push(Slot {
                    id,
                    start: self.start(),
                });
                Ok(())
            }
            Op::Put(index) => {
                let top = self.top()?;
                self.memo.set(index, top.id);
                Ok(())
            }
            Op::Memoize => {
                let top = self.top()?;
                self.memo.push(top.id);
                Ok(())
            }
            Op::TupleOf(len) => {
                let slots = self.pop_many(len)?;
                self.collect(slots, |ids| Node::Tuple(ids.into()))
            }
            Op::Tuple => {
                let slots = self.behind_mark()?;
                self.collect(slots, |ids| Node::Tuple(ids.into()))
            }
            Op::List => {
                let slots = self.behind_mark()?;
                self.collect(slots, Node::List)
            }
            Op::FrozenSet => {
                let slots = self.behind_mark()?;
                self.collect(slots, Node::Set)
            }
            Op::Dict => {
                let slots = self.behind_mark()?;
                let items = self.items(&slots.1)?;
                self.push_from(Node::Dict(items), slots.0)
            }
            Op::Append => {
                let value = self.pop()?;
                self.append(&[value], false)
            }
            Op::Appends => {
                let slots = self.behind_mark()?;
                self.append(&slots.1, false)
            }
            Op::AddItems => {
                let slots = self.behind_mark()?;
                self.append(&slots.1, true)
            }
            Op::SetItem => {
                let slots = self.pop_many(2)?;
                self.set_items(&slots.1)
            }
            Op::SetItems => {
                let slots = self.behind_mark()?;
                self.set_items(&slots.1)
            }
            Op::StackGlobal => self.stack_global(),
            Op::Inst(module, name) => {
                let slots = self.behind_mark()?;
                let callable = self.add(Node::Global(Box::new((module, name))))?;
                self.instance(slots.0, callable, &slots.1)
            }
            Op::Obj => {
                let slots = self.behind_mark()?;
                let Some((class, args)) = slots.1.split_first() else {
                    return Err(self.refuse("OBJ without a class"));
                };
                self.instance(slots.0, class.id, args)
            }
            Op::Reduce | Op::NewObj => {
                let (start, slots) = self.pop_many(2)?;
                self.object(start, slots[0].id, slots[1].id, None)
            }
            Op::NewObjEx => {
                let (start, slots) = self.pop_many(3)?;
                self.object(start, slots[0].id, slots[1].id, Some(slots[2].id))
            }
            Op::Build => {
                let state = self.pop()?;
                let target = self.top()?;
                match &mut self.nodes[target.id as usize] {
                    Node::Object(object) => object.states.push(state.id),
                    _ => return Err(self.refuse("BUILD on a plain value")),
                }
                Ok(())
            }
            Op::PersId(span) => self.push(Node::PersistentText(span)),
            Op::BinPersId => {
                let id = self.pop()?;
                self.push_from(Node::Persistent(id.id), id.start)
            }
            Op::Proto(version) => {
                if version > 5 || self.op_start != 0 {
                    return Err(self.refuse("unknown protocol, or protocol not at the beginning"));
                }
                Ok(())
            }
            // Both are dealt with before.
            Op::Frame(_) | Op::Stop => Ok(()),
        }
    }

    fn start(&self) -> u32 {
        u32::try_from(self.op_start).unwrap_or(u32::MAX)
    }

    fn add(&mut self, node: Node) -> Parse<NodeId> {
        if self.nodes.len() as u64 >= self.limits.pickle_nodes.min(u32::MAX.into()) {
            return Err(self.refuse(&format!("more than {} objects", self.limits.pickle_nodes)));
        }
        self.nodes.push(node);
        // Fits: the limit is below u32::MAX.
        Ok(u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX))
    }

    fn push(&mut self, node: Node) -> Parse<()> {
        let start = self.start();
        self.push_from(node, start)
    }

    fn push_from(&mut self, node: Node, start: u32) -> Parse<()> {
        // Values without identity are made once: most nodes of a checkpoint are small integers.
        let small = match &node {
            Node::None => Some(Small::None),
            Node::Bool(value) => Some(Small::Bool(*value)),
            Node::Int(value) if (0..4096).contains(value) => Some(Small::Int(*value)),
            Node::Tuple(elements) if elements.is_empty() => Some(Small::EmptyTuple),
            _ => None,
        };
        let id = match small {
            None => self.add(node)?,
            Some(small) => match self.small.get(&small) {
                Some(&id) => id,
                None => {
                    let id = self.add(node)?;
                    self.small.insert(small, id);
                    id
                }
            },
        };
        self.stack.push(Slot { id, start });
        Ok(())
    }

    /// The top of the stack, which must not be a mark.
    fn top(&self) -> Parse<Slot> {
        let floor = self.marks.last().map_or(0, |m| m.0);
        match self.stack.last() {
            Some(&slot) if self.stack.len() > floor => Ok(slot),
            _ => Err(self.refuse("opcode on an empty stack")),
        }
    }

    fn pop(&mut self) -> Parse<Slot> {
        let slot = self.top()?;
        self.stack.pop();
        Ok(slot)
    }

    fn pop_many(&mut self, len: usize) -> Parse<(u32, Vec<Slot>)> {
        let floor = self.marks.last().map_or(0, |m| m.0);
        match self.stack.len().checked_sub(len) {
            Some(at) if at >= floor => {
                let slots = self.stack.split_off(at);
                let start = slots.first().map_or(self.start(), |slot| slot.start);
                Ok((start, slots))
            }
            _ => Err(self.refuse("opcode on an empty stack")),
        }
    }

    fn behind_mark(&mut self) -> Parse<(u32, Vec<Slot>)> {
        match self.marks.pop() {
            Some((depth, start)) => Ok((start, self.stack.split_off(depth))),
            None => Err(self.refuse("opcode without its MARK")),
        }
    }

    fn collect(
        &mut self,
        (start, slots): (u32, Vec<Slot>),
        make: impl FnOnce(Vec<NodeId>) -> Node,
    ) -> Parse<()> {
        let ids = slots.iter().map(|slot| slot.id).collect();
        self.push_from(make(ids), start)
    }

    /// Keys and values, which alternate.
    fn items(&self, slots: &[Slot]) -> Parse<Vec<Item>> {
        let (pairs, rest) = slots.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(self.refuse("key without a value"));
        }
        let ends = pairs.iter().skip(1).map(|[key, _]| key.start);
        let ends = ends.chain([self.start()]);
        Ok(pairs
            .iter()
            .zip(ends)
            .map(|([key, value], end)| Item {
                key: key.id,
                value: value.id,
                span: Span {
                    start: key.start,
                    end,
                },
            })
            .collect())
    }

    fn set_items(&mut self, slots: &[Slot]) -> Parse<()> {
        let items = self.items(slots)?;
        let target = self.top()?;
        match &mut self.nodes[target.id as usize] {
            Node::Dict(all) => all.extend(items),
            Node::Object(object) => object.items.extend(items),
            _ => return Err(self.refuse("items set on something that is no dict")),
        }
        Ok(())
    }

    fn append(&mut self, slots: &[Slot], to_set: bool) -> Parse<()> {
        let target = self.top()?;
        let ids = slots.iter().map(|slot| slot.id);
        match &mut self.nodes[target.id as usize] {
            Node::List(all) if !to_set => all.extend(ids),
            Node::Set(all) if to_set => all.extend(ids),
            Node::Object(object) => object.appended.extend(ids),
            _ => return Err(self.refuse("values appended to something that is no list")),
        }
        Ok(())
    }

    fn stack_global(&mut self) -> Parse<()> {
        let (start, slots) = self.pop_many(2)?;
        let mut names = slots
            .iter()
            .map(|slot| match &self.nodes[slot.id as usize] {
                // Owned texts come from protocol 0, which has no STACK_GLOBAL: what it copies is bounded.
                Node::Str(Text::At(span)) => Some(Text::At(*span)),
                _ => None,
            });
        let (Some(Some(module)), Some(Some(name))) = (names.next(), names.next()) else {
            return Err(self.refuse("STACK_GLOBAL without two strings"));
        };
        self.push_from(Node::Global(Box::new((module, name))), start)
    }

    fn instance(&mut self, start: u32, callable: NodeId, args: &[Slot]) -> Parse<()> {
        let args = self.add(Node::Tuple(args.iter().map(|slot| slot.id).collect()))?;
        self.object(start, callable, args, None)
    }

    fn object(
        &mut self,
        start: u32,
        callable: NodeId,
        args: NodeId,
        kwargs: Option<NodeId>,
    ) -> Parse<()> {
        if !matches!(self.nodes[args as usize], Node::Tuple(_)) {
            return Err(self.refuse("call whose arguments are no tuple"));
        }
        let at = self.start();
        let object = Object {
            callable,
            args,
            kwargs,
            states: Vec::new(),
            appended: Vec::new(),
            items: Vec::new(),
            at,
        };
        self.push_from(Node::Object(Box::new(object)), start)
    }
}
