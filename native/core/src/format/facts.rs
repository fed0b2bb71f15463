//! What a format knows of a file besides its tensors, for people to see.

use serde::Serialize;

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
    /// Whose rules: `torch 2.15`.
    pub rules: &'static str,
    /// Why not, one line each; empty when it loads.
    pub because: Vec<String>,
}
