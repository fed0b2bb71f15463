//! What a pickle holds, as a tree for people: [`outline`].
//!
//! In: a [`Graph`]. Out: a JSON tree of bounded size. Dicts are objects; lists, tuples and sets are arrays;
//! an instance is `{"(class)": "module.Name", …}` with its attributes and items; a tensor is one line. What
//! occurs twice is shown once and then referred to by where it was. Levels are shown from the outside in, so
//! that one large part does not hide the others. Nothing is refused; nothing here recurses.

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::{Map, Value};

use super::graph::{Graph, Item, Node, NodeId, Object};
use super::text::shortened;
use super::{globals, leaf};

/// Values that are shown, together.
const MOST_NODES: usize = 20_000;
/// Levels that are shown.
const MOST_LEVELS: u8 = 60;
/// Entries of a dict that are shown.
const MOST_ENTRIES: usize = 2000;
/// Elements of a list that are shown.
const MOST_ELEMENTS: usize = 100;
/// Characters of a reference.
const MOST_PATH: usize = 300;

/// A place in the tree.
struct Shown {
    parent: usize,
    level: u8,
    /// What the parent calls it.
    key: String,
    value: Form,
}

/// What stands at a place; children are places behind it.
enum Form {
    Leaf(Value),
    Array(Vec<usize>, Option<String>),
    Object(Vec<usize>, Option<String>),
    /// Keys and values of a dict whose keys are no text or look alike.
    Pairs(Vec<(usize, usize)>, Option<String>),
}

/// What to show at a place.
#[derive(Clone, Copy)]
enum Target {
    Node(NodeId),
    /// Elements of an object that no single node holds.
    Elements(NodeId),
}

/// The tree of the pickled object.
#[must_use]
pub fn outline(graph: &Graph<'_>) -> Value {
    let mut outline = Outline {
        graph,
        shown: Vec::new(),
        queue: VecDeque::new(),
        first: HashMap::new(),
    };
    outline.place(0, 0, String::new(), Target::Node(graph.root));
    while let Some((at, target)) = outline.queue.pop_front() {
        let form = outline.form(at, target);
        outline.shown[at].value = form;
    }
    outline.assemble()
}

struct Outline<'g> {
    graph: &'g Graph<'g>,
    shown: Vec<Shown>,
    queue: VecDeque<(usize, Target)>,
    /// Where a node with identity was shown first.
    first: HashMap<NodeId, usize>,
}

impl<'g> Outline<'g> {
    fn place(&mut self, parent: usize, level: u8, key: String, target: Target) -> usize {
        let at = self.shown.len();
        self.shown.push(Shown {
            parent,
            level,
            key,
            value: Form::Leaf("…".into()),
        });
        self.queue.push_back((at, target));
        at
    }

    /// Room for this many more places, of what is wanted.
    fn room(&self, wanted: usize, most: usize) -> usize {
        wanted
            .min(most)
            .min(MOST_NODES.saturating_sub(self.shown.len()))
    }

    fn form(&mut self, at: usize, target: Target) -> Form {
        let graph = self.graph;
        let id = match target {
            Target::Node(id) => id,
            Target::Elements(id) => {
                let Node::Object(object) = graph.node(id) else {
                    return Form::Leaf(Value::Null);
                };
                return self.array(at, &object.appended);
            }
        };
        if let Some(leaf) = leaf::leaf(graph, id) {
            return Form::Leaf(leaf);
        }
        if let Some(&first) = self.first.get(&id) {
            let path = self.path(first);
            return Form::Leaf(format!("(the same as {path})").into());
        }
        if self.has_identity(id) {
            self.first.insert(id, at);
        }
        if self.shown[at].level >= MOST_LEVELS {
            return Form::Leaf("…".into());
        }
        match graph.node(id) {
            Node::Tuple(ids) => self.array(at, ids),
            Node::List(ids) | Node::Set(ids) => self.array(at, ids),
            Node::Dict(items) => {
                let items = last_of_each(graph, items);
                self.entries(at, Vec::new(), &items)
            }
            Node::Object(object) => self.object(at, id, object),
            // All others are leaves.
            _ => Form::Leaf(Value::Null),
        }
    }

    /// Is it worth saying that it is the same one? Tuples of scalars are not: Python makes them one.
    fn has_identity(&self, id: NodeId) -> bool {
        match self.graph.node(id) {
            Node::Tuple(ids) => {
                ids.len() > MOST_ELEMENTS
                    || ids.iter().any(|&id| !leaf::is_scalar(self.graph.node(id)))
            }
            Node::List(ids) | Node::Set(ids) => !ids.is_empty(),
            Node::Dict(items) => !items.is_empty(),
            _ => true,
        }
    }

