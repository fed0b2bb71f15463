//! What a pickle builds: nodes in one list, which refer to each other by index.
//!
//! Sharing and cycles are equal indices; nothing is ever cloned, and dropping the list does not recurse.

/// Index of a node in its [`Graph`].
pub type NodeId = u32;

/// A range of the pickle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first byte.
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
}

/// The bytes of a string: UTF-8, unless it holds lone surrogates or is a Python 2 string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// They stand in the pickle.
    At(Span),
    /// They were written with escapes.
    Owned(Box<[u8]>),
}

/// A key and its value in a dict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The key.
    pub key: NodeId,
    /// The value.
    pub value: NodeId,
    /// The opcodes that push key and value, and memoize them.
    pub span: Span,
}

/// The result of a call that was not made.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// What would be called, or the class.
    pub callable: NodeId,
    /// A tuple.
    pub args: NodeId,
    /// Keyword arguments, of `NEWOBJ_EX`.
    pub kwargs: Option<NodeId>,
    /// States that BUILD sets, in order.
    pub states: Vec<NodeId>,
    /// Elements appended to it, as to a list.
    pub appended: Vec<NodeId>,
    /// Items set on it, as on a dict.
    pub items: Vec<Item>,
    /// Position of the opcode.
    pub at: u32,
}

/// An inert value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// `None`
    None,
    /// A truth value.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer of more bits, whose value nobody asks for.
    BigInt,
    /// A floating-point number.
    Float(f64),
    /// A string, or a Python 2 string.
    Str(Text),
    /// Bytes.
    Bytes(Span),
    /// Something importable: module and qualified name.
    Global(Box<(Text, Text)>),
    /// A tuple.
    Tuple(Box<[NodeId]>),
    /// A list.
    List(Vec<NodeId>),
    /// A set or frozen set.
    Set(Vec<NodeId>),
    /// A dict.
    Dict(Vec<Item>),
    /// The result of a call or of making an object.
    Object(Box<Object>),
    /// What a persistent id stands for.
    Persistent(NodeId),
    /// The same, by a textual id of protocol 0.
    PersistentText(Span),
}

/// All nodes of a pickle.
#[derive(Clone, Debug)]
pub struct Graph<'a> {
    /// The pickle.
    pub bytes: &'a [u8],
    /// Position of the pickle in its file, for refusals.
    pub base: u64,
    /// All nodes.
    pub nodes: Vec<Node>,
    /// The result.
    pub root: NodeId,
    /// Length of the pickle up to and including STOP.
    pub end: usize,
}

impl Graph<'_> {
    /// The node of this id.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    /// The bytes of a range.
    #[must_use]
    pub fn slice(&self, span: Span) -> &[u8] {
        &self.bytes[span.start as usize..span.end as usize]
    }

    /// Where a string that stands in the pickle is; 0 for one that was written with escapes.
    #[must_use]
    pub fn position(&self, id: NodeId) -> u64 {
        match self.node(id) {
            Node::Str(Text::At(span)) => self.base + u64::from(span.start),
            _ => self.base,
        }
    }

    /// The bytes of a string.
    #[must_use]
    pub fn text<'t>(&'t self, text: &'t Text) -> &'t [u8] {
        match text {
            Text::At(span) => self.slice(*span),
            Text::Owned(bytes) => bytes,
        }
    }

    /// The bytes of a string node.
    #[must_use]
    pub fn str(&self, id: NodeId) -> Option<&[u8]> {
        match self.node(id) {
            Node::Str(text) => Some(self.text(text)),
            _ => None,
        }
    }

    /// Module and name of a global node.
    #[must_use]
    pub fn global(&self, id: NodeId) -> Option<(&[u8], &[u8])> {
        match self.node(id) {
            Node::Global(names) => Some((self.text(&names.0), self.text(&names.1))),
            _ => None,
        }
    }

    /// The elements of a tuple.
    #[must_use]
    pub fn tuple(&self, id: NodeId) -> Option<&[NodeId]> {
        match self.node(id) {
            Node::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    /// The extents in `torch.Size((…))`, a call with one argument; `None` for other objects.
    #[must_use]
    pub fn torch_size(&self, object: &Object) -> Option<&[NodeId]> {
        if self.global(object.callable)? != (b"torch", b"Size") {
            return None;
        }
        match *self.tuple(object.args)? {
            [extents] => self.tuple(extents),
            _ => None,
        }
    }

    /// The value of an integer that is not negative.
    #[must_use]
    pub fn unsigned(&self, id: NodeId) -> Option<u64> {
        match self.node(id) {
            Node::Int(value) => u64::try_from(*value).ok(),
            _ => None,
        }
    }
}
