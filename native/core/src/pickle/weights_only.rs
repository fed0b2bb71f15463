//! Does `torch.load(weights_only=True)` accept a pickle?
//!
//! In: a [`Graph`] as [`survey`](super::survey) gives it. Out: what torch objects to, a line each. Judged is
//! what the pickle asks for: its opcodes, globals, calls, and what it changes; with what arguments allowed
//! functions are called is not. Specification: `torch/_weights_only_unpickler.py` of [`RULES`](super::RULES), without
//! globals that a user allows.

use std::collections::HashSet;

use super::allowed::{Kind, LONGEST, allowed};
use super::globals;
use super::graph::{Graph, Node, NodeId, Text};
use super::opcode::{self, Op};
use crate::bytes::{Cursor, Limits, Parse, Refusal};

/// Lines that are given.
const MOST: usize = 100;

/// What torch objects to, in the order of the pickle; nothing when it loads. `end` is what came of reading
/// it. `None` when that failed for a pickle so long that our own limits may be to blame.
#[must_use]
pub fn objections(graph: &Graph<'_>, end: &Parse<()>, limits: &Limits) -> Option<Vec<String>> {
    let mut found = Objections::default();
    found.opcodes(graph);
    for (id, node) in (0..).zip(&graph.nodes) {
        found.node(graph, id, node);
    }
    if let Err(Refusal::Content(reason)) = end {
        let enough = limits.pickle_nodes.min(limits.pickle_opcodes);
        if found.lines.is_empty() && graph.bytes.len() as u64 >= enough {
            return None;
        }
        found.lines.push((u64::MAX, reason.clone()));
    }
    found.lines.sort();
    let more = found.lines.len().saturating_sub(MOST);
    let shown = found.lines.into_iter().take(MOST).map(|(_, line)| line);
    let rest = (more > 0).then(|| format!("… and {more} more"));
    Some(shown.chain(rest).collect())
}

#[derive(Default)]
struct Objections {
    /// With the positions that they are about.
    lines: Vec<(u64, String)>,
    /// What has been said.
    seen: HashSet<String>,
}

impl Objections {
    fn say(&mut self, at: u64, what: String) {
        // Enough to say that there are many more.
        if self.lines.len() < 100 * MOST && !self.seen.contains(&what) {
            self.lines.push((at, format!("{what} (at byte {at})")));
            self.seen.insert(what);
        }
    }