    fn array(&mut self, at: usize, ids: &[NodeId]) -> Form {
        let level = self.shown[at].level + 1;
        let room = self.room(ids.len(), MOST_ELEMENTS);
        let children = ids[..room]
            .iter()
            .enumerate()
            .map(|(index, &id)| self.place(at, level, index.to_string(), Target::Node(id)))
            .collect();
        Form::Array(children, rest(room, ids.len(), "items"))
    }

    /// A dict; `before` are entries of ours, whose keys no Python name has.
    fn entries(&mut self, at: usize, before: Vec<(String, Target)>, items: &[Item]) -> Form {
        let level = self.shown[at].level + 1;
        let graph = self.graph;
        let room = self.room(items.len(), MOST_ENTRIES);
        let shown = &items[..room];
        let keys: Vec<Option<String>> = shown.iter().map(|item| key(graph, item.key)).collect();
        let mut seen: HashSet<&str> = before.iter().map(|(key, _)| key.as_str()).collect();
        let plain = keys
            .iter()
            .all(|key| key.as_deref().is_some_and(|key| seen.insert(key)));
        let rest = rest(room, items.len(), "entries");
        if plain {
            let mut children = Vec::with_capacity(before.len() + room);
            for (key, target) in before {
                children.push(self.place(at, level, key, target));
            }
            for (key, item) in keys.into_iter().zip(shown) {
                let key = key.unwrap_or_default();
                children.push(self.place(at, level, key, Target::Node(item.value)));
            }
            return Form::Object(children, rest);
        }
        let mut children: Vec<usize> = before
            .into_iter()
            .map(|(key, target)| self.place(at, level, key, target))
            .collect();
        let items = self.pending(at, level, "(items)");
        self.shown[items].value = self.pairs(items, level.saturating_add(1), shown, rest);
        children.push(items);
        Form::Object(children, None)
    }

    fn pairs(&mut self, at: usize, level: u8, items: &[Item], rest: Option<String>) -> Form {
        let pairs = items
            .iter()
            .map(|item| {
                let key = self.place(at, level, "(key)".into(), Target::Node(item.key));
                let name = "(value)".into();
                (key, self.place(at, level, name, Target::Node(item.value)))
            })
            .collect();
        Form::Pairs(pairs, rest)
    }

    /// A place that is filled in at once.
    fn pending(&mut self, parent: usize, level: u8, key: &str) -> usize {
        let at = self.place(parent, level, key.into(), Target::Node(self.graph.root));
        self.queue.pop_back();
        at
    }

    fn object(&mut self, at: usize, id: NodeId, object: &'g Object) -> Form {
        let graph = self.graph;
        if let Some(items) = leaf::ordered_pairs(graph, object) {
            return self.entries(at, Vec::new(), &items);
        }
        let ordered = graph.global(object.callable) == Some((b"collections", b"OrderedDict"));
        let empty = graph.tuple(object.args).is_none_or(<[NodeId]>::is_empty);
        if ordered && empty && object.appended.is_empty() {
            // A dict like any other; torch's have the versions of the modules as an attribute.
            let state = object.states.last();
            let state = state.map(|&id| ("(attributes)".to_owned(), Target::Node(id)));
            return self.entries(at, state.into_iter().collect(), &object.items);
        }
        let reconstructed = reconstructed(graph, object);
        let class = reconstructed.unwrap_or(object.callable);
        let mut before = vec![("(class)".to_owned(), Target::Node(class))];
        if reconstructed.is_none() && !empty {
            before.push(("(arguments)".into(), Target::Node(object.args)));
        }
        if let Some(kwargs) = object.kwargs {
            before.push(("(keywords)".into(), Target::Node(kwargs)));
        }
        if !object.appended.is_empty() {
            before.push(("(elements)".into(), Target::Elements(id)));
        }
        let mut items = self.attributes(object);
        let mut others = object.states.iter().filter(|&&id| self.dicts(id).is_none());
        if let Some(&state) = others.next_back() {
            before.push(("(state)".into(), Target::Node(state)));
        }
        items.extend_from_slice(&object.items);
        self.entries(at, before, &items)
    }

