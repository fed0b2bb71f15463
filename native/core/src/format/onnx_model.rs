//! The messages of an ONNX model that lead to its tensors.
//!
//! In: a source that is one `ModelProto`. Out: [`Model`]: initializers and where their values are, and what
//! describes the model. Graphs inside nodes, functions and training steps are walked with a list of open
//! messages in the place of recursion. Refused: fields of another wire type than theirs, fields that are
//! set twice and that one would win, a model without version or graph, too deep nesting, tensors that
//! contradict themselves.
//! Specification: `onnx/onnx.proto` and `docs/IR.md` of `https://github.com/onnx/onnx`.

use super::facts::SHOWN_ENTRIES;
use super::onnx_fields::{
    ATTRIBUTE, ENTRY, FUNCTION, GRAPH, MAX_NAME, MODEL, NODE, OPSET, Seen, TRAINING, pair,
};
use super::onnx_tensor::{self as tensor, Initializer};
use super::protobuf::{Field, Span, Wire};
use crate::bytes::{Limits, Parse, ReadAt};
use crate::tensor::push_component;

/// Messages inside each other, as many as protobuf's own readers take.
const DEPTH: usize = 100;

/// What a model says of itself, and its initializers in the order of the file.
#[derive(Default)]
pub(super) struct Model {
    pub(super) ir_version: u64,
    pub(super) producer_name: Span,
    pub(super) producer_version: Span,
    pub(super) domain: Span,
    pub(super) model_version: u64,
    pub(super) graph_name: Span,
    /// Domain and version; the first of them.
    pub(super) opsets: Vec<(Span, u64)>,
    /// Key and value; the first of them.
    pub(super) metadata: Vec<(Span, Span)>,
    pub(super) nodes: u64,
    pub(super) functions: u64,
    pub(super) initializers: Vec<Initializer>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Training,
    Function,
}

/// An open message.
struct Frame {
    message: Message,
    at: u64,
    end: u64,
    seen: Seen,
    /// Its name, as far as it was met: that of a node may be its first output.
    name: Span,
    /// Which of its parent's messages it is.
    index: u64,
    /// Messages that were opened in it.
    opened: u64,
    /// Length of the path of the names inside it.
    path: usize,
}

struct Walk<'a> {
    wire: Wire<'a>,
    limits: &'a Limits,
    stack: Vec<Frame>,
    /// What stands before names of initializers: the way from the model's graph, which adds nothing.
    path: Vec<u8>,
    name_bytes: u64,
    trainings: u64,
    model: Model,
}

/// Reads the messages of a model.
///
/// # Errors
/// See the module; what reading says.
pub(super) fn read(source: &dyn ReadAt, limits: &Limits) -> Parse<Model> {
    let mut walk = Walk {
        wire: Wire::new(source, "onnx"),
        limits,
        stack: Vec::new(),
        path: Vec::new(),
        name_bytes: 0,
        trainings: 0,
        model: Model::default(),
    };
    let all = Span {
        at: 0,
        len: source.len(),
    };
    walk.open(Message::Model, all)?;
    while let Some(frame) = walk.stack.last_mut() {
        let (message, end) = (frame.message, frame.end);
        let Some(field) = walk.wire.field(&mut frame.at, end)? else {
            walk.close(message, end)?;
            continue;
        };
        let fields = match message {
            Message::Model => MODEL,
            Message::Graph => GRAPH,
            Message::Node => NODE,
            Message::Attribute => ATTRIBUTE,
            Message::Training => TRAINING,
            Message::Function => FUNCTION,
        };
        if frame.seen.check(&walk.wire, fields, field)? {
            walk.take(message, field)?;
        }
    }
    Ok(walk.model)
}

