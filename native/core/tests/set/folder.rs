//! Folders: which files belong together.

use git_theta_core::bytes::Limits;
use git_theta_core::set::view;

use super::build::plain_checkpoint;
use super::{copy, files, fixtures, look, names, problems, tensor, write};

#[test]
fn one_checkpoint_is_the_model() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "model.bin", plain_checkpoint());
    write(&folder, "config.json", "{}");
    write(&folder, "README.md", "# Model");
    write(&folder, "empty", "");
    let view = look(folder.path());
    problems("one", &view, &[]);
    assert_eq!(
        (view.format.as_str(), names(&view)),
        ("torch-zip", vec!["w"])
    );
    assert_eq!(files(&view), [("model.bin", "torch-zip", 1)]);
    assert_eq!(view.read(tensor(&view, "w"), 16).unwrap(), [1; 16]);
}

#[test]
fn several_checkpoints_have_their_files_names() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "model.bin", plain_checkpoint());
    write(&folder, "optimizer%.pt", plain_checkpoint());
    let damaged = plain_checkpoint();
    write(&folder, "scheduler.pt", &damaged[..damaged.len() - 1]);
    let view = look(folder.path());
    problems("several", &view, &[]);
    assert_eq!(view.format, "folder");
    assert_eq!(names(&view), ["model.bin/w", "optimizer%25.pt/w"]);
    assert_eq!(files(&view)[2], ("scheduler.pt", "opaque", 0));
    assert_eq!(
        view.read(tensor(&view, "optimizer%25.pt/w"), 16).unwrap(),
        [1; 16]
    );
}

/// What the trainers of Hugging Face write.
#[test]
fn shards_beside_other_checkpoints() {
    let folder = copy("safetensors/sharded");
    write(&folder, "optimizer.pt", plain_checkpoint());
    write(&folder, "trainer_state.json", "{}");
    let view = look(folder.path());
    problems("trainer", &view, &[]);
    assert_eq!(view.format, "safetensors-shards");
    assert_eq!(view.tensors.len(), 12);
    assert_eq!(tensor(&view, "optimizer.pt/w").file, "optimizer.pt");
    assert_eq!(
        tensor(&view, "shared.weight").file,
        "model-00002-of-00002.safetensors"
    );
    assert_eq!(
        view.read(tensor(&view, "optimizer.pt/w"), 16).unwrap(),
        [1; 16]
    );
}

#[test]
fn several_indexes() {
    let view = look(&fixtures().join("onnx"));
    problems("onnx", &view, &[]);
    assert_eq!(view.format, "onnx-external");
    assert_eq!(tensor(&view, "W").file, "external.onnx.data");
    assert_eq!(tensor(&view, "inline.onnx/W").file, "inline.onnx");

    let folder = copy("safetensors/sharded");
    for name in ["external.onnx", "external.onnx.data"] {
        std::fs::copy(fixtures().join("onnx").join(name), folder.path().join(name)).unwrap();
    }
    let view = look(folder.path());
    assert_eq!(view.format, "folder");
    assert_eq!(tensor(&view, "external.onnx/W").shape, [32, 48]);
    tensor(&view, "model.safetensors.index.json/shared.weight");
}

#[test]
fn problems_of_folders() {
    let folder = tempfile::tempdir().unwrap();
    problems("empty", &look(folder.path()), &["no checkpoint is in it"]);
    write(
        &folder,
        "model.safetensors",
        "version https://git-lfs.github.com/spec/v1\n",
    );
    problems(
        "pointer",
        &look(folder.path()),
        &["model.safetensors: the file is a Git LFS pointer"],
    );
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).unwrap();
        let view = look(folder.path());
        problems(
            "link",
            &view,
            &["link: a link leads out", "a Git LFS pointer"],
        );
    }
    let limits = Limits::default();
    assert!(view(&folder.path().join("none"), &limits).is_err());
    write(&folder, "plain.bin", plain_checkpoint());
    let found = view(&folder.path().join("plain.bin"), &limits);
    assert!(found.unwrap().is_none());
}
