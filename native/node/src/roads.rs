//! decompose, compose and what reads without changing anything.

use std::path::PathBuf;

use git_theta_core as core;
use git_theta_core::object::ObjectReader;
use git_theta_core::record::Manifest;
use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::error::{code_error, guard};
use crate::work::{Run, Work};

fn paths(list: Vec<String>) -> Vec<PathBuf> {
    list.into_iter().map(PathBuf::from).collect()
}

#[napi(object)]
pub struct DecomposeOptions {
    /// Folder that objects go into, as `ab/cd/<oid>`.
    pub store: String,
    /// Folder for temporary files, on the store's file system; the store itself by default.
    pub temp: Option<String>,
    /// Record arrays (JSON) of earlier versions whose objects may be named again.
    pub previous: Option<Vec<String>>,
    /// Threads; chosen from the processors by default.
    pub threads: Option<u32>,
    /// Write objects through to the disk.
    pub sync: Option<bool>,
}

#[napi(object)]
pub struct Decomposed {
    /// The records, a JSON array in the manifest's order.
    pub records: String,
    /// Objects that were not there before.
    pub written: f64,
    /// Their bytes.
    pub bytes_written: f64,
}

/// Splits a checkpoint, a file or bytes in memory. Bytes are not copied and must not change until the
/// promise settles.
#[napi(ts_return_type = "Promise<Decomposed>")]
#[must_use]
pub fn decompose(
    source: Either<String, Uint8Array>,
    options: DecomposeOptions,
    work: &Work,
) -> AsyncTask<Run<Decomposed>> {
    let work = work.clone();
    Run::task(move || {
        let previous = options.previous.unwrap_or_default();
        let previous: core::Result<Vec<Manifest>> = previous
            .iter()
            .map(|text| Manifest::from_json(text))
            .collect();
        let store = PathBuf::from(options.store);
        let options = core::decompose::Options {
            temp: options.temp.map_or_else(|| store.clone(), PathBuf::from),
            store,
            previous: previous?,
            threads: options.threads.map(|n| n as usize),
            sync: options.sync.unwrap_or(false),
        };
        let outcome = match &source {
            Either::A(path) => core::decompose::decompose_file(
                path.as_ref(),
                &options,
                &work.cancel,
                &work.progress,
            ),
            Either::B(bytes) => {
                core::decompose::decompose(&bytes.as_ref(), &options, &work.cancel, &work.progress)
            }
        }?;
        #[allow(
            clippy::cast_precision_loss,
            reason = "JavaScript's numbers; sizes are under 2^53"
        )]
        Ok(Decomposed {
            records: outcome.manifest.to_json(),
            written: outcome.written as f64,
            bytes_written: outcome.bytes_written as f64,
        })
    })
}

#[napi(object)]
pub struct ComposeOptions {
    /// Folders to look for objects in, in this order.
    pub stores: Vec<String>,
    /// The file to write; it appears whole or not at all.
    pub output: String,
    /// Threads; chosen from the processors by default.
    pub threads: Option<u32>,
    /// Write the file through to the disk.
    pub sync: Option<bool>,
}

/// Puts a checkpoint together; resolves with its size in bytes.
#[napi(ts_return_type = "Promise<number>")]
#[must_use]
pub fn compose(records: String, options: ComposeOptions, work: &Work) -> AsyncTask<Run<f64>> {
    let work = work.clone();
    Run::task(move || {
        let manifest = Manifest::from_json(&records)?;
        let reader = ObjectReader::new(paths(options.stores));
        let threads = options.threads.map(|n| n as usize);
        let stream = core::compose::Stream::open(manifest, reader, threads, &work.cancel)?;
        let sync = options.sync.unwrap_or(false);
        let size = stream.write_file(options.output.as_ref(), sync, &work.progress)?;
        #[allow(
            clippy::cast_precision_loss,
            reason = "JavaScript's numbers; sizes are under 2^53"
        )]
        Ok(size as f64)
    })
}

#[napi(object)]
pub struct InspectOptions {
    /// Only what a manifest would have: format and stored tensors.
    pub bare: Option<bool>,
    /// Hash the values of every tensor.
    pub hash: Option<bool>,
    /// Hash only tensors of these names.
    pub only: Option<Vec<String>>,
    /// Threads for that; chosen from the processors by default.
    pub threads: Option<u32>,
}

/// Patterns for the weights in a folder, relative to it: see `track_patterns` of the core.
#[napi(ts_return_type = "Promise<string[]>")]
#[must_use]
pub fn weight_patterns(folder: String) -> AsyncTask<Run<Vec<String>>> {
    Run::task(move || core::set::track_patterns(folder.as_ref(), &core::bytes::Limits::default()))
}

/// What is at a path, as JSON: see `inspect_path` of the core. Reads headers only, unless hashes are asked
/// for.
#[napi(ts_return_type = "Promise<string>")]
#[must_use]
pub fn inspect(source: String, options: InspectOptions, work: &Work) -> AsyncTask<Run<String>> {
    let work = work.clone();
    Run::task(move || {
        let options = core::inspect::Options {
            bare: options.bare.unwrap_or(false),
            hash: options.hash.unwrap_or(false),
            only: options.only.map(|names| names.into_iter().collect()),
            threads: options.threads.map(|n| n as usize),
        };
        core::inspect::inspect_path(source.as_ref(), &options, &work.cancel, &work.progress)
    })
}

/// What a manifest's file is besides its tensors, as JSON: see `describe` of the core. Only the skeleton's
/// objects are read.
#[napi(ts_return_type = "Promise<string>")]
#[must_use]
pub fn describe(records: String, stores: Vec<String>) -> AsyncTask<Run<String>> {
    Run::task(move || {
        let manifest = Manifest::from_json(&records)?;
        core::inspect::describe(&manifest, &ObjectReader::new(paths(stores)))
    })
}

/// The values of one tensor in C order, little-endian.
#[napi(ts_return_type = "Promise<Buffer>")]
#[must_use]
pub fn read_tensor(records: String, name: String, stores: Vec<String>) -> AsyncTask<Run<Buffer>> {
    Run::task(move || {
        let manifest = Manifest::from_json(&records)?;
        let reader = ObjectReader::new(paths(stores));
        core::compose::read_tensor(&manifest, &name, &reader).map(Buffer::from)
    })
}

#[napi(object)]
pub struct Verified {
    /// Objects that are in none of the stores, as `<oid>:<bytes>`.
    pub missing: Vec<String>,
    /// Objects whose only copies are damaged.
    pub corrupt: Vec<String>,
}

/// Reads objects (`<oid>:<bytes>`) and checks their SHA-256.
#[napi(ts_return_type = "Promise<Verified>")]
#[must_use]
pub fn verify_objects(
    objects: Vec<String>,
    stores: Vec<String>,
    work: &Work,
) -> AsyncTask<Run<Verified>> {
    let work = work.clone();
    Run::task(move || {
        let reader = ObjectReader::new(paths(stores));
        let (missing, corrupt) =
            core::compose::verify(&objects, &reader, &work.cancel, &work.progress)?;
        Ok(Verified { missing, corrupt })
    })
}

/// For every record the chunk keys of its array in memory order, or `null`: a JSON array.
#[napi(catch_unwind)]
pub fn chunk_keys(records: String) -> Result<String, String> {
    guard(|| core::compose::chunk_keys(&Manifest::from_json(&records)?)).map_err(|e| code_error(&e))
}
