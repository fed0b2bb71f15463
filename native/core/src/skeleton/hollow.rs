//! A checkpoint without its tensors: what the skeleton has, and zeros where arrays are.
//!
//! In: a container, and the plan of its file. Out: a source of the file's size, for who looks only at what is no tensor.
//! CRCs of an archive, which tensors would be needed for, are those of zeros of no length.

use std::io;
use std::ops::Range;

use super::{Container, Part, Plan};
use crate::bytes::ReadAt;

/// See the module.
pub struct Hollow {
    bytes: Vec<u8>,
    /// Position in the file, and where in `bytes`; in order of the file, with gaps where arrays are.
    runs: Vec<(u64, Range<usize>)>,
    size: u64,
}

impl Hollow {
    /// The file of a container with arrays of these sizes, in bytes.
    #[must_use]
    pub fn new(plan: &Plan, container: Container) -> Self {
        let mut hollow = Self {
            bytes: container.literals,
            runs: Vec::new(),
            size: plan.size,
        };
        for step in &plan.steps {
            let range = match &step.part {
                Part::Array(_) => continue,
                Part::Literal(range) => range.clone(),
                Part::Fixed(bytes) => hollow.push(bytes),
                Part::Late(late) => hollow.push(&plan.late(*late)),
            };
            hollow.runs.push((step.offset, range));
        }
        hollow
    }

    fn push(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}

impl ReadAt for Hollow {
    fn len(&self) -> u64 {
        self.size
    }

    fn has_values(&self) -> bool {
        false
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset
            .checked_add(buf.len() as u64)
            .filter(|&end| end <= self.size)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.fill(0);
        let first = self
            .runs
            .partition_point(|(at, range)| at + range.len() as u64 <= offset);
        for (at, range) in &self.runs[first..] {
            if *at >= end {
                break;
            }
            let run = &self.bytes[range.clone()];
            // Both differences are within the run and the buffer.
            let from = offset.saturating_sub(*at) as usize;
            let to = (end - at).min(run.len() as u64) as usize;
            let place = (at + from as u64 - offset) as usize;
            buf[place..place + to - from].copy_from_slice(&run[from..to]);
        }
        Ok(())
    }
}
