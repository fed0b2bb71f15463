//! What filters use: content that arrives or leaves piece by piece, on the JavaScript thread.

use std::path::{Path, PathBuf};

use git_theta_core as core;
use git_theta_core::cancel::Cancel;
use git_theta_core::object::ObjectReader;
use git_theta_core::record::Manifest;
use git_theta_core::spool;
use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::error::{code_error, guard};

fn closed() -> Error<String> {
    code_error(&core::Error::Invalid {
        what: "stream".into(),
        rule: "it was closed".into(),
    })
}

/// A checkpoint as a stream of bytes, put together by background threads.
#[napi]
pub struct Composition {
    stream: Option<core::compose::Stream>,
    size: f64,
}

#[napi]
impl Composition {
    /// Looks for objects in `stores`, in this order.
    #[napi(constructor)]
    pub fn new(records: String, stores: Vec<String>) -> Result<Self, String> {
        let stores = stores.into_iter().map(PathBuf::from).collect();
        let stream = guard(|| {
            let manifest = Manifest::from_json(&records)?;
            core::compose::Stream::open(
                manifest,
                ObjectReader::new(stores),
                None,
                &Cancel::default(),
            )
        })
        .map_err(|e| code_error(&e))?;
        #[allow(
            clippy::cast_precision_loss,
            reason = "JavaScript's numbers; sizes are under 2^53"
        )]
        let size = stream.size() as f64;
        Ok(Self {
            stream: Some(stream),
            size,
        })
    }

    /// Size of the whole in bytes.
    #[napi(getter)]
    #[must_use]
    pub fn size(&self) -> f64 {
        self.size
    }

    /// Fills `into` from its start; returns the number of bytes, less than its length only at the end.
    /// Blocks until they are there. Every object and tensor is verified before its last byte is given out.
    #[napi(catch_unwind)]
    pub fn read(&mut self, mut into: BufferSlice) -> Result<u32, String> {
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        let read = guard(|| stream.read(&mut into)).map_err(|e| code_error(&e))?;
        Ok(u32::try_from(read).unwrap_or(u32::MAX))
    }

    /// Stops the threads and frees everything.
    #[napi]
    pub fn close(&mut self) {
        self.stream = None;
    }
}

/// What arrived.
#[napi(object)]
pub struct Spooled {
    /// A file with exactly the bytes that arrived.
    pub source: String,
    /// Is it a temporary file, for the caller to remove?
    pub spooled: bool,
    /// BLAKE3 of the bytes, in hexadecimal.
    pub hash: String,
    /// Their number.
    pub size: f64,
}

/// Compares bytes that arrive with a file that probably has the same; spools them if not.
#[napi]
pub struct CleanStream {
    stream: Option<spool::CleanStream>,
}

#[napi]
impl CleanStream {
    /// `path` is that file; temporary files are made in `temp`.
    #[napi(constructor)]
    #[must_use]
    pub fn new(path: Option<String>, temp: String) -> Self {
        let stream = spool::CleanStream::new(path.as_deref().map(Path::new), Path::new(&temp));
        Self {
            stream: Some(stream),
        }
    }

    /// Takes the next bytes.
    #[napi(catch_unwind)]
    pub fn write(&mut self, data: &[u8]) -> Result<(), String> {
        let stream = self.stream.as_mut().ok_or_else(closed)?;
        guard(|| stream.write(data)).map_err(|e| code_error(&e))
    }

    /// Ends the stream. A temporary file is the caller's from now on.
    #[napi(catch_unwind)]
    pub fn finish(&mut self) -> Result<Spooled, String> {
        let stream = self.stream.take().ok_or_else(closed)?;
        let done = guard(|| stream.finish()).map_err(|e| code_error(&e))?;
        #[allow(
            clippy::cast_precision_loss,
            reason = "JavaScript's numbers; sizes are under 2^53"
        )]
        Ok(Spooled {
            source: done.source.to_string_lossy().into_owned(),
            spooled: done.temporary,
            hash: done.hash,
            size: done.size as f64,
        })
    }

    /// Drops the stream and its temporary file.
    #[napi]
    pub fn discard(&mut self) {
        self.stream = None;
    }
}
