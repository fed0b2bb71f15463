//! The records of a manifest as values: what decompose returns and compose takes.
//!
//! They cross every language boundary as JSON, an array of record objects in the manifest's order.
//! The text form of the manifest, with its one encoding per value, belongs to the layer above;
//! specification: `docs/format/manifest.md`.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::tensor::{Dtype, Hash};
use crate::{Error, Result};

/// Name and size of a stored object; prints and parses as `<oid>:<bytes>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// SHA-256 of the object's bytes.
    pub oid: [u8; 32],
    /// Size in bytes.
    pub size: u64,
}

impl ObjectRef {
    /// The oid as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        Hash(self.oid).to_string()
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", Hash(self.oid), self.size)
    }
}

impl FromStr for ObjectRef {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let (oid, size) = text.split_once(':').ok_or(())?;
        let Hash(oid) = oid.parse()?;
        let plain = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit());
        if !plain || (size.len() > 1 && size.starts_with('0')) {
            return Err(());
        }
        Ok(Self {
            oid,
            size: size.parse().map_err(|_| ())?,
        })
    }
}

macro_rules! as_text {
    ($type:ty, $print:expr, $parse:expr, $what:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
                to.serialize_str(&$print(self))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                $parse(&text)
                    .ok_or_else(|| D::Error::custom(format!(concat!("not ", $what, ": {}"), text)))
            }
        }
    };
}

as_text!(
    ObjectRef,
    ToString::to_string,
    |t: &str| t.parse().ok(),
    "an object"
);
as_text!(
    Hash,
    ToString::to_string,
    |t: &str| t.parse().ok(),
    "a hash"
);
as_text!(Dtype, |d: &Dtype| d.name(), Dtype::parse, "a dtype");

/// The first record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the format: 1.
    #[serde(rename = "git-theta")]
    pub version: u64,
    /// Name of the checkpoint's format.
    pub format: String,
    /// Why the file is stored whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The skeleton container, a `uint8` array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skeleton {
    /// Size of the container in bytes.
    pub size: u64,
    /// Tensor hash of the container as `uint8 [size]`.
    pub hash: Hash,
    /// Its chunks.
    pub chunks: Vec<ObjectRef>,
    /// Its `zarr.json`.
    pub meta: ObjectRef,
}

/// The skeleton of a stamped file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamped {
    /// As of [`Skeleton`].
    pub size: u64,
    /// As of [`Skeleton`].
    pub hash: Hash,
    /// As of [`Skeleton`].
    pub chunks: Vec<ObjectRef>,
    /// As of [`Skeleton`].
    pub meta: ObjectRef,
    /// What it is the stamp of: [`Manifest::base_hash`].
    pub of: Hash,
}

impl Stamped {
    /// A skeleton with the stamp of a file that has this [`Manifest::base_hash`] without it.
    #[must_use]
    pub fn new(skeleton: Skeleton, of: Hash) -> Self {
        let Skeleton {
            size,
            hash,
            chunks,
            meta,
        } = skeleton;
        Self {
            size,
            hash,
            chunks,
            meta,
            of,
        }
    }

    /// The skeleton by itself.
    #[must_use]
    pub fn skeleton(&self) -> Skeleton {
        Skeleton {
            size: self.size,
            hash: self.hash,
            chunks: self.chunks.clone(),
            meta: self.meta,
        }
    }
}

/// A group of the Zarr hierarchy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Name; empty for the root.
    pub group: String,
    /// Its `zarr.json`.
    pub meta: ObjectRef,
}

/// A storage that is stored as such, a `uint8` array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Storage {
    /// Name: that of the first tensor on it.
    pub storage: String,
    /// Size in bytes.
    pub size: u64,
    /// Tensor hash of its bytes as `uint8 [size]`.
    pub hash: Hash,
    /// Its chunks; `None` in constant form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<Vec<ObjectRef>>,
    /// Bits of its elements, in constant form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<String>,
    /// Its `zarr.json`.
    pub meta: ObjectRef,
}

/// Where the elements of a tensor without an array of its own are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// The tensor in whose array they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The storage in which they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Elements before the first one.
    pub offset: u64,
    /// Distance in elements between neighbours along each axis.
    pub strides: Vec<u64>,
}

