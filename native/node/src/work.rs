//! The handle that JavaScript keeps on running work, and the task that runs it.

use std::sync::Arc;

use git_theta_core as core;
use git_theta_core::cancel::Cancel;
use git_theta_core::progress::Progress;
use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::error::{guard, reject_with};

/// How far the work has come. Sizes in bytes of the checkpoint file.
#[napi(object)]
pub struct ProgressSnapshot {
    /// Bytes finished so far.
    pub bytes: f64,
    /// Bytes in all; 0 until known.
    pub total: f64,
    /// Tensors finished so far.
    pub tensors: f64,
    /// Tensors in all.
    pub total_tensors: f64,
    /// Bytes of the finished part whose stored objects were reused.
    pub reused: f64,
}

/// Stops running work and tells how far it is. The `AbortSignal` of napi itself stops only tasks that
/// have not started; the TypeScript layer listens to the signal and calls `cancel()`.
#[napi]
#[derive(Clone, Default)]
pub struct Work {
    pub(crate) cancel: Cancel,
    pub(crate) progress: Arc<Progress>,
}

#[napi]
impl Work {
    #[napi(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The work rejects with `ERR_THETA_CANCELLED` soon after.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// The counters as they stand.
    #[napi]
    #[must_use]
    pub fn progress(&self) -> ProgressSnapshot {
        let now = self.progress.snapshot();
        #[allow(
            clippy::cast_precision_loss,
            reason = "JavaScript's numbers; sizes are under 2^53"
        )]
        let number = |n: u64| n as f64;
        ProgressSnapshot {
            bytes: number(now.bytes),
            total: number(now.total),
            tensors: number(now.tensors),
            total_tensors: number(now.total_tensors),
            reused: number(now.reused),
        }
    }
}

type Body<T> = Box<dyn FnOnce() -> core::Result<T> + Send>;

/// A core call on the libuv pool whose result goes to JavaScript as it is.
pub struct Run<T> {
    body: Option<Body<T>>,
    failure: Option<core::Error>,
}

impl<T> Run<T> {
    /// Calls `body` off the JavaScript thread.
    pub fn task(body: impl FnOnce() -> core::Result<T> + Send + 'static) -> AsyncTask<Self>
    where
        Self: Task,
    {
        AsyncTask::new(Self {
            body: Some(Box::new(body)),
            failure: None,
        })
    }
}

impl<T: ToNapiValue + TypeName + Send + 'static> Task for Run<T> {
    type Output = T;
    type JsValue = T;

    fn compute(&mut self) -> Result<T> {
        let body = self.body.take();
        guard(|| match body {
            Some(body) => body(),
            None => Err(core::Error::Internal("a task ran twice".into())),
        })
        .map_err(|error| {
            self.failure = Some(error);
            Error::from_status(Status::GenericFailure)
        })
    }

    fn resolve(&mut self, _env: Env, output: T) -> Result<T> {
        Ok(output)
    }

    fn reject(&mut self, env: Env, error: Error) -> Result<T> {
        Err(self
            .failure
            .take()
            .map_or(error, |failure| reject_with(env, &failure)))
    }
}
