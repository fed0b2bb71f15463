//! How far work has come, for progress bars.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one run of decompose or compose. All sizes in bytes of the checkpoint file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes finished so far.
    pub bytes: u64,
    /// Bytes in all.
    pub total: u64,
    /// Tensors finished so far.
    pub tensors: u64,
    /// Tensors in all.
    pub total_tensors: u64,
    /// Bytes of the finished part whose stored objects were reused.
    pub reused: u64,
}

/// Updated by the workers; read from any thread with [`Progress::snapshot`].
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    total: AtomicU64,
    tensors: AtomicU64,
    total_tensors: AtomicU64,
    reused: AtomicU64,
}

impl Progress {
    /// Sets the goal; called once, when it is known.
    pub fn expect(&self, bytes: u64, tensors: u64) {
        self.total.store(bytes, Ordering::Relaxed);
        self.total_tensors.store(tensors, Ordering::Relaxed);
    }

    /// Adds finished bytes.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds a finished tensor.
    pub fn add_tensor(&self) {
        self.tensors.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds finished bytes that needed no new object (they count as finished elsewhere).
    pub fn add_reused(&self, bytes: u64) {
        self.reused.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The counters as they stand.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            bytes: self.bytes.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            tensors: self.tensors.load(Ordering::Relaxed),
            total_tensors: self.total_tensors.load(Ordering::Relaxed),
            reused: self.reused.load(Ordering::Relaxed),
        }
    }
}
