//! `torch-package`: the zip archives of `torch.package`.
//!
//! In: an archive of one folder with `.data/extern_modules`, pickles `<package>/<name>.pkl` and storages
//! `.data/<key>.storage`, which the pickles share. Out: a layout as for torch zips; tensors are under their
//! pickle's path without `.pkl`. Source code and what else was put in stay as they are. Refused: as for torch
//! zips.
//! Specification: PyTorch's `torch/package/package_exporter.py` and `package_importer.py`.

use super::archive::ArchiveFormat;
use super::gather::Gather;
use super::torch_records::{Records, has};
use super::torch_zip::pickle_record;
use super::{Facts, torch_facts};
use crate::bytes::{Limits, Parse, ReadAt};
use crate::layout::Layout;
use crate::pickle::torch::Ids;
use crate::tensor::path_name;
use crate::zip::Archive;

/// See the module.
pub(super) struct TorchPackage;

impl ArchiveFormat for TorchPackage {
    fn name(&self) -> &'static str {
        "torch-package"
    }

    fn claims(&self, archive: &Archive) -> bool {
        has(archive, ".data/extern_modules")
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        archive: &Archive,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        if let Some(facts) = facts {
            facts.writer = Some("torch.package".to_owned());
            facts.weights_only = Some(torch_facts::refused("packages"));
        }
        let mut records = Records::new(source, archive, limits)?;
        records.check()?;
        let pickles: Vec<&str> = records
            .names()
            .filter(|name| name.ends_with(".pkl") && !name.starts_with(".data/"))
            .collect();
        let mut gather = Gather::new(limits);
        for name in pickles {
            let limits = limits.of_part(records.entry(name)?.uncompressed);
            let found = pickle_record(&mut records, name, Ids::Package, &limits, None)?;
            let under = path_name(name.strip_suffix(".pkl").unwrap_or(name));
            gather.pickle(&under, found, |storage| {
                records.storage(&format!(".data/{}.storage", storage.key), storage)
            })?;
        }
        let layout = gather.assemble(self.name(), source.len())?;
        records.regenerate(layout)
    }
}
