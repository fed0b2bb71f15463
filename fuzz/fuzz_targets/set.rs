#![no_main]
//! Models of several files: the first byte says which index the rest of the input is. Every content has a
//! view, whose places can be read or not.

use std::path::PathBuf;
use std::sync::LazyLock;

use git_theta_core::bytes::Limits;
use git_theta_core::set::view;
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("git-theta-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("data"), [7; 1000]).unwrap();
    folder
});

const NAMES: [&str; 4] = [".metadata", "m.index.json", "m.onnx", "m.index"];

fuzz_target!(|input: &[u8]| {
    let Some((&kind, index)) = input.split_first() else {
        return;
    };
    let path = FOLDER.join(NAMES[usize::from(kind) % NAMES.len()]);
    std::fs::write(&path, index).unwrap();
    let view = view(&FOLDER, &Limits::default()).unwrap().unwrap();
    std::fs::remove_file(&path).unwrap();
    for tensor in &view.tensors {
        let _ = view.read(tensor, 1 << 16);
    }
});