/// A tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tensor {
    /// Name.
    pub tensor: String,
    /// Element type.
    pub dtype: Dtype,
    /// Extents.
    pub shape: Vec<u64>,
    /// Axes from slowest to fastest in memory, where that is not C order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<usize>>,
    /// Tensor hash.
    pub hash: Hash,
    /// Its chunks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunks: Option<Vec<ObjectRef>>,
    /// Bits of its elements, in constant form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<String>,
    /// The `zarr.json` of its array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta: Option<ObjectRef>,
    /// The tensor with the same view of the same storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same: Option<String>,
    /// Where its elements are, when it has no array and is no `same`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl Tensor {
    /// Has it an array of its own?
    #[must_use]
    pub fn has_array(&self) -> bool {
        self.meta.is_some()
    }
}

/// All records of one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The first record.
    pub header: Header,
    /// Pieces of a file that is stored whole.
    pub pieces: Option<Vec<ObjectRef>>,
    /// The skeleton of a file that is split; of a stamped one, that of the file without its stamp.
    pub skeleton: Option<Skeleton>,
    /// The skeleton of a stamped file.
    pub stamped: Option<Stamped>,
    /// Sorted by name.
    pub groups: Vec<Group>,
    /// Sorted by name.
    pub storages: Vec<Storage>,
    /// Sorted by name.
    pub tensors: Vec<Tensor>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PiecesRecord {
    pieces: Vec<ObjectRef>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SkeletonRecord {
    skeleton: Skeleton,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StampedRecord {
    stamped: Stamped,
}

impl Manifest {
    /// Reads the records from JSON.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the number of the record, from 1, and the rule it breaks.
    pub fn from_json(text: &str) -> Result<Self> {
        let invalid = |number: usize, rule: String| Error::Invalid {
            what: format!("record {number}"),
            rule,
        };
        let values: Vec<Value> =
            serde_json::from_str(text).map_err(|e| invalid(0, e.to_string()))?;
        let mut header = None;
        let mut manifest = Self {
            header: Header {
                version: 1,
                format: String::new(),
                reason: None,
            },
            pieces: None,
            skeleton: None,
            stamped: None,
            groups: Vec::new(),
            storages: Vec::new(),
            tensors: Vec::new(),
        };
        for (index, value) in values.into_iter().enumerate() {
            let bad = |e: serde_json::Error| invalid(index + 1, e.to_string());
            let has = |key| value.get(key).is_some();
            if has("tensor") {
                manifest
                    .tensors
                    .push(serde_json::from_value(value).map_err(bad)?);
            } else if has("storage") {
                manifest
                    .storages
                    .push(serde_json::from_value(value).map_err(bad)?);
            } else if has("group") {
                manifest
                    .groups
                    .push(serde_json::from_value(value).map_err(bad)?);
            } else if has("skeleton") && manifest.skeleton.is_none() {
                let record: SkeletonRecord = serde_json::from_value(value).map_err(bad)?;
                manifest.skeleton = Some(record.skeleton);
            } else if has("stamped") && manifest.stamped.is_none() {
                let record: StampedRecord = serde_json::from_value(value).map_err(bad)?;
                manifest.stamped = Some(record.stamped);
            } else if has("pieces") && manifest.pieces.is_none() {
                let record: PiecesRecord = serde_json::from_value(value).map_err(bad)?;
                manifest.pieces = Some(record.pieces);
            } else if has("git-theta") && header.is_none() {
                header = Some(serde_json::from_value::<Header>(value).map_err(bad)?);
            } else {
                return Err(invalid(index + 1, "unknown or repeated record".into()));
            }
        }
        manifest.header = header.ok_or_else(|| invalid(1, "the header is missing".into()))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Writes the records as JSON.
    ///
    /// # Panics
    /// Never: every record can be written.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = |value: std::result::Result<String, serde_json::Error>| {
            value.expect("records have string keys and finite numbers")
        };
        let mut records = vec![text(serde_json::to_string(&self.header))];
        if let Some(pieces) = &self.pieces {
            let record = PiecesRecord {
                pieces: pieces.clone(),
            };
            records.push(text(serde_json::to_string(&record)));
        }
        if let Some(skeleton) = &self.skeleton {
            let record = SkeletonRecord {
                skeleton: skeleton.clone(),
            };
            records.push(text(serde_json::to_string(&record)));
        }
        if let Some(stamped) = &self.stamped {
            let record = StampedRecord {
                stamped: stamped.clone(),
            };
            records.push(text(serde_json::to_string(&record)));
        }
        records.extend(self.groups.iter().map(|r| text(serde_json::to_string(r))));
        records.extend(self.storages.iter().map(|r| text(serde_json::to_string(r))));
        records.extend(self.tensors.iter().map(|r| text(serde_json::to_string(r))));
        format!("[{}]", records.join(","))
    }

    /// What the file without its stamp is, as one hash; specification: `docs/format/manifest.md`.
    #[must_use]
    pub fn base_hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        let skeleton = self.skeleton.iter().map(|s| ("", &s.hash, None));
        let storages = self.storages.iter();
        let storages = storages.map(|s| (s.storage.as_str(), &s.hash, None));
        let tensors = self.tensors.iter();
        let tensors = tensors.map(|t| (t.tensor.as_str(), &t.hash, t.order.as_ref()));
        hasher.update(b"git-theta base 1\0");
        for (name, hash, order) in skeleton.chain(storages).chain(tensors) {
            let axes = order.map_or(&[] as &[usize], Vec::as_slice);
            hasher.update(&hash.0);
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
            hasher.update(&(axes.len() as u64).to_le_bytes());
            for &axis in axes {
                hasher.update(&(axis as u64).to_le_bytes());
            }
        }
        Hash(hasher.finalize().into())
    }

    /// The skeleton that the file is composed from: with its stamp, if it has one. A stamp of other tensors, which a
    /// merge of lines may leave in a manifest, is none.
    #[must_use]
    pub fn file_skeleton(&self) -> Option<Skeleton> {
        match &self.stamped {
            Some(stamped) if stamped.of == self.base_hash() => Some(stamped.skeleton()),
            _ => self.skeleton.clone(),
        }
    }

    /// Tensors by name.
    #[must_use]
    pub fn tensors_by_name(&self) -> HashMap<&str, &Tensor> {
        self.tensors
            .iter()
            .map(|t| (t.tensor.as_str(), t))
            .collect()
    }

    /// Checks what the roads rely on: either pieces or a skeleton; names in order; every tensor has exactly one form.
    fn check(&self) -> Result<()> {
        let invalid = |what: &str, rule: &str| {
            Err(Error::Invalid {
                what: what.to_owned(),
                rule: rule.to_owned(),
            })
        };
        if self.header.version != 1 {
            return invalid("header", "only version 1 is known");
        }
        match (&self.pieces, &self.skeleton) {
            (Some(_), None) if self.tensors.is_empty() && self.storages.is_empty() => {}
            (None, Some(_)) => {}
            _ => return invalid("manifest", "either pieces or a skeleton with its tensors"),
        }
        if self.stamped.is_some() && self.skeleton.is_none() {
            return invalid("manifest", "only a file with a skeleton is stamped");
        }
        if !self
            .tensors
            .is_sorted_by(|a, b| a.tensor.as_bytes() < b.tensor.as_bytes())
            || !self
                .storages
                .is_sorted_by(|a, b| a.storage.as_bytes() < b.storage.as_bytes())
        {
            return invalid("manifest", "names are unique and sorted");
        }
        for storage in &self.storages {
            if storage.chunks.is_some() == storage.fill.is_some() {
                return invalid(&storage.storage, "a storage has chunks or a fill value");
            }
        }
        for tensor in &self.tensors {
            let form = (
                tensor.chunks.is_some(),
                tensor.fill.is_some(),
                tensor.meta.is_some(),
                tensor.same.is_some(),
                tensor.view.is_some(),
            );
            let one = matches!(
                form,
                (true, false, true, false, false)
                    | (false, true, true, false, false)
                    | (false, false, false, true, false)
                    | (false, false, false, false, true)
            );
            if !one {
                return invalid(&tensor.tensor, "one of chunks, fill, same and view");
            }
        }
        Ok(())
    }
}
