//! Which files of a folder are weights, as patterns for `.gitattributes`.
//!
//! In: a folder, with the folders in it. Out: patterns relative to it, `*.safetensors` or
//! `unet/*.safetensors`, sorted, each of which fits weights alone: where it would fit another file of its
//! folder too, the weights are named one by one. Weights are files of a checkpoint format and the data
//! files of a set. What says where tensors are, like `*.index.json` and `.metadata`, and configurations
//! and tokenizers are left to plain git. Links are not followed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use super::folder;
use super::open::Folder;
use super::view::{Role, Set};
use crate::bytes::{Limits, ReadAt, read_vec};
use crate::format::parse;
use crate::layout::Parsed;
use crate::{Error, Result};

/// Folders inside each other, and files, that are looked at.
const MAX_DEPTH: usize = 16;
const MAX_FILES: usize = 100_000;

/// Patterns for the weights in a folder. Spaces are not quoted; a pattern without `/` is meant for the
/// folder itself.
///
/// # Errors
/// [`Error::Io`] when a folder or file cannot be read; [`Error::Invalid`] for too many files.
pub fn track_patterns(path: &Path, limits: &Limits) -> Result<Vec<String>> {
    let root = Folder::new(path)?;
    let mut folders = vec![(String::new(), 0)];
    let mut patterns = BTreeSet::new();
    // Paths below the root of what an index above has named.
    let mut named = HashSet::new();
    let mut files = 0;
    while let Some((inside, depth)) = folders.pop() {
        let here = root.root().join(&inside);
        let listing = Listing::read(&here)?;
        files += listing.files.len();
        if files > MAX_FILES {
            let rule = format!("more than {MAX_FILES} files");
            return Err(Error::invalid(path.display().to_string(), rule));
        }
        let folder = Folder::new(&here)?;
        let kinds = kinds(&folder, &listing.files, limits)?;
        named.extend(kinds.weights.iter().map(|name| format!("{inside}{name}")));
        let mut weights = HashSet::new();
        for name in listing
            .files
            .iter()
            .filter(|name| !kinds.others.contains(*name))
        {
            if named.contains(&format!("{inside}{name}")) || is_weights(&folder, name, limits)? {
                weights.insert(name.as_str());
            }
        }
        for pattern in of_folder(&listing.files, &weights) {
            patterns.insert(format!("{}{pattern}", escaped(&inside)));
        }
        if depth < MAX_DEPTH {
            let below = listing.folders.into_iter();
            folders.extend(below.map(|name| (format!("{inside}{name}/"), depth + 1)));
        }
    }
    Ok(patterns.into_iter().collect())
}

struct Listing {
    files: Vec<String>,
    folders: Vec<String>,
}

impl Listing {
    /// Names in Unicode, sorted; without links and git's own folders.
    fn read(path: &Path) -> Result<Self> {
        let io = || Error::io("reading", path);
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(path).map_err(io())? {
            let entry = entry.map_err(io())?;
            let kind = entry.file_type().map_err(io())?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if kind.is_dir() && !name.starts_with(".git") {
                folders.push(name);
            } else if kind.is_file() {
                files.push(name);
            }
        }
        files.sort_unstable();
        folders.sort_unstable();
        Ok(Self { files, folders })
    }
}

/// Files that indexes in one folder lead to: data files, and those that are none.
#[derive(Default)]
struct Kinds {
    weights: HashSet<String>,
    others: HashSet<String>,
}

fn kinds(folder: &Folder, files: &[String], limits: &Limits) -> Result<Kinds> {
    let mut kinds = Kinds::default();
    for name in files.iter().filter(|name| folder::may_be_index(name)) {
        let mut set = Set::new(folder, limits);
        if !folder::index(&mut set, name)? {
            continue;
        }
        for file in set.finish().files {
            // A model of ONNX is more than an index: it may hold tensors itself.
            let data = file.role == Role::Data || file.format == "onnx";
            let list = if data {
                &mut kinds.weights
            } else {
                &mut kinds.others
            };
            list.insert(file.path);
        }
    }
    Ok(kinds)
}

/// Endings of files with weights: for files that no parser understands, or not all of.
const ENDINGS: &[&str] = &[
    "bin",
    "ckpt",
    "distcp",
    "gguf",
    "h5",
    "hdf5",
    "keras",
    "msgpack",
    "npy",
    "npz",
    "onnx",
    "pt",
    "pt2",
    "pth",
    "safetensors",
];

