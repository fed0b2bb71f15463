//! `torchscript`: the zip archives of `torch.jit.save`.
//!
//! In: an archive of one folder with `constants.pkl`, `data.pkl` and the storages of either, in `constants/`
//! and `data/`. Out: literals and storages; names are the attributes of the modules, and `constants/…` for
//! constants of the code. Code, other files and the inputs of a trace, whose storages are not written, stay
//! as they are. Refused: as for torch zips.
//! Specification: PyTorch's `torch/csrc/jit/serialization/export_module.cpp` and `pickler.cpp`.

use super::archive::ArchiveFormat;
use super::gather::Gather;
use super::torch_records::{Records, has};
use super::torch_zip::{object, pickle_record};
use super::{Facts, torch_facts};
use crate::bytes::{Limits, Parse, ReadAt};
use crate::layout::Layout;
use crate::pickle::torch::Ids;
use crate::zip::Archive;

/// See the module.
pub(super) struct TorchScript;

impl ArchiveFormat for TorchScript {
    fn name(&self) -> &'static str {
        "torchscript"
    }

    /// As torch tells them from its other archives.
    fn claims(&self, archive: &Archive) -> bool {
        has(archive, "constants.pkl")
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        archive: &Archive,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        let mut records = Records::new(source, archive, limits)?;
        let data = object(&mut records, limits, facts, |_, facts| {
            facts.writer = Some("torch.jit.save".to_owned());
            facts.weights_only = Some(torch_facts::refused("TorchScript archives"));
        })?;
        let mut gather = Gather::new(limits);
        gather.pickle("", data, |storage| {
            records.storage(&format!("data/{}", storage.key), storage)
        })?;
        let constants = pickle_record(&mut records, "constants.pkl", Ids::Zip, limits, None)?;
        gather.pickle("constants", constants, |storage| {
            records.storage(&format!("constants/{}", storage.key), storage)
        })?;
        gather.assemble(self.name(), source.len())
    }
}
