//! `torch-dcp`: the data files (`__0_0.distcp`) of `torch.distributed.checkpoint`.
//!
//! In: zip archives of `torch.save` one behind the other, one for each tensor or other object of the
//! checkpoint. Out: their layouts one behind the other, each archive regenerated where the writer's rules do
//! that. The names are in another file, `.metadata`; so tensors are named by the position of their archive,
//! `0`, `1`, …, and below it as in the archive. A file of one archive is a torch zip like any other. Refused: a
//! byte that is in no archive, and what is refused of torch zips.
//! Specification: PyTorch's `torch/distributed/checkpoint/filesystem.py`.

use super::torch_zip;
use super::{Facts, Format, Probe};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, SubSource, read_vec};
use crate::layout::{Layout, Segment};
use crate::tensor::join;
use crate::zip::Payload;

/// See the module.
pub(super) struct TorchDcp;

/// What the writer's archives end with: end record 64, its locator, end record.
const ENDING: u64 = 56 + 20 + 22;

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("torch dcp: {rule}")))
}

/// Where the archive that ends at `end` begins. Its ending says how far from its beginning the directory
/// is, so that the archives can be walked from the last to the first.
fn start(source: &dyn ReadAt, end: u64) -> Parse<Option<u64>> {
    let Some(at) = end.checked_sub(ENDING) else {
        return Ok(None);
    };
    let ending = read_vec(source, at, ENDING)?;
    let there = |at: usize, magic: &[u8]| ending.get(at..).is_some_and(|e| e.starts_with(magic));
    let ends = there(0, b"PK\x06\x06") && there(56, b"PK\x06\x07") && there(76, b"PK\x05\x06");
    let distance = ending[64..72].try_into().map(u64::from_le_bytes);
    let start = distance.ok().and_then(|distance| at.checked_sub(distance));
    let Some(start) = start.filter(|_| ends) else {
        return Ok(None);
    };
    let magic = read_vec(source, start, 4)?;
    Ok((magic == b"PK\x03\x04").then_some(start))
}

impl Format for TorchDcp {
    fn name(&self) -> &'static str {
        "torch-dcp"
    }

    /// A zip archive before which there is another one.
    fn claims(&self, file: &Probe<'_>) -> bool {
        file.head.starts_with(b"PK\x03\x04")
            && matches!(start(file.source, file.source.len()), Ok(Some(1..)))
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        _facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let mut starts = Vec::new();
        let mut end = source.len();
        while end > 0 {
            let Some(start) = start(source, end)? else {
                return refuse(format!("no archive of torch.save ends at byte {end}"));
            };
            starts.push(start);
            end = start;
        }
        starts.reverse();
        let mut run = Run {
            layout: Layout {
                format: self.name(),
                size: source.len(),
                segments: Vec::new(),
                storages: Vec::new(),
                tensors: Vec::new(),
                listed: Vec::new(),
            },
            limits,
            name_bytes: 0,
        };
        let ends = starts.iter().skip(1).copied().chain([source.len()]);
        for (index, (&start, end)) in starts.iter().zip(ends).enumerate() {
            let Some(part) = SubSource::new(source, start, end - start) else {
                return refuse(format!("archive {index} is not in the file"));
            };
            let layout =
                torch_zip::parse_stored(&part, limits).map_err(|refusal| match refusal {
                    Refusal::Content(reason) => Refusal::new(format!(
                        "torch dcp: archive {index} at byte {start}: {reason}"
                    )),
                    io @ Refusal::Io(_) => io,
                })?;
            run.push(index, start, layout)?;
        }
        Ok(run.finish())
    }
}

/// The layout so far.
struct Run<'l> {
    layout: Layout,
    limits: &'l Limits,
    name_bytes: u64,
}

impl Run<'_> {
    /// Adds the layout of an archive, whose positions count from `base`.
    fn push(&mut self, index: usize, base: u64, inner: Layout) -> Parse<()> {
        let first = self.layout.storages.len();
        for mut segment in inner.segments {
            match &mut segment {
                Segment::Literal { offset, .. } => *offset += base,
                Segment::Storage(id) => *id += first,
                Segment::TorchZip(zip) => {
                    zip.offset += base;
                    for record in &mut zip.records {
                        record.offset += base;
                        if let Payload::Storage(id) = &mut record.payload {
                            *id += first;
                        }
                    }
                }
            }
            self.layout.segments.push(segment);
        }
        for mut storage in inner.storages {
            storage.offset += base;
            storage.name = self.name(index, &storage.name)?;
            self.layout.storages.push(storage);
        }
        for mut tensor in inner.tensors {
            tensor.storage = tensor.storage.map(|id| id + first);
            tensor.name = self.name(index, &tensor.name)?;
            self.layout.tensors.push(tensor);
        }
        for mut listed in inner.listed {
            listed.values.shift(base);
            listed.name = self.name(index, &listed.name)?;
            self.layout.listed.push(listed);
        }
        if (self.layout.tensors.len() + self.layout.listed.len()) as u64 > self.limits.tensors {
            return refuse(format!("more than {} tensors", self.limits.tensors));
        }
        Ok(())
    }

    fn name(&mut self, index: usize, inner: &str) -> Parse<String> {
        let name = join(&index.to_string(), inner);
        self.name_bytes = self.name_bytes.saturating_add(name.len() as u64);
        if self.name_bytes > self.limits.name_bytes {
            return refuse("names take too many bytes");
        }
        Ok(name)
    }

    fn finish(mut self) -> Layout {
        let layout = &mut self.layout;
        layout
            .tensors
            .sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        layout
            .listed
            .sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        self.layout
    }
}
