//! Stamps in files: what there is, and the pieces of a file with or without one.

use git_theta_core as core;
use git_theta_core::object::ObjectReader;
use git_theta_core::record::Manifest;
use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::work::{Run, Work};

/// A run of bytes of a new file: of the file that there is, or these.
#[napi(object)]
pub struct Piece {
    /// Position in the file that there is.
    pub offset: Option<f64>,
    /// Length in bytes.
    pub length: Option<f64>,
    /// The bytes.
    pub bytes: Option<Buffer>,
}

fn piece(piece: core::stamp::Piece) -> Piece {
    #[allow(
        clippy::cast_precision_loss,
        reason = "JavaScript's numbers; sizes are under 2^53"
    )]
    match piece {
        core::stamp::Piece::Copy { offset, len } => Piece {
            offset: Some(offset as f64),
            length: Some(len as f64),
            bytes: None,
        },
        core::stamp::Piece::Bytes(bytes) => Piece {
            offset: None,
            length: None,
            bytes: Some(bytes.into()),
        },
    }
}

/// What stamps a file has, as JSON: see `stamp::Report` of the core.
#[napi(ts_return_type = "Promise<string>")]
#[must_use]
pub fn stamp_read(source: String) -> AsyncTask<Run<String>> {
    Run::task(move || core::stamp::read_path(source.as_ref()))
}

/// What stamps a stored file has, as [`stamp_read`] tells of the file. Only the skeleton's objects are read.
#[napi(ts_return_type = "Promise<string>")]
#[must_use]
pub fn stamp_read_stored(records: String, stores: Vec<String>) -> AsyncTask<Run<String>> {
    Run::task(move || {
        let manifest = Manifest::from_json(&records)?;
        let objects = ObjectReader::new(stores.into_iter().map(Into::into).collect());
        core::inspect::stamps_json(&manifest, &objects)
    })
}

/// The pieces of a file with a stamp; `request` is `stamp::Request` of the core as JSON.
#[napi(ts_return_type = "Promise<Piece[]>")]
#[must_use]
pub fn stamp_pieces(source: String, request: String) -> AsyncTask<Run<Vec<Piece>>> {
    Run::task(move || {
        let pieces = core::stamp::stamp_path(source.as_ref(), &request)?;
        Ok(pieces.into_iter().map(piece).collect())
    })
}

/// The pieces of a file without its stamp.
#[napi(ts_return_type = "Promise<Piece[]>")]
#[must_use]
pub fn unstamp_pieces(source: String) -> AsyncTask<Run<Vec<Piece>>> {
    Run::task(move || {
        let pieces = core::stamp::unstamp_path(source.as_ref())?;
        Ok(pieces.into_iter().map(piece).collect())
    })
}

/// SHA-256 of a file, without its stamp if `unstamped`, and of what begins at `from` in that, as JSON: see
/// `stamp::digest_path` of the core.
#[napi(ts_return_type = "Promise<string>")]
#[must_use]
pub fn file_digests(
    source: String,
    unstamped: bool,
    from: Option<f64>,
    work: &Work,
) -> AsyncTask<Run<String>> {
    let cancel = work.cancel.clone();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a position in a file"
    )]
    let from = from.map(|from| from as u64);
    Run::task(move || core::stamp::digest_path(source.as_ref(), unstamped, from, &cancel))
}

/// The content hashes of a file, as JSON: see `inspect::content_hash` of the core.
#[napi(ts_return_type = "Promise<string>")]
#[must_use]
pub fn content_hash(source: String, work: &Work) -> AsyncTask<Run<String>> {
    let work = work.clone();
    Run::task(move || core::inspect::content_hash(source.as_ref(), &work.cancel, &work.progress))
}
