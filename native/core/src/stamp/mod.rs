//! Stamps in checkpoint files: reading them, writing them into a file that exists, and taking them out again.
//!
//! A stamp is a JSON text that says which code made a checkpoint; what it says is not looked at here, but for
//! the length of the file before it was stamped, `/content/file_base/length`. Each format that can carry one
//! is a [`Carrier`]. In: a file. Out: a [`Report`] of what is in it, or the [`Piece`]s of the file with the
//! stamp, or without it. No tensor is moved inside its file's data, none is changed, and nothing is executed.
//! Refused: files in which a stamp would have two meanings, and stamps that are not where, or not what, they
//! say. Taking a stamp out yields the bytes of before: who recorded their hash can prove it.

mod digest;
mod foreign;
mod gguf;
mod onnx;
mod safetensors;
mod skeleton;
mod torch;

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::bytes::{FileSource, Limits, Parse, ReadAt, Refusal};
use crate::format::{archive, name_of};
use crate::zip::Archive;
use crate::{Error, Result};

pub use crate::zip::MAX_STAMP;
pub use digest::digest_path;
pub(crate) use skeleton::{carries, without_stamp};

/// What is in a file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The format, as far as it tells where a stamp goes; empty for one that is not known.
    pub format: String,
    /// How this file carries a stamp; `None`: only beside it.
    pub carrier: Option<&'static str>,
    /// Why only beside it.
    pub because: Option<String>,
    /// The text of the stamp.
    pub stamp: Option<String>,
    /// Can the stamp be taken out? Not one that is only among the keys of a pickle that was written anew.
    pub removable: bool,
    /// The file without its stamp, as the stamp records it: its length, and what else is needed to take the
    /// stamp out. `None` where there is no carrier.
    pub base: Option<Value>,
    /// Has it a pickled dict of Lightning's, which may have a stamp among its keys?
    pub lightning: bool,
    /// Has that dict a dict `callbacks`?
    pub callbacks: bool,
    /// Name of a signature inside the file, which a change of the file would make void: C2PA's
    /// `c2pa:manifest`.
    pub signed: Option<String>,
    /// Stamps of other programs, in the order of their trust.
    pub foreign: Vec<Foreign>,
    /// What is wrong with a stamp, one line each.
    pub problems: Vec<String>,
}

/// What another program left about the code.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Foreign {
    /// The program: `pl-git-callback`, `ultralytics`.
    pub source: &'static str,
    /// Where in the file it stands.
    pub at: String,
    /// Its own fields.
    pub fields: Value,
}

/// What to write.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The text of the stamp.
    pub stamp: String,
    /// The commit, for formats with flat keys.
    pub commit: Option<String>,
    /// Also as a key of Lightning's dict, if its pickle takes one?
    #[serde(default)]
    pub key: bool,
    /// Also as state of pl-git-callback: its fields.
    pub callback: Option<Value>,
}

/// A run of bytes of the new file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes of the file that there is.
    Copy {
        /// Position in it.
        offset: u64,
        /// Length in bytes.
        len: u64,
    },
    /// These bytes.
    Bytes(Vec<u8>),
}

/// A format that can hold a stamp.
trait Carrier: Sync {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Fills in what there is; `base` and `carrier` only if a stamp can be written.
    ///
    /// # Errors
    /// When the file cannot be read as what it claims to be.
    fn look(&self, source: &dyn ReadAt, limits: &Limits, report: &mut Report) -> Parse<()>;

    /// The file with a stamp in the place of the one that it may have.
    ///
    /// # Errors
    /// When it cannot have one.
    fn stamp(&self, source: &dyn ReadAt, request: &Request, limits: &Limits) -> Parse<Vec<Piece>>;

    /// The file without its stamp.
    ///
    /// # Errors
    /// When there is none that could be taken out.
    fn unstamp(&self, source: &dyn ReadAt, limits: &Limits) -> Parse<Vec<Piece>>;
}

/// Key of a stamp, in formats with flat keys.
const KEY: &str = "git_theta.provenance";
/// Key of the commit, beside it.
const COMMIT: &str = "git_theta.commit";

fn refuse<T>(rule: impl std::fmt::Display) -> Parse<T> {
    Err(Refusal::new(rule.to_string()))
}

/// The format of a file, and who carries its stamp.
fn carrier(
    source: &dyn ReadAt,
    limits: &Limits,
) -> Parse<(&'static str, Option<&'static dyn Carrier>)> {
    let name = match name_of(source)? {
        "zip" => archive::kind_name(&Archive::read(source, limits)?),
        name => name,
    };
    Ok(match name {
        "torch-zip" => (name, Some(&torch::TorchZip)),
        "safetensors" => (name, Some(&safetensors::Safetensors)),
        "onnx" => (name, Some(&onnx::Onnx)),
        "gguf" => (name, Some(&gguf::Gguf)),
        _ => (name, None),
    })
}

