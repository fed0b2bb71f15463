//! What is seen of a set of files, and how it is put together.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::Serialize;

use super::open::Folder;
use crate::bytes::{FileSource, Limits, ReadAt, Refusal};
use crate::format::one_line;
use crate::layout::{Bytes, Packed};
use crate::tensor::{Hash, hash_view, tensor_hash};
use crate::values::{self, copy_box};
use crate::{Error, Result};

/// A model of several files.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SetView {
    /// How the files belong together: `safetensors-shards`, `torch-shards`, `onnx-external`,
    /// `tensorflow-bundle`, `torch-dcp`, or `folder` for checkpoints that only lie side by side. A folder
    /// of one checkpoint has the format of that.
    pub format: String,
    /// The program that wrote it, as far as the files show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writer: Option<String>,
    /// All files of the model that are there.
    pub files: Vec<File>,
    /// Sorted by the bytes of the name.
    pub tensors: Vec<Tensor>,
    /// What is missing or contradicts itself, one line each.
    pub problems: Vec<String>,
    #[serde(skip)]
    root: PathBuf,
    /// Problems that only the last line counts.
    #[serde(skip)]
    left_out: usize,
}

/// A file of the model.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Path below the folder, with `/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its own format; `data` for files that only their index can read, `opaque` for other unknown ones.
    pub format: String,
    /// What it does for the others.
    #[serde(skip)]
    pub role: Role,
    /// Tensors of the model with values in it.
    pub tensors: usize,
}

impl File {
    /// What is wrong with a range that is not all in it.
    pub(super) fn lacks(&self, at: u64, len: u64) -> String {
        let Self { path, bytes, .. } = self;
        format!("{len} bytes from {at} are not all in {path}, which has {bytes}")
    }
}

/// What a file does for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It says where the tensors are.
    Index,
    /// Tensors are in it.
    Data,
}

/// A tensor of the model.
#[derive(Clone, Debug, Serialize)]
pub struct Tensor {
    /// As in the manifest of a single file.
    pub name: String,
    /// Our name of the element type, or the format's where there is none.
    pub dtype: String,
    /// In the framework's terms.
    pub shape: Vec<u64>,
    /// Bytes of the values; 0 where the files do not say.
    pub bytes: u64,
    /// The file with its values, the first of them.
    pub file: String,
    /// Where the values are; nothing for those that this program does not read.
    #[serde(skip)]
    pub places: Vec<Place>,
}

/// A part of a tensor, or all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Index into [`SetView::files`].
    pub file: usize,
    /// The part's first element along each axis; empty for a tensor in one part.
    pub offsets: Vec<u64>,
    /// Its values in that file.
    pub packed: Packed,
}

/// Problems that are listed.
const MAX_PROBLEMS: usize = 1000;

impl SetView {
    /// Reads the values of a tensor in C order, at most `most` bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] when they are not read, do not decode, or are more; [`Error::Io`].
    pub fn read(&self, tensor: &Tensor, most: u64) -> Result<Vec<u8>> {
        let folder = Folder::new(&self.root)?;
        let invalid = |rule: String| Error::invalid(tensor.name.clone(), rule);
        let read = |place: &Place| -> Result<Vec<u8>> {
            let source = folder.open(self.path(place)).map_err(invalid)?;
            let result = values::read(&source, &place.packed, most);
            result.map_err(|refusal| match refusal {
                Refusal::Content(rule) => invalid(rule),
                Refusal::Io(error) => Error::io("reading", source.origin())(error),
            })
        };
        match &tensor.places[..] {
            [] => Err(invalid("its values are not read".into())),
            [place] if place.offsets.is_empty() => read(place),
            places => {
                let dtype = places[0].packed.dtype;
                let item = dtype.item_size();
                let len = dtype.byte_len(&tensor.shape).filter(|&len| len <= most);
                let (Some(item), Some(len)) = (item, len) else {
                    return Err(invalid(format!("more than {most} bytes")));
                };
                let mut out = vec![0; len as usize];
                for place in places {
                    let part = read(place)?;
                    let sizes = &place.packed.view.shape[..];
                    let (from, to) = ((&part[..], sizes), (&mut out[..], &tensor.shape[..]));
                    copy_box(from, to, &place.offsets, sizes, item as usize)
                        .ok_or_else(|| invalid("a part lies outside".into()))?;
                }
                Ok(out)
            }
        }
    }

    /// The file of a place.
    fn path(&self, place: &Place) -> &str {
        self.files.get(place.file).map_or("", |file| &file.path)
    }

