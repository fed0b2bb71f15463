//! Which files of a folder are weights.

use git_theta_core::bytes::Limits;
use git_theta_core::set::track_patterns;

use super::build::plain_checkpoint;
use super::support::protobuf::{bytes, int};
use super::{copy, fixtures, write};

fn patterns(path: &std::path::Path) -> Vec<String> {
    track_patterns(path, &Limits::default()).unwrap()
}

#[test]
fn fixtures_of_frameworks() {
    let patterns = |name: &str| patterns(&fixtures().join(name));
    assert_eq!(patterns("safetensors/sharded"), ["*.safetensors"]);
    assert_eq!(patterns("torch/dcp"), ["*.distcp"]);
    assert_eq!(patterns("tensorflow/bundle"), ["model.data-*"]);
    assert_eq!(
        patterns("tensorflow/saved_model"),
        ["variables/variables.data-*"]
    );
    assert_eq!(patterns("onnx"), ["*.data", "*.onnx"]);
    assert_eq!(patterns("lightning"), ["*.ckpt"]);
}

#[test]
fn a_folder_of_a_trainer() {
    let folder = copy("safetensors/sharded");
    write(&folder, "config.json", "{}");
    write(&folder, "tokenizer.json", "{}");
    write(
        &folder,
        "tokenizer.model",
        b"\n\x0e\n\x05<unk>\x15\0\0\0\0\x18\x02",
    );
    write(&folder, "merges.txt", "a b");
    write(&folder, "optimizer.pt", plain_checkpoint());
    write(&folder, "training_args.bin", plain_checkpoint());
    write(
        &folder,
        "checkpoint-10/model.safetensors",
        plain_checkpoint(),
    );
    write(&folder, "checkpoint-10/deep/x.pth", plain_checkpoint());
    write(&folder, ".git/objects/x.pt", plain_checkpoint());
    // Known by its content, and by its ending alone.
    write(&folder, "weights", plain_checkpoint());
    write(&folder, "new.gguf", b"GGUF\xFF\xFF\xFF\xFF");
    write(&folder, "notes.bin", "text");
    assert_eq!(
        patterns(folder.path()),
        [
            "*.gguf",
            "*.pt",
            "*.safetensors",
            "checkpoint-10/*.safetensors",
            "checkpoint-10/deep/*.pth",
            "training_args.bin",
            "weights",
        ]
    );
}

#[test]
fn data_in_folders_below() {
    let folder = tempfile::tempdir().unwrap();
    let entry = [bytes(1, b"location"), bytes(2, b"data [1]/w")].concat();
    let fields = [
        int(1, 1),
        int(2, 2),
        bytes(8, b"w"),
        int(14, 1),
        bytes(13, &entry),
    ];
    let graph = bytes(5, &fields.concat());
    write(&folder, "m.onnx", [int(1, 8), bytes(7, &graph)].concat());
    write(&folder, "data [1]/w", [7]);
    write(&folder, "data [1]/other", [7]);
    assert_eq!(patterns(folder.path()), ["*.onnx", "data \\[1]/w"]);
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "a.pt", plain_checkpoint());
    std::os::unix::fs::symlink("a.pt", folder.path().join("b.ckpt")).unwrap();
    std::os::unix::fs::symlink("..", folder.path().join("up")).unwrap();
    assert_eq!(patterns(folder.path()), ["*.pt"]);
}
