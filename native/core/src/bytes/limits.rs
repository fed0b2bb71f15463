//! Upper bounds on what one file may make a parser read, hold or do.

/// Caps; a file that exceeds one of them is stored whole, and the reason names the cap.
///
/// All memory that parsing takes is bounded by these and by the size of the file's own structure;
/// lists grow as the bytes that justify them are seen, never by a count that a file states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one pickle.
    pub pickle_bytes: u64,
    /// Opcodes of one pickle.
    pub pickle_opcodes: u64,
    /// Objects that one pickle may build, and steps of the walk over them.
    pub pickle_nodes: u64,
    /// Entries of a zip archive.
    pub zip_entries: u64,
    /// Bytes of a safetensors header, the reference library's own bound.
    pub safetensors_header: u64,
    /// Bytes of a file that are in no storage, together.
    pub literal_bytes: u64,
    /// Bytes of all names together.
    pub name_bytes: u64,
    /// Tensors of one file.
    pub tensors: u64,
    /// Axes of one tensor.
    pub rank: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pickle_bytes: 256 << 20,
            pickle_opcodes: 50_000_000,
            pickle_nodes: 10_000_000,
            zip_entries: 1_000_000,
            safetensors_header: 100_000_000,
            literal_bytes: 128 << 20,
            name_bytes: 256 << 20,
            tensors: 1_000_000,
            rank: 64,
        }
    }
}

impl Limits {
    /// For one of many parts of a file, which has this many bytes: work in proportion to it, so that all
    /// parts together stay within what one file may take.
    #[must_use]
    pub fn of_part(&self, bytes: u64) -> Self {
        let most = bytes.saturating_mul(64).saturating_add(10_000);
        Self {
            pickle_nodes: self.pickle_nodes.min(most),
            name_bytes: self.name_bytes.min(most),
            ..*self
        }
    }
}

/// The largest integer that a manifest holds: 2^53 − 1.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;
