//! The memo: values that later opcodes refer to.

use std::collections::HashMap;

use super::graph::NodeId;

/// Values by index. Writers count up, so a list; other indices go into a map, and none of them makes
/// us allocate more than one entry.
#[derive(Default)]
pub(super) struct Memo {
    dense: Vec<Option<NodeId>>,
    sparse: HashMap<u64, NodeId>,
    count: u64,
}

/// How far ahead an index may be to stay in the list.
const SLACK: usize = 16;

impl Memo {
    pub(super) fn get(&self, index: u64) -> Option<NodeId> {
        let dense = usize::try_from(index).ok().and_then(|i| self.dense.get(i));
        dense
            .copied()
            .flatten()
            .or_else(|| self.sparse.get(&index).copied())
    }

    pub(super) fn set(&mut self, index: u64, id: NodeId) {
        if self.get(index).is_none() {
            self.count += 1;
        }
        match usize::try_from(index) {
            Ok(i) if i <= self.dense.len() + SLACK => {
                if i >= self.dense.len() {
                    self.dense.resize(i + 1, None);
                }
                self.dense[i] = Some(id);
            }
            _ => {
                self.sparse.insert(index, id);
            }
        }
    }

    /// The smallest index whose value is this node.
    pub(super) fn index_of(&self, id: NodeId) -> Option<u64> {
        let dense = self.dense.iter().position(|&entry| entry == Some(id));
        let sparse = self.sparse.iter().filter(|&(_, &entry)| entry == id);
        dense
            .map(|index| index as u64)
            .or_else(|| sparse.map(|(&index, _)| index).min())
    }

    /// Sets the entry whose index is the number of entries, as MEMOIZE does.
    pub(super) fn push(&mut self, id: NodeId) {
        self.set(self.count, id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_far_ahead_take_one_entry() {
        let mut memo = Memo::default();
        memo.set(u64::MAX, 7);
        memo.set(3, 1);
        memo.push(2);
        memo.set(3, 4);
        assert_eq!(memo.get(u64::MAX), Some(7));
        assert_eq!(
            (memo.get(2), memo.get(3), memo.count),
            (Some(2), Some(4), 3)
        );
        assert_eq!(memo.get(0), None);
        // An entry of the map that the list grows past is still found.
        memo.set(100, 5);
        for index in 0..200 {
            if index != 100 {
                memo.set(index, 0);
            }
        }
        assert_eq!(memo.get(100), Some(5));
        assert!(memo.dense.len() <= 200);
    }
}
