//! The walk from a pickled object to its tensors, which names them.
//!
//! A list of tasks takes the place of recursion. A container is entered once, by the first path that
//! leads to it; tensors are listed at every place. Steps and bytes of paths are counted against limits,
//! so that sharing cannot make the walk longer than the pickle allows.

use std::collections::{HashMap, HashSet};

use super::graph::{Graph, Item, Node, NodeId, Object};
use super::leaf::ordered_pairs;
use super::numpy;
use super::rebuild::{self, Checked, Meaning};
use super::storages::{Referred, Storages};
use super::torch::{Found, Ids, Known, Tensor};
use crate::bytes::{Limits, Parse, Refusal};
use crate::layout::{Listed, Values};
use crate::tensor::{Dtype, View, push_component};

/// How a step continues the path.
#[derive(Clone, Copy)]
enum Step {
    /// Not at all.
    Same,
    /// By the key of a dict.
    Key(NodeId),
    /// By a position.
    Index(usize),
    /// By a name that torch gives.
    Named(&'static str),
}

/// What a task looks at.
#[derive(Clone, Copy)]
enum Target {
    Node(NodeId),
    /// A call that is an argument of another one: callable and arguments.
    Call(NodeId, NodeId),
}

#[derive(Clone, Copy)]
struct Task {
    target: Target,
    /// The path that leads to the parent: its length in bytes and its components.
    path: (usize, usize),
    step: Step,
}

pub(super) fn walk<'g>(graph: &'g Graph<'g>, ids: Ids<'g>, limits: &'g Limits) -> Parse<Found> {
    let mut walk = Walk {
        graph,
        limits,
        storages: Storages::new(ids),
        tensors: Vec::new(),
        listed: Vec::new(),
        tasks: Vec::new(),
        entered: vec![false; graph.nodes.len()],
        path: Vec::new(),
        depth: 0,
        text_budget: limits.name_bytes,
        steps: 0,
    };
    walk.run()?;
    walk.storages.add_all(graph)?;
    Ok(Found {
        storages: walk.storages.list,
        tensors: walk.tensors,
        listed: walk.listed,
    })
}

struct Walk<'g> {
    graph: &'g Graph<'g>,
    limits: &'g Limits,
    storages: Storages<'g>,
    tensors: Vec<Tensor>,
    listed: Vec<Listed>,
    tasks: Vec<Task>,
    entered: Vec<bool>,
    path: Vec<u8>,
    depth: usize,
    text_budget: u64,
    steps: u64,
}