/// What is in a file. A file that cannot be read as what it claims to be carries nothing, and the report says
/// why.
///
/// # Errors
/// [`Error::Io`] when reading fails.
pub fn read(source: &dyn ReadAt) -> Result<Report> {
    let limits = Limits::default();
    let mut report = Report::default();
    let looked = carrier(source, &limits).and_then(|(format, carrier)| {
        report.format = format.into();
        match carrier {
            Some(carrier) => {
                report.carrier = Some(carrier.name());
                carrier.look(source, &limits, &mut report)
            }
            None => refuse(format!("files of the format {format} carry no stamps")),
        }
    });
    match looked {
        Ok(()) => {}
        Err(Refusal::Content(rule)) => report.because = Some(crate::format::one_line(&rule)),
        Err(Refusal::Io(error)) => return Err(Error::io("reading", source.origin())(error)),
    }
    if report.because.is_some() {
        report.carrier = None;
        report.base = None;
    }
    Ok(report)
}

/// The pieces of a file with a stamp.
///
/// # Errors
/// [`Error::Invalid`] when it cannot have one; [`Error::Io`] when reading fails.
pub fn stamp(source: &dyn ReadAt, request: &Request) -> Result<Vec<Piece>> {
    let limits = Limits::default();
    if request.stamp.len() as u64 > MAX_STAMP {
        return Err(Error::invalid(
            "stamp",
            format!("more than {MAX_STAMP} bytes"),
        ));
    }
    let pieces = carrier(source, &limits).and_then(|(format, carrier)| match carrier {
        Some(carrier) => carrier.stamp(source, request, &limits),
        None => refuse(format!("files of the format {format} carry no stamps")),
    });
    or_error(source, pieces)
}

/// The pieces of a file without its stamp.
///
/// # Errors
/// [`Error::Invalid`] when it has none that can be taken out; [`Error::Io`] when reading fails.
pub fn unstamp(source: &dyn ReadAt) -> Result<Vec<Piece>> {
    let limits = Limits::default();
    let pieces = carrier(source, &limits).and_then(|(format, carrier)| match carrier {
        Some(carrier) => carrier.unstamp(source, &limits),
        None => refuse(format!("files of the format {format} carry no stamps")),
    });
    or_error(source, pieces)
}

/// The [`Report`] of a file, as JSON.
///
/// # Errors
/// As [`read`]; [`Error::SourceChanged`] when the file changes meanwhile.
pub fn read_path(path: &Path) -> Result<String> {
    let report = on_file(path, |source| read(source))?;
    serde_json::to_string(&report).map_err(|e| Error::Internal(e.to_string()))
}

/// As [`stamp`], with a [`Request`] as JSON.
///
/// # Errors
/// As [`stamp`]; [`Error::SourceChanged`] when the file changes meanwhile.
pub fn stamp_path(path: &Path, request: &str) -> Result<Vec<Piece>> {
    let request = serde_json::from_str(request)
        .map_err(|error| Error::invalid("stamp request", error.to_string()))?;
    on_file(path, |source| stamp(source, &request))
}

/// As [`unstamp`].
///
/// # Errors
/// As [`unstamp`]; [`Error::SourceChanged`] when the file changes meanwhile.
pub fn unstamp_path(path: &Path) -> Result<Vec<Piece>> {
    on_file(path, |source| unstamp(source))
}

fn on_file<T>(path: &Path, act: impl FnOnce(&FileSource) -> Result<T>) -> Result<T> {
    let source = FileSource::open(path)?;
    let done = act(&source);
    source.check_unchanged()?;
    done
}

fn or_error(source: &dyn ReadAt, pieces: Parse<Vec<Piece>>) -> Result<Vec<Piece>> {
    pieces.map_err(|refusal| match refusal {
        Refusal::Content(rule) => Error::invalid("stamp", crate::format::one_line(&rule)),
        Refusal::Io(error) => Error::io("reading", source.origin())(error),
    })
}

/// A member of `/content/file_base` of a stamp.
fn base_field(stamp: &str, name: &str) -> Option<Value> {
    let stamp: Value = serde_json::from_str(stamp).ok()?;
    stamp.pointer("/content/file_base")?.get(name).cloned()
}

/// The length of the file before it was stamped, by its stamp.
fn base_length(stamp: &str) -> Option<u64> {
    base_field(stamp, "length")?.as_u64()
}

/// Checks that a stamp to be written says the length of the file that it is written into.
fn check_length(stamp: &str, len: u64) -> Parse<()> {
    match base_length(stamp) {
        Some(stated) if stated == len => Ok(()),
        stated => refuse(format!(
            "the stamp is for a file of {} bytes, and the file has {len}",
            stated.map_or_else(|| "unknown".into(), |len| len.to_string())
        )),
    }
}

fn length_only(len: u64) -> Value {
    let mut base = Map::new();
    base.insert("length".into(), len.into());
    base.into()
}
