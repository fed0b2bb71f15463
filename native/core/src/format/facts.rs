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
    pub objects: serde_json::Value,
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
    /// Whose rules: `torch 2.13`.
    pub rules: &'static str,
    /// Why not, one line each; empty when it loads.
    pub because: Vec<String>,
}

/// Characters of a text that are shown.
pub(super) const SHOWN_CHARS: u64 = 200;
/// Entries of a file that are shown, together.
pub(super) const SHOWN_ENTRIES: usize = 1000;
/// Bytes that [`text`] needs to see of a text.
pub(super) const TEXT_BYTES: u64 = 4 * (SHOWN_CHARS + 1);

/// A text, shortened. `bytes` may be its beginning alone, if it has [`TEXT_BYTES`].
pub(super) fn text(bytes: &[u8]) -> Value {
    let all = String::from_utf8_lossy(bytes);
    match all.char_indices().nth(SHOWN_CHARS as usize) {
        Some((end, _)) => format!("{}…", &all[..end]).into(),
        None => all.into(),
    }
}