impl<'g> Walk<'g> {
    fn run(&mut self) -> Parse<()> {
        self.push(Step::Same, self.graph.root)?;
        while let Some(task) = self.tasks.pop() {
            self.go(task)?;
            let first_child = self.tasks.len();
            match task.target {
                Target::Node(id) => self.visit(id)?,
                Target::Call(callable, args) => self.call(callable, args, None)?,
            }
            // The list is last in, first out; children are met in their order.
            if let Some(children) = self.tasks.get_mut(first_child..) {
                children.reverse();
            }
        }
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Parse<()> {
        self.text_budget = self
            .text_budget
            .checked_sub(bytes as u64)
            .ok_or_else(|| Refusal::new("pickle: names take too many bytes"))?;
        Ok(())
    }

    /// Sets the path to the task's.
    fn go(&mut self, task: Task) -> Parse<()> {
        self.path.truncate(task.path.0);
        self.depth = task.path.1;
        if matches!(task.step, Step::Same) {
            return Ok(());
        }
        if self.depth > 0 {
            self.path.push(b'/');
        }
        self.depth += 1;
        let before = self.path.len();
        match task.step {
            Step::Same => {}
            Step::Key(key) => {
                if let Some(text) = self.graph.str(key) {
                    self.spend(text.len())?;
                }
                self.push_key(key)?;
            }
            Step::Index(index) => self.path.extend(index.to_string().as_bytes()),
            Step::Named(name) => self.path.extend(name.as_bytes()),
        }
        self.spend(self.path.len() - before + 1)
    }

    /// A key as Python's `str` prints it.
    fn push_key(&mut self, key: NodeId) -> Parse<()> {
        let graph = self.graph;
        let text: String = match graph.node(key) {
            Node::Str(text) => {
                push_component(&mut self.path, graph.text(text));
                return Ok(());
            }
            Node::Global(names) => {
                let (module, name) = (graph.text(&names.0), graph.text(&names.1));
                self.spend(module.len() + name.len())?;
                self.path.extend(b"<class '");
                push_component(&mut self.path, module);
                self.path.push(b'.');
                push_component(&mut self.path, name);
                self.path.extend(b"'>");
                return Ok(());
            }
            Node::Int(value) => value.to_string(),
            Node::Bool(true) => "True".into(),
            Node::Bool(false) => "False".into(),
            Node::None => "None".into(),
            Node::Float(value) => format!("{value:?}"),
            // Matters only when a tensor is found below it: no byte of UTF-8.
            _ => {
                self.path.push(0xFF);
                return Ok(());
            }
        };
        self.path.extend(text.as_bytes());
        Ok(())
    }

    fn refuse(&self, id: NodeId, rule: &str) -> Refusal {
        let path = String::from_utf8_lossy(&self.path);
        let path: String = path.chars().take(200).collect();
        match self.graph.node(id) {
            Node::Object(object) => {
                let at = self.graph.base + u64::from(object.at);
                Refusal::new(format!("torch: {rule}, in {path:?} at byte {at}"))
            }
            _ => Refusal::new(format!("torch: {rule}, in {path:?}")),
        }
    }

    /// Can there be tensors in it?
    fn leads_on(&self, id: NodeId) -> bool {
        matches!(
            self.graph.node(id),
            Node::Tuple(_)
                | Node::List(_)
                | Node::Set(_)
                | Node::Dict(_)
                | Node::Object(_)
                | Node::Persistent(_)
                | Node::PersistentText(_)
        )
    }

    fn push(&mut self, step: Step, id: NodeId) -> Parse<()> {
        if self.leads_on(id) && !self.entered[id as usize] {
            self.push_task(step, Target::Node(id))?;
        }
        Ok(())
    }

    fn push_task(&mut self, step: Step, target: Target) -> Parse<()> {
        self.steps += 1;
        if self.steps > self.limits.pickle_nodes {
            return Err(Refusal::new(format!(
                "pickle: more than {} steps to all tensors",
                self.limits.pickle_nodes
            )));
        }
        self.tasks.push(Task {
            target,
            path: (self.path.len(), self.depth),
            step,
        });
        Ok(())
    }

    /// True the first time.
    fn enter(&mut self, id: NodeId) -> bool {
        !std::mem::replace(&mut self.entered[id as usize], true)
    }

    fn visit(&mut self, id: NodeId) -> Parse<()> {
        let graph = self.graph;
        match graph.node(id) {
            Node::Tuple(ids) if self.enter(id) => self.push_all(ids)?,
            Node::List(ids) | Node::Set(ids) if self.enter(id) => self.push_all(ids)?,
            Node::Dict(items) if self.enter(id) => self.push_items(items)?,
            Node::Object(object) if rebuild::is_rebuild(graph, object.callable) => {
                let plain = object.states.is_empty()
                    && object.items.is_empty()
                    && object.appended.is_empty()
                    && object.kwargs.is_none();
                if !plain {
                    return Err(self.refuse(id, "tensor that is changed after it was rebuilt"));
                }
                self.call(object.callable, object.args, Some(id))?;
            }
            Node::Object(object) => {
                if let Some(array) = numpy::array(graph, object, self.limits) {
                    self.list(array.dtype, array.shape, "a NumPy array inside the pickle")?;
                    // Only its elements could lead on.
                    if let Some(elements) = array.elements {
                        self.push(Step::Same, elements)?;
                    }
                } else if self.enter(id) {
                    self.object(object)?;
                }
            }
            Node::Persistent(_) | Node::PersistentText(_) => {
                match self.storages.resolve(graph, id)? {
                    Referred::Other(node) => self.push(Step::Same, node)?,
                    Referred::Known(Known { place, view: None }) => {
                        self.emit(place.storage, None)?;
                    }
                    Referred::Known(Known {
                        place,
                        view: Some(view),
                    }) => self.emit(place.storage, place.dtype.map(|dtype| (dtype, view)))?,
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn push_all(&mut self, ids: &[NodeId]) -> Parse<()> {
        for (index, &id) in ids.iter().enumerate() {
            self.push(Step::Index(index), id)?;
        }
        Ok(())
    }

    fn push_items(&mut self, items: &[Item]) -> Parse<()> {
        let graph = self.graph;
        // Python keeps the value that was set last; whoever lists items may show the first. That does not matter
        // where it is the same object, or where neither holds a tensor.
        let mut seen = HashMap::with_capacity(items.len());
        for item in items {
            let text = match graph.node(item.key) {
                Node::Str(text) => graph.text(text),
                _ => continue,
            };
            self.spend(text.len() + 1)?;
            let Some(before) = seen.insert(text, item.value) else {
                continue;
            };
            if before != item.value && !(self.plain(before)? && self.plain(item.value)?) {
                let at = graph.base + u64::from(item.span.start);
                return Err(Refusal::new(format!("pickle: key set twice, at byte {at}")));
            }
        }
        // Equal numbers of different types are one key.
        let mut numbers = HashSet::new();
        for item in items {
            let number = match graph.node(item.key) {
                Node::Int(value) => *value,
                Node::Bool(value) => i64::from(*value),
                Node::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => *value as i64,
                _ => continue,
            };
            if !numbers.insert(number) {
                let at = graph.base + u64::from(item.span.start);
                return Err(Refusal::new(format!("pickle: key set twice, at byte {at}")));
            }
        }
        for item in items {
            self.push(Step::Key(item.key), item.value)?;
        }
        Ok(())
    }

    /// Is it a number, a text and the like, or made of nothing but such?
    fn plain(&mut self, id: NodeId) -> Parse<bool> {
        let graph = self.graph;
        let mut seen = HashSet::new();
        let mut waiting = vec![id];
        while let Some(id) = waiting.pop() {
            // The same value may be set again and again.
            self.spend(1)?;
            match graph.node(id) {
                Node::None
                | Node::Bool(_)
                | Node::Int(_)
                | Node::BigInt
                | Node::Float(_)
                | Node::Str(_) => {}
                Node::List(ids) if seen.insert(id) => waiting.extend_from_slice(ids),
                Node::Tuple(ids) if seen.insert(id) => waiting.extend_from_slice(ids),
                Node::Dict(items) if seen.insert(id) => {
                    waiting.extend(items.iter().flat_map(|item| [item.key, item.value]));
                }
                Node::List(_) | Node::Tuple(_) | Node::Dict(_) => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// An object of any class: arguments by position, elements, items, attributes.
    fn object(&mut self, object: &'g Object) -> Parse<()> {
        match ordered_pairs(self.graph, object) {
            Some(pairs) => {
                for Item { key, value, .. } in pairs {
                    self.push(Step::Key(key), value)?;
                }
            }
            None => self.push_all(self.graph.tuple(object.args).unwrap_or(&[]))?,
        }
        if let Some(kwargs) = object.kwargs {
            self.push(Step::Same, kwargs)?;
        }
        self.push_all(&object.appended)?;
        self.push_items(&object.items)?;
        for &state in &object.states {
            self.push_state(state)?;
        }
        Ok(())
    }

    /// Attributes: a dict, or two of them, the second for slots.
    fn push_state(&mut self, state: NodeId) -> Parse<()> {
        let graph = self.graph;
        let dict = |&id: &NodeId| matches!(graph.node(id), Node::Dict(_) | Node::None);
        match graph.tuple(state) {
            Some(two) if two.len() == 2 && two.iter().all(dict) => {
                for &id in two {
                    self.push(Step::Same, id)?;
                }
            }
            _ => self.push(Step::Same, state)?,
        }
        Ok(())
    }

    /// A call of one of torch's functions, or of another one inside it.
    fn call(&mut self, callable: NodeId, args: NodeId, id: Option<NodeId>) -> Parse<()> {
        let graph = self.graph;
        let meaning = rebuild::meaning(graph, callable, args, self.limits)
            .map_err(|rule| self.refuse(id.unwrap_or(args), rule))?;
        match meaning {
            Meaning::Tensor(tensor, parts) => {
                let place = self.storages.place(graph, tensor.storage)?;
                let checked = tensor
                    .on(&place)
                    .map_err(|rule| self.refuse(id.unwrap_or(args), rule))?;
                match checked {
                    Checked::View(dtype, view) => self.emit(place.storage, Some((dtype, view)))?,
                    Checked::Unread(dtype, shape, why) => {
                        self.emit(place.storage, None)?;
                        self.list(dtype.name().into(), shape, why)?;
                    }
                }
                for (name, part) in parts {
                    self.push(Step::Named(name), part)?;
                }
            }
            Meaning::Parts(parts) => {
                for (name, part) in parts {
                    self.push(Step::Named(name), part)?;
                }
            }
            Meaning::Unread(dtype, shape, why) => self.list(dtype, shape, why)?,
            Meaning::Same(inner, state) => {
                self.push(Step::Same, inner)?;
                if let Some(state) = state {
                    self.push_state(state)?;
                }
            }
            Meaning::Call {
                callable,
                args,
                state,
            } => {
                self.push_task(Step::Same, Target::Call(callable, args))?;
                self.push_state(state)?;
            }
            Meaning::Other => {
                if id.is_none_or(|id| self.enter(id)) {
                    self.push_all(graph.tuple(args).unwrap_or(&[]))?;
                }
            }
        }
        Ok(())
    }

    /// Lists what is no view of a storage; nothing when its path is no Unicode, which only matters where
    /// a name identifies something.
    fn list(&mut self, dtype: String, shape: Vec<u64>, why: &'static str) -> Parse<()> {
        self.spend(self.path.len() + dtype.len())?;
        let Ok(name) = std::str::from_utf8(&self.path) else {
            return Ok(());
        };
        self.listed.push(Listed {
            name: name.to_owned(),
            dtype,
            shape,
            values: Values::Unread(why),
        });
        self.count()
    }

    fn count(&self) -> Parse<()> {
        if (self.tensors.len() + self.listed.len()) as u64 > self.limits.tensors {
            return Err(Refusal::new(format!(
                "torch: more than {} tensors",
                self.limits.tensors
            )));
        }
        Ok(())
    }

    fn emit(&mut self, storage: usize, view: Option<(Dtype, View)>) -> Parse<()> {
        self.spend(self.path.len())?;
        let name = std::str::from_utf8(&self.path)
            .map_err(|_| {
                let name = String::from_utf8_lossy(&self.path);
                Refusal::new(format!("torch: tensor without a name in Unicode: {name:?}"))
            })?
            .to_owned();
        self.tensors.push(Tensor {
            name,
            storage,
            view,
        });
        self.count()
    }
}
