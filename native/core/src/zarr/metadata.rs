//! `zarr.json`: written in one way, and read only as it is written.
//!
//! The metadata of an array names its tensor and hash, so each file is unique; but for these and the
//! fill value it follows from the stored form.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Fill, Kind, StoredArray, fill, invalid};
use crate::Result;
use crate::codec::blocksize;
use crate::tensor::{Dtype, Hash};

/// The canonical `zarr.json` of an array.
///
/// `name` is the tensor's or storage's; the skeleton has none, and it is not looked at. `fill` is
/// [`StoredArray::constant_fill`] for the constant form, else [`StoredArray::zero_fill`].
///
/// # Errors
/// [`crate::Error::Invalid`] when `fill` is no fill value of this array.
pub fn array_json(stored: &StoredArray, name: &str, hash: &Hash, fill: &Fill) -> Result<Vec<u8>> {
    let fill_value = (fill.len() == stored.element_size())
        .then(|| fill::to_json(stored.data_type(), fill))
        .flatten()
        .ok_or_else(|| invalid(format!("{fill} is no fill value of this type")))?;
    let data_type = stored.data_type().name();
    let chunk_shape = stored.grid();
    let mut codecs = String::new();
    if let Some(order) = stored.order() {
        let order = list(order);
        codecs += &format!(r#"{{"name":"transpose","configuration":{{"order":{order}}}}},"#);
    }
    codecs += if stored.element_size() == 1 {
        r#"{"name":"bytes"}"#
    } else {
        r#"{"name":"bytes","configuration":{"endian":"little"}}"#
    };
    let typesize = stored.class().typesize;
    let shuffle = if typesize > 1 { "shuffle" } else { "noshuffle" };
    let blocksize = blocksize(chunk_shape.chunk_bytes(), stored.class());
    codecs += &format!(
        r#",{{"name":"blosc","configuration":{{"cname":"zstd","clevel":1,"shuffle":"{shuffle}","typesize":{typesize},"blocksize":{blocksize}}}}}"#
    );
    let mut attributes = match stored.kind() {
        Kind::Tensor { .. } => format!(r#""name":{}"#, string(name)),
        Kind::Storage => format!(r#""storage":{}"#, string(name)),
        Kind::Skeleton => r#""skeleton":1"#.into(),
    };
    let _ = write!(attributes, r#","hash":"{hash}""#);
    if let Kind::Tensor { dtype, shape } = stored.kind() {
        if *dtype != stored.data_type() {
            let _ = write!(attributes, r#","dtype":"{}""#, dtype.name());
        }
        if shape != stored.shape() {
            let _ = write!(attributes, r#","shape":{}"#, list(shape));
        }
    }
    Ok(format!(
        concat!(
            r#"{{"zarr_format":3,"node_type":"array","shape":{shape},"data_type":"{data_type}","#,
            r#""chunk_grid":{{"name":"regular","configuration":{{"chunk_shape":{chunk_shape}}}}},"#,
            r#""chunk_key_encoding":{{"name":"default","configuration":{{"separator":"."}}}},"#,
            r#""fill_value":{fill_value},"codecs":[{codecs}],"attributes":{{"git-theta":{{{attributes}}}}}}}"#,
        ),
        shape = list(stored.shape()),
        data_type = data_type,
        chunk_shape = list(chunk_shape.chunk_shape()),
        fill_value = fill_value,
        codecs = codecs,
        attributes = attributes,
    )
    .into_bytes())
}

/// The canonical `zarr.json` of a group; `format` is the checkpoint's, for the root alone.
#[must_use]
pub fn group_json(group: &str, format: Option<&str>) -> Vec<u8> {
    let mut attributes = format!(r#""group":{}"#, string(group));
    if let Some(format) = format {
        let _ = write!(attributes, r#","format":{}"#, string(format));
    }
    format!(
        r#"{{"zarr_format":3,"node_type":"group","attributes":{{"git-theta":{{{attributes}}}}}}}"#
    )
    .into_bytes()
}

/// What an array's `zarr.json` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayMetadata {
    /// How the array is stored.
    pub stored: StoredArray,
    /// The name of the tensor or storage; empty for the skeleton.
    pub name: String,
    /// The hash of the values.
    pub hash: Hash,
    /// The fill value: of every element that is in no chunk.
    pub fill: Fill,
}

impl ArrayMetadata {
    /// Reads what [`array_json`] writes.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for every other file, also for one that means the same.
    pub fn parse(json: &[u8]) -> Result<Self> {
        Self::read(json)
            .filter(|m| {
                array_json(&m.stored, &m.name, &m.hash, &m.fill).is_ok_and(|again| again == json)
            })
            .ok_or_else(|| invalid("zarr.json is not one that this version writes"))
    }

    /// Finds the parts that the others follow from; whether they do is the caller's check.
    fn read(json: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(json).ok()?;
        let attributes = value.get("attributes")?.get("git-theta")?;
        let text = |key| Some(attributes.get(key)?.as_str()?.to_owned());
        let shape = numbers(value.get("shape")?)?;
        let data_type = Dtype::parse(value.get("data_type")?.as_str()?)?;
        let stored;
        let mut name = String::new();
        if attributes.get("skeleton").is_some() {
            stored = StoredArray::skeleton(*shape.first()?);
        } else if let Some(storage) = text("storage") {
            name = storage;
            stored = StoredArray::storage(*shape.first()?);
        } else {
            name = text("name")?;
            let dtype = match text("dtype") {
                Some(dtype) => Dtype::parse(&dtype)?,
                None => data_type,
            };
            let shape = attributes.get("shape").map_or(Some(shape), numbers)?;
            let order = value
                .get("codecs")?
                .get(0)?
                .get("configuration")
                .and_then(|c| c.get("order"))
                .map(|order| {
                    let axes = numbers(order)?.into_iter().map(usize::try_from);
                    // An added last axis is the last of the order.
                    axes.take(shape.len())
                        .collect::<std::result::Result<Vec<_>, _>>()
                        .ok()
                });
            let order = match order {
                Some(order) => Some(order?),
                None => None,
            };
            stored = StoredArray::tensor(dtype, &shape, order.as_deref());
        }
        // From the text: a parser of JSON may round numbers.
        let json = std::str::from_utf8(json).ok()?;
        let (_, fill) = json.split_once(r#","fill_value":"#)?;
        let (fill, _) = fill.split_once(r#","codecs":"#)?;
        Some(Self {
            stored: stored.ok()?,
            name,
            hash: text("hash")?.parse().ok()?,
            fill: fill::from_json(data_type, fill)?,
        })
    }
}

fn numbers(value: &Value) -> Option<Vec<u64>> {
    value.as_array()?.iter().map(Value::as_u64).collect()
}

/// A list of numbers as JSON.
fn list<T: ToString>(numbers: &[T]) -> String {
    let numbers: Vec<String> = numbers.iter().map(T::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// A string as JSON, with the escapes that it demands and no others.
fn string(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(stored: &StoredArray, name: &str) -> String {
        let hash = Hash([0xab; 32]);
        let json = array_json(stored, name, &hash, &stored.zero_fill()).unwrap();
        let back = ArrayMetadata::parse(&json).unwrap();
        assert_eq!((&back.stored, back.hash), (stored, hash));
        assert_eq!(back.fill, stored.zero_fill());
        if *stored.kind() != Kind::Skeleton {
            assert_eq!(back.name, name);
        }
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn every_type_and_order_reads_back() {
        for &dtype in Dtype::ALL {
            for shape in [&[][..], &[8], &[2, 4], &[0, 8], &[4, 1, 8], &[4096, 8192]] {
                let Ok(stored) = StoredArray::tensor(dtype, shape, None) else {
                    assert!(shape.is_empty());
                    continue;
                };
                round_trip(&stored, "a/\"b\\\u{1}\u{7f}ü\n");
            }
            if dtype.item_size().is_some() {
                let stored = StoredArray::tensor(dtype, &[3, 1, 4], Some(&[2, 1, 0])).unwrap();
                round_trip(&stored, "");
            }
        }
        round_trip(&StoredArray::storage(20 << 20).unwrap(), "w");
        let text = round_trip(&StoredArray::skeleton(1 << 20).unwrap(), "");
        assert!(text.contains(r#""blocksize":1048576}"#) && text.contains("noshuffle"));
    }

    #[test]
    fn other_files_are_refused() {
        let stored = StoredArray::tensor(Dtype::Float32, &[2, 3], None).unwrap();
        let json = array_json(&stored, "w", &Hash([0; 32]), &stored.zero_fill()).unwrap();
        let text = String::from_utf8(json).unwrap();
        for (from, to) in [
            ("\"shape\":[2,3]", "\"shape\": [2,3]"),
            ("\"shape\":[2,3]", "\"shape\":[2,4]"),
            ("\"shape\":[2,3]", "\"shape\":[2,-3]"),
            ("0.0", "0"),
            ("0.0", "\"0x00000000\""),
            ("float32", "float31"),
            ("\"clevel\":1", "\"clevel\":2"),
            ("}}}", "},\"more\":1}}"),
            ("\"name\":\"w\"", "\"name\":\"\\u0077\""),
            ("\"zarr_format\":3", "\"zarr_format\":2"),
        ] {
            let other = text.replacen(from, to, 1);
            assert_ne!(other, text, "{from}");
            assert!(ArrayMetadata::parse(other.as_bytes()).is_err(), "{other}");
        }
        assert!(ArrayMetadata::parse(&group_json("", Some("safetensors"))).is_err());
        assert!(ArrayMetadata::parse(b"").is_err());
    }

    proptest! {
        /// A changed file is refused, or says something else in the one way to say it.
        #[test]
        fn changed_files_do_not_panic(
            at in any::<prop::sample::Index>(),
            text in prop::sample::select(&[
                "", "0", "9", "[", "]", "-1", "18446744073709551616", "null", "\"", ",", "1e999",
            ]),
            remove in 0usize..6,
            float in any::<bool>(),
        ) {
            let dtype = if float { Dtype::Complex64 } else { Dtype::Bits16 };
            let stored = StoredArray::tensor(dtype, &[300, 2], Some(&[1, 0])).unwrap();
            let json = array_json(&stored, "w", &Hash([7; 32]), &stored.zero_fill()).unwrap();
            let mut changed = json.clone();
            let at = at.index(json.len() - remove);
            changed.splice(at..at + remove, text.bytes());
            if let Ok(m) = ArrayMetadata::parse(&changed) {
                let again = array_json(&m.stored, &m.name, &m.hash, &m.fill).unwrap();
                prop_assert_eq!(again, changed);
            }
        }
    }
}
