#![no_main]
//! Pickles: nodes refer to nodes, and are not more than opcodes.

use git_theta_core::bytes::Limits;
use git_theta_core::pickle::{self, torch::Ids};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let Ok(graph) = pickle::read(bytes, 0, &limits) else {
        return;
    };
    assert!(graph.end <= bytes.len() && graph.nodes.len() <= 2 * bytes.len());
    let Ok(found) = pickle::torch::tensors(&graph, Ids::Zip, &limits) else {
        return;
    };
    for tensor in &found.tensors {
        assert!(tensor.storage < found.storages.len());
    }
});
