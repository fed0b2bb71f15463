//! `torch-export`: the `.pt2` archives of `torch.export.save` and AOTInductor.
//!
//! In: an archive with `archive_format`, whose weights are the bytes of storages, described by
//! `data/weights/<model>_weights_config.json` (PyTorch ≥ 2.9), or torch zips in records, as before; likewise
//! constants. Or the zip of PyTorch ≤ 2.7, with `serialized_state_dict.pt`. Out: a layout as for torch
//! zips, regenerated if no storage is inside another archive; names are those of the state dict,
//! `constants/…` for constants, below the model's name if there are several. The program, inputs
//! and compiled code stay as they are. Refused: as for torch zips; weights that reach outside their record.
//! Specification: PyTorch's `torch/export/pt2_archive/_package.py` and `torch/csrc/export/pt2_archive_constants.h`.

use std::collections::HashSet;

use super::archive::ArchiveFormat;
use super::gather::Gather;
use super::torch_export_config::{self as config, Payload};
use super::torch_records::{Records, has, stored};
use super::torch_zip;
use super::{Facts, torch_facts};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, SubSource, unless_refused};
use crate::layout::{Layout, Listed, Values};
use crate::tensor::{component, join, path_name};
use crate::zip::{Archive, Entry, Method};

/// See the module.
pub(super) struct TorchExport;

const WEIGHTS: &str = "data/weights/";
const CONSTANTS: &str = "data/constants/";
/// The names of each, and where they are in the framework's.
const KINDS: [(&str, &str, &str); 2] = [
    (WEIGHTS, "_weights_config.json", ""),
    (CONSTANTS, "_constants_config.json", "constants"),
];
/// Of PyTorch ≤ 2.7: in no folder.
const OLD: [(&str, &str); 2] = [
    ("serialized_state_dict.pt", ""),
    ("serialized_constants.pt", "constants"),
];

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(format!("torch export: {rule}")))
}

fn is_old(archive: &Archive) -> bool {
    let mut names = archive.entries.iter().map(|entry| entry.name.as_str());
    names.any(|name| name == "serialized_exported_program.json")
}

impl ArchiveFormat for TorchExport {
    fn name(&self) -> &'static str {
        "torch-export"
    }

    fn claims(&self, archive: &Archive) -> bool {
        has(archive, "archive_format") || is_old(archive)
    }

    fn parse(
        &self,
        source: &dyn ReadAt,
        archive: &Archive,
        limits: &Limits,
        facts: Option<&mut Facts>,
    ) -> Parse<Layout> {
        if let Some(facts) = facts {
            facts.writer = Some("torch.export".to_owned());
            facts.weights_only = Some(torch_facts::refused("exported programs"));
        }
        let mut gather = Gather::new(limits);
        if is_old(archive) {
            for entry in &archive.entries {
                if let Some((_, under)) = OLD.iter().find(|(name, _)| *name == entry.name) {
                    nested(&mut gather, under, source, entry, limits)?;
                }
            }
            return gather.assemble(self.name(), source.len());
        }
        let mut records = Records::new(source, archive, limits)?;
        records.check()?;
        let format = records.small("archive_format")?;
        if format.as_deref() != Some("pt2") {
            return refuse(format!("unknown archive_format {format:?}"));
        }
        let names: Vec<&str> = records.names().collect();
        let old = models(&names, WEIGHTS, ".pt").len();
        let several = old + models(&names, WEIGHTS, KINDS[0].1).len() > 1;
        let mut described = HashSet::new();
        for (folder, suffix, constants) in KINDS {
            for (name, model) in models(&names, folder, suffix) {
                let under = join(&model_name(model, several), constants);
                let (json, at) = records.read(name)?;
                let payloads = config::parse(&json).map_err(|error| {
                    Refusal::new(format!("torch export: {name} at byte {at}: {error}"))
                })?;
                for (name, payload) in payloads {
                    let path = format!("{folder}{}", payload.path_name);
                    let name = join(&under, &component(&name));
                    add(
                        &mut gather,
                        name,
                        source,
                        records.entry(&path)?,
                        &payload,
                        limits,
                    )?;
                    described.insert(path);
                }
            }
            for (name, model) in models(&names, folder, ".pt") {
                let under = join(&model_name(model, several), constants);
                nested(&mut gather, &under, source, records.entry(name)?, limits)?;
                described.insert(name.to_owned());
            }
        }
        // Weights of compiled code are torch zips, too.
        for name in names {
            if name.starts_with(WEIGHTS) && !described.contains(name) {
                nested(
                    &mut gather,
                    &path_name(name),
                    source,
                    records.entry(name)?,
                    limits,
                )?;
            }
        }
        let layout = gather.assemble(self.name(), source.len())?;
        records.regenerate(layout)
    }
}

/// Records `<folder><model><suffix>`, with their models.
fn models<'a>(names: &[&'a str], folder: &str, suffix: &str) -> Vec<(&'a str, &'a str)> {
    let model = |name: &'a str| name.strip_prefix(folder)?.strip_suffix(suffix);
    let found = names.iter().filter_map(|&name| Some((name, model(name)?)));
    found.collect()
}

/// What a model's tensors are under: nothing when there is one model, which torch always calls alike.
fn model_name(model: &str, several: bool) -> String {
    if several {
        component(model)
    } else {
        String::new()
    }
}

/// One weight or constant.
fn add(
    gather: &mut Gather<'_>,
    name: String,
    source: &dyn ReadAt,
    entry: &Entry,
    payload: &Payload,
    limits: &Limits,
) -> Parse<()> {
    let Some(meta) = &payload.tensor_meta else {
        return Ok(());
    };
    let unread = |gather: &mut Gather<'_>, why| {
        let listed = Listed {
            name: name.clone(),
            dtype: meta.dtype_name(),
            shape: meta.shape(),
            values: Values::Unread(why),
        };
        gather.list("", listed)
    };
    if payload.use_pickle {
        if nested(gather, &name, source, entry, limits)? {
            return Ok(());
        }
        return unread(gather, "pickled, in a way that is not read");
    }
    let Some((dtype, view)) = meta.view() else {
        return unread(gather, "of an unknown type or layout");
    };
    let few_axes = view.shape.len() <= limits.rank;
    match view.extent_bytes(dtype).filter(|_| few_axes) {
        Some(1..) if entry.uncompressed == 0 => {
            unread(gather, "without values: there were none when it was saved")
        }
        Some(needed) if needed <= entry.uncompressed => {
            gather.tensor("", &name, stored(entry), Some((dtype, view)))
        }
        _ => refuse(format!(
            "{name:?} reaches outside its record at byte {}",
            entry.payload
        )),
    }
}

/// Adds a record that is a torch zip; says if it is one. What is compressed, in it or all of it, stays as
/// it is, so that what is inflated is bounded.
fn nested(
    gather: &mut Gather<'_>,
    under: &str,
    source: &dyn ReadAt,
    entry: &Entry,
    limits: &Limits,
) -> Parse<bool> {
    if entry.method == Method::Deflated {
        return Ok(false);
    }
    let part = SubSource::new(source, entry.payload, entry.len);
    let Some(part) = part else {
        return Ok(false);
    };
    match unless_refused(torch_zip::parse_stored(&part, limits))? {
        Some(layout) => gather.archive(under, entry.payload, layout).map(|()| true),
        None => Ok(false),
    }
}
