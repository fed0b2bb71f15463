//! What a format knows of a file besides its tensors, for people to see.

use serde::Serialize;
use serde_json::Value;

/// See the module. Everything in it is bounded: what is long is shortened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Facts {
    /// The program that wrote it, as far as the file shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// The tree of what is not a tensor.
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub objects: Value,
    /// Every global that a pickle names, as `module.name`, sorted; `None` where there is no pickle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub globals: Option<Vec<String>>,
    /// What `torch.load(weights_only=True)` does with it; `None` where torch does not load such files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights_only: Option<WeightsOnly>,
}

/// A verdict by the rules of one version of torch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WeightsOnly {
    /// Does it load?
    pub loads: bool,
    /// Whose rules: `torch 2.15`.
    pub rules: &'static str,
    /// Why not, one line each; empty when it loads.
    pub because: Vec<String>,
}

/// Characters of a text that are shown.
pub(super) const SHOWN_CHARS: u64 = 200;
/// Items of a list that are shown.
pub(super) const SHOWN_ITEMS: u64 = 8;
/// Entries of a file that are shown, together.
pub(super) const SHOWN_ENTRIES: usize = 1000;
/// Bytes that [`text`] needs to see of a text.
pub(super) const TEXT_BYTES: u64 = 4 * (SHOWN_CHARS + 1);

/// A text, shortened.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS as usize) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// A text, shortened. `bytes` may be its beginning alone, if it has [`TEXT_BYTES`].
pub(super) fn text(bytes: &[u8]) -> Value {
    short(&String::from_utf8_lossy(bytes)).into()
}

/// A list of so many items, of which the first are given: itself, or how long it is and how it begins.
pub(super) fn list(items: u64, first: Vec<Value>) -> Value {
    if items == first.len() as u64 {
        return first.into();
    }
    serde_json::json!({ "items": items, "first": first })
}

/// Items of a list or an object in a tree that are shown.
const ITEMS: usize = 50;
/// Lists and objects inside each other that are shown.
const DEPTH: usize = 4;

/// A tree with fewer items, levels and characters; `…` stands for what is left out.
pub(super) fn short_tree(tree: &Value) -> Value {
    shorten(tree, DEPTH)
}

fn shorten(tree: &Value, depth: usize) -> Value {
    match tree {
        Value::String(text) => short(text).into(),
        Value::Array(items) if items.is_empty() => tree.clone(),
        Value::Object(items) if items.is_empty() => tree.clone(),
        Value::Array(_) | Value::Object(_) if depth == 0 => "…".into(),
        Value::Array(items) => {
            let shown = items
                .iter()
                .take(ITEMS)
                .map(|item| shorten(item, depth - 1));
            let more = (items.len() > ITEMS).then(|| "…".into());
            shown.chain(more).collect()
        }
        Value::Object(items) => {
            let shown = items
                .iter()
                .take(ITEMS)
                .map(|(key, item)| (short(key), shorten(item, depth - 1)));
            let more = (items.len() > ITEMS).then(|| ("…".to_owned(), Value::Null));
            Value::Object(shown.chain(more).collect())
        }
        _ => tree.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn trees_are_shortened() {
        let small = json!({"a": [1, "b", [], {}], "c": {"d": {"e": 1.5}}});
        assert_eq!(short_tree(&small), small);
        let large = json!({"deep": [[[[[1]]]]], "long": "ä".repeat(201), "wide": vec![0; 51]});
        let wide = [vec![json!(0); 50], vec![json!("…")]].concat();
        let long = format!("{}…", "ä".repeat(200));
        assert_eq!(
            short_tree(&large),
            json!({"deep": [[["…"]]], "long": long, "wide": wide})
        );
    }
}