    /// The attributes that BUILD sets: from dicts, and pairs of dicts, the second for slots.
    fn attributes(&self, object: &Object) -> Vec<Item> {
        // One more than is shown, so that it is said that there are more.
        let states = object.states.iter().take(MOST_ENTRIES);
        let dicts = states.filter_map(|&state| self.dicts(state)).flatten();
        let mut items = Vec::new();
        for dict in dicts {
            if let Node::Dict(more) = self.graph.node(dict) {
                let room = (MOST_ENTRIES + 1).saturating_sub(items.len());
                items.extend(more.iter().take(room));
            }
        }
        items
    }

    fn dicts(&self, state: NodeId) -> Option<Vec<NodeId>> {
        let is_dict = |id: &NodeId| matches!(self.graph.node(*id), Node::Dict(_) | Node::None);
        match self.graph.tuple(state) {
            Some(two) if two.len() == 2 && two.iter().all(is_dict) => Some(two.to_vec()),
            _ => matches!(self.graph.node(state), Node::Dict(_)).then(|| vec![state]),
        }
    }

    fn path(&self, mut at: usize) -> String {
        let mut keys = Vec::new();
        while at != 0 {
            keys.push(self.shown[at].key.as_str());
            at = self.shown[at].parent;
        }
        if keys.is_empty() {
            return "the whole".into();
        }
        keys.reverse();
        let path = keys.join("/");
        match path.char_indices().nth(MOST_PATH) {
            None => path,
            Some((end, _)) => format!("{}…", &path[..end]),
        }
    }

    /// The tree: children stand behind their parents, so from the last place to the first.
    fn assemble(mut self) -> Value {
        let mut values: Vec<Value> = vec![Value::Null; self.shown.len()];
        for at in (0..self.shown.len()).rev() {
            let form = std::mem::replace(&mut self.shown[at].value, Form::Leaf(Value::Null));
            values[at] = match form {
                Form::Leaf(value) => value,
                Form::Array(children, rest) => {
                    let shown = children.iter().map(|&child| values[child].take());
                    shown.chain(rest.map(Value::from)).collect()
                }
                Form::Object(children, rest) => {
                    let mut map = Map::new();
                    for child in children {
                        let key = std::mem::take(&mut self.shown[child].key);
                        map.insert(key, values[child].take());
                    }
                    if let Some(rest) = rest {
                        map.insert("…".into(), rest.into());
                    }
                    Value::Object(map)
                }
                Form::Pairs(pairs, rest) => {
                    let shown = pairs.iter().map(|&(key, value)| {
                        Value::from(vec![values[key].take(), values[value].take()])
                    });
                    shown.chain(rest.map(Value::from)).collect()
                }
            };
        }
        values.swap_remove(0)
    }
}

/// What is said of those that are not shown.
fn rest(shown: usize, all: usize, what: &str) -> Option<String> {
    (shown < all).then(|| format!("… ({all} {what})"))
}

/// A dict's entries as Python has them: a key that is set again stays where it was, with the value that was set
/// last.
fn last_of_each(graph: &Graph<'_>, items: &[Item]) -> Vec<Item> {
    let mut places = HashMap::with_capacity(items.len());
    let mut last: Vec<Item> = Vec::with_capacity(items.len());
    for item in items {
        if let Node::Str(text) = graph.node(item.key)
            && let Some(before) = places.insert(graph.text(text), last.len())
        {
            last[before].value = item.value;
            places.insert(graph.text(text), before);
            continue;
        }
        last.push(*item);
    }
    last
}

/// A key as text, as Python's `str` prints it; `None` for keys that are no text.
fn key(graph: &Graph<'_>, id: NodeId) -> Option<String> {
    Some(match graph.node(id) {
        Node::Str(text) => shortened(graph.text(text)),
        Node::Int(value) => value.to_string(),
        Node::Bool(true) => "True".into(),
        Node::Bool(false) => "False".into(),
        Node::None => "None".into(),
        Node::Float(value) => format!("{value:?}"),
        Node::Global(_) => globals::name(graph, id)?,
        _ => return None,
    })
}

/// The class of an instance of protocols 0 and 1, which `copyreg._reconstructor(class, base, None)` makes.
fn reconstructed(graph: &Graph<'_>, object: &Object) -> Option<NodeId> {
    let (module, b"_reconstructor") = graph.global(object.callable)? else {
        return None;
    };
    match *graph.tuple(object.args)? {
        [class, _, nothing] if *graph.node(nothing) == Node::None => {
            matches!(module, b"copyreg" | b"copy_reg").then_some(class)
        }
        _ => None,
    }
}
