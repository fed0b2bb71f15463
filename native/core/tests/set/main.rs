//! Models of several files: those of the real frameworks, and hostile ones.

#[allow(dead_code, reason = "what other tests build too")]
#[path = "../parse/build.rs"]
mod build;
mod dcp;
mod expected;
#[path = "../parse/facts.rs"]
mod facts;
mod folder;
mod onnx;
mod shards;
#[path = "../support/mod.rs"]
mod support;
mod tensorflow;
mod weights;

use std::path::{Path, PathBuf};

use git_theta_core::bytes::Limits;
use git_theta_core::set::{SetView, Tensor, view};

use facts::folder as fixtures;

fn look(path: &Path) -> SetView {
    let view = view(path, &Limits::default());
    let view = view.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    view.unwrap_or_else(|| panic!("{}: leads to no others", path.display()))
}

fn names(view: &SetView) -> Vec<&str> {
    view.tensors.iter().map(|t| t.name.as_str()).collect()
}

fn files(view: &SetView) -> Vec<(&str, &str, usize)> {
    let all = view.files.iter();
    all.map(|f| (f.path.as_str(), f.format.as_str(), f.tensors))
        .collect()
}

fn tensor<'v>(view: &'v SetView, name: &str) -> &'v Tensor {
    let found = view.tensors.iter().find(|tensor| tensor.name == name);
    found.unwrap_or_else(|| panic!("{name} is not among {:?}", names(view)))
}

/// Each of these must be part of one problem, in order, and there are no others.
fn problems(case: &str, view: &SetView, parts: &[&str]) {
    let found = &view.problems;
    assert_eq!(found.len(), parts.len(), "{case}: {found:#?}");
    for (problem, part) in found.iter().zip(parts) {
        assert!(problem.contains(part), "{case}: {problem}, not {part}");
    }
}

/// A copy of a folder of fixtures.
fn copy(name: &str) -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        std::fs::create_dir_all(scratch.path().join(&inside)).unwrap();
        for entry in std::fs::read_dir(fixtures().join(name).join(&inside)).unwrap() {
            let entry = entry.unwrap();
            let path = inside.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else {
                std::fs::copy(entry.path(), scratch.path().join(path)).unwrap();
            }
        }
    }
    scratch
}

fn write(folder: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}