    /// The hash of a tensor; `None` when its values cannot be read, or take more than `most` bytes of
    /// memory.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn hash(&self, tensor: &Tensor, most: u64) -> Result<Option<Hash>> {
        if let [place] = &tensor.places[..]
            && let (true, Bytes::Runs(runs)) = (place.offsets.is_empty(), &place.packed.bytes)
            && let [(offset, len)] = runs[..]
            && let Packed { dtype, view, .. } = &place.packed
            && view
                .extent_bytes(*dtype)
                .is_some_and(|needed| needed <= len)
        {
            let Ok(source) = Folder::new(&self.root)?.open(self.path(place)) else {
                return Ok(None);
            };
            let read = |at: u64, part: &mut [u8]| {
                let read = source.read_exact_at(offset + at, part);
                read.map_err(Error::io("reading", source.origin()))
            };
            return hash_view(*dtype, view, read).map(Some);
        }
        match self.read(tensor, most) {
            Ok(values) => {
                let dtype = tensor.places.first().map(|place| place.packed.dtype);
                Ok(dtype.map(|dtype| tensor_hash(dtype, &tensor.shape, &values)))
            }
            Err(Error::Invalid { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A view that is being made.
pub(super) struct Set<'a> {
    pub(super) folder: &'a Folder,
    pub(super) limits: &'a Limits,
    pub(super) view: SetView,
    by_path: HashMap<String, usize>,
}

impl<'a> Set<'a> {
    pub(super) fn new(folder: &'a Folder, limits: &'a Limits) -> Self {
        Self {
            folder,
            limits,
            view: SetView {
                root: folder.root().to_owned(),
                ..SetView::default()
            },
            by_path: HashMap::new(),
        }
    }

    /// Notes what is wrong with `what`: a file or a tensor.
    pub(super) fn problem(&mut self, what: &str, rule: impl std::fmt::Display) {
        self.note(one_line(&format!("{what}: {rule}")));
    }

    /// Lists a problem, or only counts it when there are enough.
    fn note(&mut self, problem: String) {
        if self.view.problems.len() < MAX_PROBLEMS {
            self.view.problems.push(problem);
        } else {
            self.view.left_out += 1;
        }
    }

    /// Opens a file by the name that another one states, and lists it. What is wrong with it is a problem.
    pub(super) fn open(&mut self, path: &str, role: Role) -> Option<(usize, FileSource)> {
        match self.folder.open(path) {
            Err(rule) => {
                self.problem(path, rule);
                None
            }
            Ok(source) => Some((self.list(path, role, source.len()), source)),
        }
    }

    /// Lists a file, if it is not listed yet.
    pub(super) fn list(&mut self, path: &str, role: Role, bytes: u64) -> usize {
        if let Some(&index) = self.by_path.get(path) {
            return index;
        }
        let index = self.view.files.len();
        self.by_path.insert(path.to_owned(), index);
        self.view.files.push(File {
            path: path.to_owned(),
            bytes,
            format: "data".into(),
            role,
            tensors: 0,
        });
        index
    }

    /// Takes the files, tensors and problems of another view; its names get this before them.
    pub(super) fn merge(&mut self, other: SetView, prefix: &str) {
        let files: Vec<usize> = other
            .files
            .into_iter()
            .map(|file| {
                let index = self.list(&file.path, file.role, file.bytes);
                self.view.files[index].format = file.format;
                index
            })
            .collect();
        for mut tensor in other.tensors {
            tensor.name.insert_str(0, prefix);
            for place in &mut tensor.places {
                place.file = files[place.file];
            }
            self.view.tensors.push(tensor);
        }
        self.view.left_out += other.left_out;
        for problem in other.problems.into_iter().take(MAX_PROBLEMS) {
            self.note(problem);
        }
    }

    /// Sorts, counts, and looks for names that are there twice.
    pub(super) fn finish(mut self) -> SetView {
        let tensors = &mut self.view.tensors;
        tensors.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        let twice: Vec<String> = tensors
            .windows(2)
            .filter(|pair| pair[0].name == pair[1].name)
            .map(|pair| pair[0].name.clone())
            .collect();
        tensors.dedup_by(|a, b| a.name == b.name);
        for name in twice {
            self.problem(&name, "two tensors have this name");
        }
        let by_path = &self.by_path;
        let files = &mut self.view.files;
        for tensor in &self.view.tensors {
            // A tensor counts once for each file that has a part of it.
            let mut counted = HashSet::new();
            let first = by_path.get(&tensor.file).copied();
            for index in tensor.places.iter().map(|place| place.file).chain(first) {
                if counted.insert(index) {
                    files[index].tensors += 1;
                }
            }
        }
        if self.view.left_out > 0 {
            let rest = format!("{} more problems", self.view.left_out);
            self.view.problems.push(rest);
        }
        self.view
    }
}