    fn opcodes(&mut self, graph: &Graph<'_>) {
        let mut cursor = Cursor::new(graph.bytes, graph.base, "pickle");
        let mut said = [false; 256];
        while cursor.at() < graph.end {
            let at = cursor.position();
            let Some(code) = cursor.peek() else { return };
            if let Some(name) = unread(code)
                && !std::mem::replace(&mut said[usize::from(code)], true)
            {
                self.say(at, format!("opcode {name} is not one that it reads"));
            }
            match opcode::next(&mut cursor) {
                Ok(Op::Push(Node::Str(Text::At(span))))
                    if !is_text(graph.slice(span), code == b'X') =>
                {
                    self.say(at, "a text is not UTF-8".into());
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    fn node(&mut self, graph: &Graph<'_>, id: NodeId, node: &Node) {
        match node {
            Node::Global(names) => {
                let at = match names.0 {
                    Text::At(span) => graph.base + u64::from(span.start),
                    Text::Owned(_) => graph.base,
                };
                self.global(graph, id, at);
            }
            Node::Object(object) => {
                let at = graph.base + u64::from(object.at);
                if graph.global(object.callable).is_none() {
                    return self.say(at, "what is called is no global".into());
                }
                // Others are objected to as such.
                let Some(kind) = kind_of(graph, object.callable) else {
                    return;
                };
                let name = globals::name(graph, object.callable).unwrap_or_default();
                if matches!(kind, Kind::Value | Kind::Storage) {
                    self.say(at, format!("{name} is called, and is no function or class"));
                }
                if !object.items.is_empty() && kind != Kind::Dict {
                    self.say(
                        at,
                        format!("items are set on what {name} makes, which is no dict"),
                    );
                }
                if !object.appended.is_empty() {
                    let what = "elements are added to what";
                    self.say(at, format!("{what} {name} makes, which is no list"));
                }
                let takes_state = |state: &NodeId| match kind {
                    Kind::Dict | Kind::Tensor | Kind::Instance => true,
                    // Has no attributes; none are set.
                    Kind::Class => is_nothing(graph.node(*state)),
                    _ => false,
                };
                if !object.states.iter().all(takes_state) {
                    self.say(at, format!("a state is set on what {name} makes"));
                }
            }
            Node::Persistent(id) if !is_storage(graph, *id) => {
                self.say(
                    graph.base,
                    "a persistent id is not that of a storage".into(),
                );
            }
            _ => {}
        }
    }

    fn global(&mut self, graph: &Graph<'_>, id: NodeId, at: u64) {
        let Some((module, name)) = graph.global(id) else {
            return;
        };
        // torch translates whatever the protocol.
        let (module, _) = globals::fix_imports(module, name);
        if kind_of(graph, id).is_some() {
            return;
        }
        let Some(name) = globals::name(graph, id) else {
            return;
        };
        self.say(
            at,
            match module {
                b"sys" | b"os" | b"posix" | b"nt" => format!("{name} is in a blocked module"),
                _ => format!("{name} is not an allowed global"),
            },
        );
    }
}

fn is_nothing(node: &Node) -> bool {
    match node {
        Node::None => true,
        Node::Dict(items) => items.is_empty(),
        _ => false,
    }
}

/// UTF-8, in which surrogates may stand alone where `surrogates`.
fn is_text(mut text: &[u8], surrogates: bool) -> bool {
    while let Err(error) = std::str::from_utf8(text) {
        if !surrogates {
            return false;
        }
        match text.get(error.valid_up_to()..error.valid_up_to() + 3) {
            Some([0xED, 0xA0..=0xBF, 0x80..=0xBF]) => text = &text[error.valid_up_to() + 3..],
            _ => return false,
        }
    }
    true
}

/// `('storage', class, key, location, numel)`, with a sixth element in stacked pickles.
fn is_storage(graph: &Graph<'_>, id: NodeId) -> bool {
    let Some([kind, class, _, _, _]) = graph.tuple(id).and_then(|id| id.get(..5)) else {
        return false;
    };
    let named = match graph.node(*kind) {
        Node::Str(text) => graph.text(text) == b"storage",
        Node::Bytes(span) => graph.slice(*span) == b"storage",
        _ => false,
    };
    let untyped = graph.global(*class) == Some((b"torch.storage", b"UntypedStorage"));
    named && (untyped || kind_of(graph, *class) == Some(Kind::Storage))
}

fn kind_of(graph: &Graph<'_>, id: NodeId) -> Option<Kind> {
    let (module, name) = graph.global(id)?;
    let (module, name) = globals::fix_imports(module, name);
    if module.len() + name.len() > LONGEST {
        return None;
    }
    // torch joins them too: either may have dots.
    let path = [module, b".", name].concat();
    let path = std::str::from_utf8(&path).ok()?;
    allowed(path)
}

/// The name of an opcode that torch's unpickler does not have.
fn unread(code: u8) -> Option<&'static str> {
    Some(match code {
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        b'B' => "BINBYTES",
        b'C' => "SHORT_BINBYTES",
        b'F' => "FLOAT",
        b'I' => "INT",
        b'L' => "LONG",
        b'P' => "PERSID",
        b'S' => "STRING",
        b'T' => "BINSTRING",
        b'V' => "UNICODE",
        b'd' => "DICT",
        b'g' => "GET",
        b'i' => "INST",
        b'l' => "LIST",
        b'o' => "OBJ",
        b'p' => "PUT",
        0x82 => "EXT1",
        0x83 => "EXT2",
        0x84 => "EXT4",
        0x8b => "LONG4",
        0x8c => "SHORT_BINUNICODE",
        0x8d => "BINUNICODE8",
        0x8e => "BINBYTES8",
        0x90 => "ADDITEMS",
        0x91 => "FROZENSET",
        0x92 => "NEWOBJ_EX",
        0x93 => "STACK_GLOBAL",
        0x94 => "MEMOIZE",
        0x95 => "FRAME",
        0x96 => "BYTEARRAY8",
        0x97 => "NEXT_BUFFER",
        0x98 => "READONLY_BUFFER",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pickle::survey;

    fn judge(pickle: &[u8]) -> Vec<String> {
        let limits = Limits::default();
        let (graph, end) = survey(pickle, 1000, &limits);
        objections(&graph, &end, &limits).unwrap()
    }

    #[test]
    fn objections_by_rule() {
        for (pickle, expected) in [
            (&b"\x80\x02}q\x00."[..], &[][..]),
            (b"\x80\x02ccollections\nOrderedDict\n)R(U\x01aK\x01u.", &[]),
            (b"\x80\x02c__builtin__\nset\n]\x85R.", &[]),
            (
                b"\x80\x02cargparse\nNamespace\n)\x81}b.",
                &["argparse.Namespace is not an allowed global (at byte 1003)"],
            ),
            (
                b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R.",
                &["os.system is in a blocked module (at byte 1003)"],
            ),
            (
                b"\x80\x02c__builtin__\nintern\n.",
                &["sys.intern is in a blocked module (at byte 1003)"],
            ),
            (
                b"\x80\x02ctorch\nfloat32\n)R.",
                &["torch.float32 is called, and is no function or class (at byte 1018)"],
            ),
            (
                b"\x80\x02ctorch\nSize\n)R(NNu.",
                &["items are set on what torch.Size makes, which is no dict (at byte 1015)"],
            ),
            (
                b"\x80\x02ctorch\nSize\n)RNa.",
                &["elements are added to what torch.Size makes, which is no list (at byte 1015)"],
            ),
            (b"\x80\x02ctorch\nSize\n)R}b.", &[]),
            (
                b"\x80\x02ctorch\nSize\n)R}NNsb.",
                &["a state is set on what torch.Size makes (at byte 1015)"],
            ),
            (b"\x80\x02X\x04\0\0\0a\xed\xa0\x80.", &[]),
            (
                b"\x80\x02U\x03\xed\xa0\x80.",
                &["a text is not UTF-8 (at byte 1002)"],
            ),
            (
                b"\x80\x02X\x02\0\0\0a\xff.",
                &["a text is not UTF-8 (at byte 1002)"],
            ),
            (
                b"\x80\x02N)R.",
                &["what is called is no global (at byte 1004)"],
            ),
            (
                b"\x80\x02K\x05Q.",
                &["a persistent id is not that of a storage (at byte 1000)"],
            ),
            (
                b"\x80\x04\x95\x05\0\0\0\0\0\0\0\x8c\x01a\x94.",
                &[
                    "opcode FRAME is not one that it reads (at byte 1002)",
                    "opcode SHORT_BINUNICODE is not one that it reads (at byte 1011)",
                    "opcode MEMOIZE is not one that it reads (at byte 1014)",
                ],
            ),
            // What stands before the fault is told, and the fault.
            (
                b"\x80\x02cos\nsystem\nX\x02\0\0\0id\x85R\xff",
                &[
                    "os.system is in a blocked module (at byte 1003)",
                    "pickle: unknown opcode 0xff at byte 1022",
                ],
            ),
        ] {
            assert_eq!(judge(pickle), expected, "{}", pickle.escape_ascii());
        }
    }

    #[test]
    fn many_objections_are_counted_once_each() {
        let mut pickle = b"\x80\x02(".to_vec();
        for name in 0..500 {
            pickle.extend(format!("cm\nn{name}\ncm\nn0\n").into_bytes());
        }
        pickle.extend(b"t.");
        let lines = judge(&pickle);
        assert_eq!(lines.len(), MOST + 1);
        assert_eq!(lines[MOST], "… and 400 more");
    }
}
