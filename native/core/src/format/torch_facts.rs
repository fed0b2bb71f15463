//! What is known of a torch file besides its tensors: from its pickle, and from what stands beside it.
//!
//! In: the bytes of the pickle that holds the object. Out: [`Facts`]. Nothing is refused: of a damaged
//! pickle, what stands before the fault.

use serde_json::Value;

use super::facts::{Facts, WeightsOnly};
use crate::bytes::{Limits, Parse};
use crate::pickle::{self, Graph};

/// Facts of a pickle at `base` in its file; the writer only where the object itself tells.
pub(super) fn of_pickle(bytes: &[u8], base: u64, limits: &Limits) -> Facts {
    let (graph, end) = pickle::survey(bytes, base, limits);
    of_graph(&graph, &end, limits)
}

/// Facts of a pickle, by its graph and how reading it ended.
pub(super) fn of_graph(graph: &Graph<'_>, end: &Parse<()>, limits: &Limits) -> Facts {
    let objects = match end {
        Ok(()) => pickle::outline(graph),
        Err(_) => Value::Null,
    };
    let weights_only = pickle::objections(graph, end, limits).map(verdict);
    Facts {
        writer: lightning(&objects),
        objects,
        globals: Some(pickle::globals(graph)),
        weights_only,
    }
}

/// The verdict on a kind of file that torch refuses whatever is in it: `TorchScript archives`.
pub(super) fn refused(kind: &str) -> WeightsOnly {
    verdict(vec![format!("{kind} are not loaded with weights_only")])
}

fn verdict(because: Vec<String>) -> WeightsOnly {
    WeightsOnly {
        loads: because.is_empty(),
        rules: pickle::RULES,
        because,
    }
}

/// Lightning puts its version into its checkpoints.
fn lightning(objects: &Value) -> Option<String> {
    let version = objects.get("pytorch-lightning_version")?.as_str()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-' | '_');
    let short = version.len() <= 40 && version.chars().all(plain);
    short.then(|| format!("Lightning {version}"))
}
