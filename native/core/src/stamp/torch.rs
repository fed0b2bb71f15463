//! Zip archives of `torch.save`: a record with the stamp is appended, and where asked the pickle is, too, with
//! new keys. The archive stays a prefix of the file.
//!
//! Refused: archives with data behind them; with state for pl-git-callback also pickles that were compressed, and
//! what [`pickle::append`] refuses. Without it, the stamp is then in the record alone.

use serde_json::Value;

use super::{
    Carrier, MAX_STAMP, Piece, Report, Request, check_length, foreign, length_only, refuse,
};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, SubSource, read_vec};
use crate::format::torch_records::{Records, folder};
use crate::pickle::{self, NewItem};
use crate::zip::{Addition, Archive, STAMP, Stamped, append, stamped};

/// See the module.
pub(super) struct TorchZip;

/// Key of the stamp in Lightning's dict.
const KEY: &str = "git_theta_provenance";
/// pl-git-callback's key in `callbacks`, since Lightning 1.5.
const CALLBACK: &str = "GitCommitCallback";

impl Carrier for TorchZip {
    fn name(&self) -> &'static str {
        "zip"
    }

    fn look(&self, source: &dyn ReadAt, limits: &Limits, report: &mut Report) -> Parse<()> {
        let archive = Archive::read(source, limits)?;
        let found = stamped(source, &archive, limits)?;
        let base = found.as_ref().map_or(source.len(), |stamped| stamped.base);
        let mut records = Records::new(source, &archive, limits)?;
        if found.is_none() && records.has(STAMP) {
            let entry = records.entry(STAMP)?;
            let rule = "the stamp is not what was appended to the file that it names";
            report.problems.push(rule.into());
            if entry.uncompressed <= MAX_STAMP {
                report.stamp = String::from_utf8(records.read(STAMP)?.0).ok();
            }
        }
        report.removable = found.is_some();
        report.stamp = found.map(|stamped| stamped.stamp).or(report.stamp.take());
        let (bytes, at) = records.read("data.pkl")?;
        let (graph, end) = pickle::survey(&bytes, at, limits);
        end?;
        foreign::of_pickle(&graph, report);
        if report.stamp.is_none() {
            // As Lightning's own tools leave a stamp when they write the file anew.
            report.stamp = foreign::value(&graph, KEY).map(|value| value.to_string());
        }
        if archive.end != source.len() {
            return refuse("torch zip: data behind the archive");
        }
        if !report.problems.is_empty() {
            return refuse(report.problems.join("; "));
        }
        report.base = Some(length_only(base));
        Ok(())
    }

    fn stamp(&self, source: &dyn ReadAt, request: &Request, limits: &Limits) -> Parse<Vec<Piece>> {
        let archive = Archive::read(source, limits)?;
        let base = stamped(source, &archive, limits)?.map_or(source.len(), |found| found.base);
        check_length(&request.stamp, base)?;
        let Some(before) = SubSource::new(source, 0, base) else {
            return refuse("stamp past the end");
        };
        let archive = Archive::read(&before, limits)?;
        let Some(folder) = folder(&archive) else {
            return refuse("records are in no folder");
        };
        let names = [format!("{folder}/data.pkl"), format!("{folder}/{STAMP}")];
        let pickle = pickle(&before, &archive, request, limits)?;
        let mut additions = Vec::with_capacity(2);
        if let Some(bytes) = &pickle {
            additions.push(Addition {
                name: &names[0],
                bytes,
            });
        }
        additions.push(Addition {
            name: &names[1],
            bytes: request.stamp.as_bytes(),
        });
        let tail = append(&before, &archive, &additions)?;
        Ok(vec![
            Piece::Copy {
                offset: 0,
                len: base,
            },
            Piece::Bytes(tail),
        ])
    }

    fn unstamp(&self, source: &dyn ReadAt, limits: &Limits) -> Parse<Vec<Piece>> {
        let archive = Archive::read(source, limits)?;
        match stamped(source, &archive, limits)? {
            Some(Stamped { base, .. }) => Ok(vec![Piece::Copy {
                offset: 0,
                len: base,
            }]),
            None => refuse("no stamp that was appended to the file that it names"),
        }
    }
}

/// The new pickle; `None` when there is nothing to set in it, or nothing that had to be and can.
fn pickle(
    source: &dyn ReadAt,
    archive: &Archive,
    request: &Request,
    limits: &Limits,
) -> Parse<Option<Vec<u8>>> {
    if !request.key && request.callback.is_none() {
        return Ok(None);
    }
    match extended(source, archive, request, limits) {
        Err(Refusal::Content(_)) if request.callback.is_none() => Ok(None),
        pickle => pickle.map(Some),
    }
}

/// The pickle with the keys.
fn extended(
    source: &dyn ReadAt,
    archive: &Archive,
    request: &Request,
    limits: &Limits,
) -> Parse<Vec<u8>> {
    let records = Records::new(source, archive, limits)?;
    let entry = records.entry("data.pkl")?;
    if entry.len != entry.uncompressed || entry.len > limits.pickle_bytes {
        return refuse("the pickle is compressed, or too long");
    }
    let bytes = read_vec(source, entry.payload, entry.len)?;
    let Ok(stamp) = serde_json::from_str::<Value>(&request.stamp) else {
        return refuse("the stamp is no JSON");
    };
    let mut items = Vec::with_capacity(2);
    if let Some(value) = &request.callback {
        items.push(NewItem {
            inside: Some("callbacks"),
            key: CALLBACK,
            value,
        });
    }
    if request.key {
        items.push(NewItem {
            inside: None,
            key: KEY,
            value: &stamp,
        });
    }
    pickle::append(&bytes, &items, limits)
}
