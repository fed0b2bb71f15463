//! The configuration of weights in an archive of `torch.export`: which record holds which tensor.
//!
//! In: the JSON of `<model>_weights_config.json` or `<model>_constants_config.json`. Out: [`Payload`]s, in its
//! order. Refused: what is no such JSON, and names that are in it twice.
//! Specification: `PayloadConfig` and `TensorMeta` in PyTorch's `torch/_export/serde/schema.py`.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::tensor::{Dtype, View};

/// A tensor or another object.
#[derive(Debug, Deserialize)]
pub(super) struct Payload {
    /// Name of the record, without its folder.
    pub(super) path_name: String,
    /// Is the record something that was pickled?
    pub(super) use_pickle: bool,
    /// Nothing for objects that are no tensors.
    pub(super) tensor_meta: Option<TensorMeta>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TensorMeta {
    dtype: u64,
    sizes: Vec<Number>,
    strides: Vec<Number>,
    storage_offset: Number,
    layout: u64,
}

/// An integer, or an expression, which has no place here.
#[derive(Debug, Deserialize)]
struct Number {
    as_int: u64,
}

const STRIDED: u64 = 7;

impl TensorMeta {
    /// The shape.
    pub(super) fn shape(&self) -> Vec<u64> {
        self.sizes.iter().map(|size| size.as_int).collect()
    }

    /// The number of the type, as a name for it where there is none.
    pub(super) fn dtype_name(&self) -> String {
        match dtype(self.dtype) {
            Some(dtype) => dtype.name().to_owned(),
            None => format!("ScalarType {}", self.dtype),
        }
    }

    /// Type and view; nothing for types and layouts that are not known.
    pub(super) fn view(&self) -> Option<(Dtype, View)> {
        let dtype = dtype(self.dtype).filter(|_| self.layout == STRIDED)?;
        let view = View {
            shape: self.shape(),
            strides: self.strides.iter().map(|stride| stride.as_int).collect(),
            offset: self.storage_offset.as_int,
        };
        Some((dtype, view))
    }
}

fn dtype(number: u64) -> Option<Dtype> {
    Some(match number {
        1 => Dtype::UInt8,
        2 => Dtype::Int8,
        3 => Dtype::Int16,
        4 => Dtype::Int32,
        5 => Dtype::Int64,
        6 => Dtype::Float16,
        7 => Dtype::Float32,
        8 => Dtype::Float64,
        9 => Dtype::Complex32,
        10 => Dtype::Complex64,
        11 => Dtype::Complex128,
        12 => Dtype::Bool,
        13 => Dtype::BFloat16,
        28 => Dtype::UInt16,
        29 => Dtype::Float8E4m3fn,
        30 => Dtype::Float8E5m2,
        31 => Dtype::Float8E4m3fnuz,
        32 => Dtype::Float8E5m2fnuz,
        33 => Dtype::Float8E8m0fnu,
        34 => Dtype::UInt32,
        35 => Dtype::UInt64,
        _ => return None,
    })
}

#[derive(Deserialize)]
struct Config {
    config: Entries,
}

/// The entries of an object, whose keys differ.
struct Entries(Vec<(String, Payload)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of payloads")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                let mut seen = HashSet::new();
                while let Some((name, payload)) = map.next_entry::<String, Payload>()? {
                    if !seen.insert(name.clone()) {
                        return Err(A::Error::custom(format!("{name:?} is there twice")));
                    }
                    entries.push((name, payload));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

/// Reads a configuration.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn parse(json: &[u8]) -> Result<Vec<(String, Payload)>, String> {
    let config: Config = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    Ok(config.config.0)
}
