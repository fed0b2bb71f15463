//! What a file is, from its headers alone.

use std::path::Path;

use serde::Serialize;

use crate::arrange::{Form, arrange};
use crate::bytes::{FileSource, Limits, ReadAt};
use crate::format;
use crate::layout::Parsed;
use crate::{Error, Result};

#[derive(Serialize)]
struct Tensor<'a> {
    name: &'a str,
    dtype: &'a str,
    shape: &'a [u64],
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    same: Option<&'a str>,
}

#[derive(Serialize)]
struct Report<'a> {
    format: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    size: u64,
    tensors: Vec<Tensor<'a>>,
}

/// Describes a file as JSON: `{format, reason?, size, tensors: [{name, dtype, shape, bytes, same?}]}`.
/// Sizes in bytes; `same` names the tensor that is the same view of the same storage. No tensor's
/// values are read.
///
/// # Errors
/// [`Error::Io`] and [`Error::Invalid`] when it is no regular file that can be read.
pub fn inspect_file(path: &Path) -> Result<String> {
    let source = FileSource::open(path)?;
    let parsed = format::parse(&source, &Limits::default())?;
    let (format, reason, tensors) = match &parsed {
        Parsed::Opaque(reason) => ("opaque", Some(reason.as_str()), Vec::new()),
        Parsed::Layout(layout) => {
            let forms = arrange(layout).forms;
            let tensors = layout
                .tensors
                .iter()
                .zip(forms)
                .map(|(tensor, form)| Tensor {
                    name: &tensor.name,
                    dtype: tensor.dtype.name(),
                    shape: &tensor.view.shape,
                    bytes: tensor.dtype.byte_len(&tensor.view.shape).unwrap_or(0),
                    same: match form {
                        Form::Same(first) => Some(layout.tensors[first].name.as_str()),
                        _ => None,
                    },
                });
            (layout.format, None, tensors.collect())
        }
    };
    let report = Report {
        format,
        reason,
        size: source.len(),
        tensors,
    };
    serde_json::to_string(&report).map_err(|e| Error::Internal(e.to_string()))
}
