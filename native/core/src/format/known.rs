//! Contents that are recognised and kept whole, so that the reason says what they are.

use super::{Facts, Format, Probe, torch_facts};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, read_vec};
use crate::layout::Layout;

/// Everything of which only the first bytes are known.
pub(super) struct Known;

/// What a file is, by its first bytes.
fn kind(head: &[u8]) -> Option<&'static str> {
    let starts = |magic: &[u8]| head.starts_with(magic);
    let at =
        |from: usize, magic: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(magic));
    Some(if starts(b"version https://git-lfs.github.com/spec/") {
        "a Git LFS pointer, whose content was not downloaded"
    } else if starts(b"\x0c\xdb\x3a\x2a") {
        "a file of an Orbax checkpoint (OCDBT), which is not split"
    } else if at(4, b"TFL3") {
        "a TensorFlow Lite model, which is not split"
    } else if at(4, b"PTMF") {
        "a PyTorch Mobile model, which is not split"
    } else if starts(b"PYTORCH1") {
        "a torch file of a preview format, which torch does not load"
    } else if ["lmgg", "fmgg", "tjgg", "algg"]
        .iter()
        .any(|magic| starts(magic.as_bytes()))
    {
        "a GGML file of the time before GGUF, which is not split"
    } else if starts(b"BZh") {
        "compressed by bzip2"
    } else if starts(b"\x04\x22\x4d\x18") {
        "compressed by LZ4"
    } else if starts(b"7z\xbc\xaf\x27\x1c") {
        "a 7z archive"
    } else if starts(b"\x1f\x8b") {
        "compressed by gzip"
    } else if starts(b"\xfd7zXZ\0") {
        "compressed by xz"
    } else if starts(b"\x28\xb5\x2f\xfd") {
        "compressed by zstd"
    } else if is_pickle(head) {
        "a pickle, and none of torch.save"
    } else {
        return None;
    })
}

fn is_pickle(head: &[u8]) -> bool {
    matches!(head, [0x80, 0..=5, ..])
}

impl Format for Known {
    fn name(&self) -> &'static str {
        "opaque"
    }

    fn claims(&self, file: &Probe<'_>) -> bool {
        kind(&file.head).is_some()
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let head = Probe::new(source)?.head;
        let kind = kind(&head).unwrap_or("unknown");
        let pickle = is_pickle(&head) && source.len() <= limits.pickle_bytes;
        if let Some(facts) = facts.filter(|_| pickle) {
            let bytes = read_vec(source, 0, source.len())?;
            *facts = Facts {
                // torch loads no such files.
                weights_only: None,
                ..torch_facts::of_pickle(&bytes, 0, limits)
            };
        }
        Err(Refusal::new(format!("the file is {kind}")))
    }
}
