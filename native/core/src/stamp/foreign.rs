//! What other programs leave about the code in checkpoints.
//!
//! In: a pickle's graph, or the flat keys of a format. Out: additions to a [`Report`]; the name of a C2PA
//! manifest is one. What does not look like what the program writes is left out.

use serde_json::{Map, Value};

use super::{Foreign, Report};
use crate::pickle::{Graph, Item, Node, NodeId, plain};

/// The fields of pl-git-callback.
const SIX: [&str; 6] = [
    "empty",
    "dirty",
    "num_untracked_files",
    "commit_hash",
    "commit_date",
    "branch_name",
];
/// Name of its class.
const CLASS: &[u8] = b"GitCommitCallback";
const CALLBACKS: &str = "callbacks";

/// The items of the object, if it is a plain dict.
fn items<'g>(graph: &'g Graph<'_>, id: NodeId) -> &'g [Item] {
    match graph.node(id) {
        Node::Dict(items) => items,
        _ => &[],
    }
}

/// What the last of a key's values is, as Python has it.
fn find(graph: &Graph<'_>, dict: NodeId, key: &str) -> Option<NodeId> {
    let named = |item: &&Item| graph.str(item.key) == Some(key.as_bytes());
    items(graph, dict)
        .iter()
        .rev()
        .find(named)
        .map(|item| item.value)
}

/// The value of a key of the object, if it is a dict.
pub(super) fn value(graph: &Graph<'_>, key: &str) -> Option<Value> {
    let value = plain(graph, find(graph, graph.root, key)?);
    value.is_object().then_some(value)
}

/// Looks through the object of a checkpoint.
pub(super) fn of_pickle(graph: &Graph<'_>, report: &mut Report) {
    report.lightning = matches!(graph.node(graph.root), Node::Dict(_))
        && find(graph, graph.root, "pytorch-lightning_version").is_some();
    let named = |item: &&Item| graph.str(item.key) == Some(CALLBACKS.as_bytes());
    let mut all = items(graph, graph.root).iter().filter(named);
    // Who sets the same object again sets nothing.
    if let Some(first) = all.next()
        && all.any(|item| item.value != first.value)
    {
        let rule = "the key \"callbacks\" is there twice: readers may take either";
        report.problems.push(rule.into());
    }
    if let Some(callbacks) = find(graph, graph.root, CALLBACKS) {
        report.callbacks = matches!(graph.node(callbacks), Node::Dict(_));
        of_callbacks(graph, callbacks, report);
    }
    if let Some(git) = value(graph, "git").filter(|git| git.get("commit").is_some()) {
        report.foreign.push(Foreign {
            source: "ultralytics",
            at: "git".into(),
            fields: git,
        });
    }
    nested(graph, "meta", "mmengine_version", "mmengine", report);
    nested(
        graph,
        "modelopt_state",
        "modelopt_version",
        "modelopt",
        report,
    );
}

/// A text that a dict among the object's values has.
fn nested(graph: &Graph<'_>, outer: &str, inner: &str, source: &'static str, report: &mut Report) {
    let found = find(graph, graph.root, outer).and_then(|dict| find(graph, dict, inner));
    if let Some(Value::String(text)) = found.map(|id| plain(graph, id)) {
        report.foreign.push(Foreign {
            source,
            at: format!("{outer}.{inner}"),
            fields: Value::Object(Map::from_iter([(inner.to_owned(), text.into())])),
        });
    }
}

/// The state of pl-git-callback: under its class, under a text that ends in the name of the class, or under
/// any key when it has exactly the six fields. Of a text that is there twice the last counts, as in Python. What later
/// versions of Lightning read for that class, and a stamp writes, comes first: the text that is its name; then
/// other texts, then classes.
fn of_callbacks(graph: &Graph<'_>, callbacks: NodeId, report: &mut Report) {
    let ends = |name: &[u8]| {
        name.strip_suffix(CLASS)
            .is_some_and(|before| before.is_empty() || before.ends_with(b"."))
    };
    let begin = report.foreign.len();
    for item in items(graph, callbacks) {
        let (named, at) = match (graph.str(item.key), graph.global(item.key)) {
            (Some(text), _) => (ends(text), String::from_utf8_lossy(text).into_owned()),
            (None, Some((module, name))) => {
                let name_of = |part| String::from_utf8_lossy(part).into_owned();
                let at = format!("<class {}.{}>", name_of(module), name_of(name));
                (ends(name), at)
            }
            (None, None) => (false, "…".into()),
        };
        let known = |state: &[Item]| {
            let fields = state.iter().filter(|item| {
                SIX.iter()
                    .any(|f| graph.str(item.key) == Some(f.as_bytes()))
            });
            fields.count()
        };
        let state = items(graph, item.value);
        let exact = state.len() == SIX.len() && known(state) == SIX.len();
        if exact || (named && known(state) > 0) {
            let at = format!("{CALLBACKS}[{at}]");
            report.foreign.retain(|other| other.at != at);
            report.foreign.push(Foreign {
                source: "pl-git-callback",
                at,
                fields: plain(graph, item.value),
            });
        }
    }
    report.foreign[begin..].sort_by_key(|found| match found.at.as_str() {
        "callbacks[GitCommitCallback]" => 0,
        at if !at.contains('<') => 1,
        _ => 2,
    });
}

/// Keys of flat metadata, by the program that writes them.
const FLAT: &[(&str, &[&str])] = &[
    (
        "sd-scripts",
        &[
            "ss_sd_scripts_commit_hash",
            "ss_session_id",
            "sshs_model_hash",
            "ss_sd_model_hash",
        ],
    ),
    (
        "modelspec",
        &[
            "modelspec.implementation",
            "modelspec.implementation_version",
            "modelspec.hash_sha256",
            "modelspec.date",
            "modelspec.merged_from",
        ],
    ),
    (
        "gguf",
        &[
            "general.source.repo_url",
            "general.repo_url",
            "general.version",
            "general.base_model.0.repo_url",
            "general.base_model.0.version",
        ],
    ),
];

/// The key of a C2PA manifest: version 2.4 of the specification embeds one under `c2pa:manifest`, bound to the
/// rest of the file.
pub(super) fn signature<'a>(mut keys: impl Iterator<Item = &'a str>) -> Option<String> {
    let is_c2pa = |key: &str| {
        key.get(..4)
            .is_some_and(|name| name.eq_ignore_ascii_case("c2pa"))
    };
    let key = keys.find(|key| is_c2pa(key))?;
    Some(key.chars().take(100).collect())
}

/// Looks through keys and values.
pub(super) fn of_flat<'a>(
    entries: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    report: &mut Report,
) {
    for (source, keys) in FLAT {
        let fields: Map<String, Value> = entries
            .clone()
            .filter(|(key, _)| keys.contains(key))
            .map(|(key, value)| {
                (
                    key.to_owned(),
                    value.chars().take(4096).collect::<String>().into(),
                )
            })
            .collect();
        if !fields.is_empty() {
            report.foreign.push(Foreign {
                source,
                at: "metadata".into(),
                fields: fields.into(),
            });
        }
    }
}