/// Is it a checkpoint by its content? Where that is not understood, is it binary and called like one?
fn is_weights(folder: &Folder, name: &str, limits: &Limits) -> Result<bool> {
    let Ok(source) = folder.open(name) else {
        return Ok(false);
    };
    if matches!(parse(&source, limits)?, Parsed::Layout(_)) {
        return Ok(true);
    }
    let called = ending(name).is_some_and(|ending| {
        let ending = ending.to_ascii_lowercase();
        ENDINGS.contains(&ending.as_str())
    });
    let head = read_vec(&source, 0, source.len().min(512));
    let head = head.map_err(Error::io("reading", source.origin()))?;
    Ok(called && !is_text(&head))
}

fn is_text(head: &[u8]) -> bool {
    let unicode = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The head may end inside a character.
        Err(error) => error.error_len().is_none(),
    };
    unicode
        && !head
            .iter()
            .any(|b| b.is_ascii_control() && !b.is_ascii_whitespace())
}

/// What stands behind the last dot, unless it is a number or names nothing.
fn ending(name: &str) -> Option<&str> {
    let (stem, ending) = name.rsplit_once('.')?;
    let plain = ending
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let word = ending.bytes().any(|b| b.is_ascii_alphabetic());
    (!stem.is_empty() && plain && word).then_some(ending)
}

/// The part before the numbers of `prefix.data-00000-of-00001`.
fn numbered(name: &str) -> Option<&str> {
    let (prefix, numbers) = name.rsplit_once(".data-")?;
    let (number, of) = numbers.split_once("-of-")?;
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit());
    (digits(number) && digits(of)).then_some(prefix)
}

/// What a pattern fits: beginning and end of a name.
fn pattern(name: &str) -> (String, String) {
    if let Some(prefix) = numbered(name) {
        return (format!("{prefix}.data-"), String::new());
    }
    match ending(name) {
        Some(ending) => (String::new(), format!(".{ending}")),
        None => (name.to_owned(), String::new()),
    }
}

/// Patterns that fit these files of a folder and no others of it.
fn of_folder(files: &[String], weights: &HashSet<&str>) -> Vec<String> {
    let mut groups: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for name in files.iter().filter(|name| weights.contains(name.as_str())) {
        groups.entry(pattern(name)).or_default().push(name);
    }
    let mut patterns = Vec::new();
    for ((start, end), names) in groups {
        let fits = |name: &&String| name.starts_with(&start) && name.ends_with(&end);
        let alone = files.iter().filter(fits).count() == names.len();
        if alone && ending_or_number(&start, &end) {
            patterns.push(format!("{}*{}", escaped(&start), escaped(&end)));
        } else {
            patterns.extend(names.into_iter().map(escaped));
        }
    }
    patterns
}

/// Is it a pattern, not a whole name?
fn ending_or_number(start: &str, end: &str) -> bool {
    start.is_empty() || (end.is_empty() && start.ends_with(".data-"))
}

/// A name as git's patterns take it literally.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        if matches!(c, '*' | '?' | '[' | '\\') || (at == 0 && matches!(c, '!' | '#')) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(files: &[&str], weights: &[&str]) -> Vec<String> {
        let files: Vec<String> = files.iter().map(|&name| name.to_owned()).collect();
        of_folder(&files, &weights.iter().copied().collect())
    }

    #[test]
    fn groups_by_ending() {
        let files = [
            "a.safetensors",
            "b.safetensors",
            "c.json",
            "d.bin",
            "tokenizer.bin",
        ];
        assert_eq!(
            patterns(&files, &["a.safetensors", "b.safetensors", "d.bin"]),
            ["d.bin", "*.safetensors"]
        );
        assert_eq!(patterns(&["x"], &["x"]), ["x"]);
        assert_eq!(patterns(&["x", "xy"], &["x"]), ["x"]);
        assert_eq!(
            patterns(&["step.100", ".pt"], &["step.100", ".pt"]),
            [".pt", "step.100"]
        );
        assert_eq!(
            patterns(&["#[1]*.p t"], &["#[1]*.p t"]),
            ["\\#\\[1]\\*.p t"]
        );
        let data = ["v.data-00000-of-00002", "v.data-00001-of-00002"];
        assert_eq!(patterns(&data, &data), ["v.data-*"]);
        let both = ["v.data-00000-of-00001", "v.data-readme"];
        assert_eq!(patterns(&both, &both[..1]), ["v.data-00000-of-00001"]);
        assert_eq!(patterns(&["c.json"], &[]), [""; 0]);
    }

    #[test]
    fn text() {
        assert!(is_text("é".as_bytes()) && is_text(b"a\tb\r\n") && is_text(b"\xC3"));
        assert!(!is_text(b"\xFF\xFE") && !is_text(b"a\0"));
    }
}
