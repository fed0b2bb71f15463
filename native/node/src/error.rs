//! Errors cross the boundary with the core's own code and message; a panic becomes an error.

use std::panic::{AssertUnwindSafe, catch_unwind};

use git_theta_core::Error as CoreError;
use napi::JsError;
use napi::bindgen_prelude::*;

/// A sync function returns `Result<T, String>`: the string becomes `err.code`. (Spelled out in the
/// signature: `#[napi]` knows the name `Result`, not an alias of it.)
pub fn code_error(error: &CoreError) -> Error<String> {
    Error::new(error.code().to_owned(), error.to_string())
}

/// `Task` fixes its error type, so the JavaScript error with the core's code is built in `reject`, on
/// the JavaScript thread, and handed back by reference.
pub fn reject_with(env: Env, error: &CoreError) -> Error {
    Error::from(JsError::from(code_error(error)).into_unknown(env))
}

/// napi does not catch panics in `Task::compute`: without this the process aborts.
pub fn guard<T>(body: impl FnOnce() -> git_theta_core::Result<T>) -> git_theta_core::Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        Err(CoreError::Internal(git_theta_core::turn::panic_text(
            &*panic,
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        let error = guard::<()>(|| panic!("boom")).unwrap_err();
        assert!(matches!(&error, CoreError::Internal(text) if text == "boom"));
        assert_eq!(code_error(&error).status, "ERR_THETA_INTERNAL");
    }
}