impl Walk<'_> {
    fn open(&mut self, message: Message, span: Span) -> Parse<()> {
        if self.stack.len() >= DEPTH {
            let rule = format!("messages nested deeper than {DEPTH}");
            return Err(self.wire.refuse(rule, span.at));
        }
        let mut index = 0;
        if let Some(parent) = self.stack.last_mut() {
            index = parent.opened;
            parent.opened += 1;
        }
        // `field` has checked that it ends inside its parent.
        self.stack.push(Frame {
            message,
            at: span.at,
            end: span.at.saturating_add(span.len),
            seen: Seen::default(),
            name: Span::default(),
            index,
            opened: 0,
            path: self.path.len(),
        });
        Ok(())
    }

    fn close(&mut self, message: Message, end: u64) -> Parse<()> {
        if let Some(frame) = self.stack.pop()
            && message == Message::Model
        {
            if !frame.seen.has(1) {
                return Err(self.wire.refuse("no version of the format", end));
            }
            if !frame.seen.has(7) {
                return Err(self.wire.refuse("no graph", end));
            }
        }
        let path = self.stack.last().map_or(0, |parent| parent.path);
        self.path.truncate(path);
        Ok(())
    }

    fn take(&mut self, message: Message, field: Field) -> Parse<()> {
        let span = field.value.span();
        match (message, field.number) {
            (Message::Model, number) => return self.take_model(number, field),
            (Message::Graph, 1) => {
                self.model.nodes += 1;
                self.open(Message::Node, span)?;
            }
            (Message::Graph, 2) if self.stack.len() == 2 => self.model.graph_name = span,
            (Message::Graph, 5) => self.initializer(tensor::dense, span)?,
            (Message::Graph, 15) => self.initializer(tensor::sparse, span)?,
            (Message::Node, 2) => self.set_name(span, false),
            (Message::Node, 3) if span.len > 0 => self.set_name(span, true),
            (Message::Node, 5) => self.open(Message::Attribute, span)?,
            (Message::Attribute | Message::Function, 1) => self.set_name(span, true),
            (Message::Attribute, 6) => self.open_graph(None, span)?,
            (Message::Attribute, 11) => {
                let index = self.stack.last().map_or(0, |frame| frame.opened);
                self.open_graph(Some(index), span)?;
            }
            (Message::Training, 1) => self.open_training("initialization", span)?,
            (Message::Training, 2) => self.open_training("algorithm", span)?,
            (Message::Function, 7) => self.open(Message::Node, span)?,
            _ => {}
        }
        Ok(())
    }

    fn take_model(&mut self, number: u32, field: Field) -> Parse<()> {
        let span = field.value.span();
        let model = &mut self.model;
        match number {
            1 => model.ir_version = field.value.varint(),
            2 => model.producer_name = span,
            3 => model.producer_version = span,
            4 => model.domain = span,
            5 => model.model_version = field.value.varint(),
            7 => self.open(Message::Graph, span)?,
            8 => {
                let [domain, version] = pair(&mut self.wire, OPSET, span)?;
                if self.model.opsets.len() < SHOWN_ENTRIES {
                    let version = version.map_or(0, |field| field.value.varint());
                    let domain = domain.map_or(Span::default(), |field| field.value.span());
                    self.model.opsets.push((domain, version));
                }
            }
            14 => {
                let entry = pair(&mut self.wire, ENTRY, span)?;
                if self.model.metadata.len() < SHOWN_ENTRIES {
                    let [key, value] =
                        entry.map(|f| f.map_or(Span::default(), |field| field.value.span()));
                    self.model.metadata.push((key, value));
                }
            }
            20 => {
                self.open(Message::Training, span)?;
                if let Some(frame) = self.stack.last_mut() {
                    frame.index = self.trainings;
                }
                self.trainings += 1;
            }
            25 => {
                model.functions += 1;
                self.open(Message::Function, span)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn set_name(&mut self, span: Span, wins: bool) {
        if let Some(frame) = self.stack.last_mut()
            && (wins || frame.name.len == 0)
        {
            frame.name = span;
        }
    }

    fn initializer(
        &mut self,
        read: impl FnOnce(&mut Wire<'_>, &Limits, Span) -> Parse<Initializer>,
        span: Span,
    ) -> Parse<()> {
        if self.model.initializers.len() as u64 >= self.limits.tensors {
            let rule = format!("more than {} tensors", self.limits.tensors);
            return Err(self.wire.refuse(rule, span.at));
        }
        let mut found = read(&mut self.wire, self.limits, span)?;
        if found.name.is_empty() {
            return Err(self.wire.refuse("initializer without a name", span.at));
        }
        let mut name = self.path.clone();
        push_component(&mut name, found.name.as_bytes());
        self.spend(name.len(), span.at)?;
        // Components are UTF-8, and escaping keeps that.
        found.name = String::from_utf8(name).unwrap_or_default();
        self.model.initializers.push(found);
        Ok(())
    }

    /// Opens the graph of an attribute: its path is that of the node and the attribute.
    fn open_graph(&mut self, index: Option<u64>, span: Span) -> Parse<()> {
        let inside = self.stack.iter().rev().take(3);
        let names: Vec<(Span, u64)> = inside
            .take_while(|frame| !matches!(frame.message, Message::Graph | Message::Model))
            .map(|frame| (frame.name, frame.index))
            .collect();
        let before = self.path.len();
        for (name, index) in names.into_iter().rev() {
            if name.len == 0 {
                self.push_path(index.to_string().as_bytes());
            } else {
                let text = self.wire.text(name, MAX_NAME)?;
                self.push_path(text.as_bytes());
            }
        }
        if let Some(index) = index {
            self.push_path(index.to_string().as_bytes());
        }
        // Counted: one long name would be read for each of many graphs.
        self.spend(self.path.len() - before, span.at)?;
        self.open(Message::Graph, span)
    }

    fn open_training(&mut self, step: &str, span: Span) -> Parse<()> {
        let index = self.stack.last().map_or(0, |frame| frame.index);
        self.push_path(b"training_info");
        self.push_path(index.to_string().as_bytes());
        self.push_path(step.as_bytes());
        self.open(Message::Graph, span)
    }

    fn spend(&mut self, bytes: usize, at: u64) -> Parse<()> {
        self.name_bytes = self.name_bytes.saturating_add(bytes as u64);
        if self.name_bytes > self.limits.name_bytes {
            return Err(self.wire.refuse("names take too many bytes", at));
        }
        Ok(())
    }

    fn push_path(&mut self, component: &[u8]) {
        push_component(&mut self.path, component);
        self.path.push(b'/');
    }
}
