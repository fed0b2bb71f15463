//! Tar archives of old versions of torch: hostile case 63.

use super::build::*;
use super::damage::{is_split, split_cuts};
use super::fixtures::bytes;

/// A member; `change` may alter its header before the checksum is taken.
fn member(name: &str, content: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar  \0");
    change(&mut header);
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let pad = content.len().next_multiple_of(512) - content.len();
    [&header[..], content, &vec![0; pad]].concat()
}

fn plain(name: &str, content: &[u8]) -> Vec<u8> {
    member(name, content, |_| {})
}

fn triple(a: Vec<u8>, b: Vec<u8>, c: Vec<u8>) -> Vec<u8> {
    pickle(&[&b"("[..], &a, &b, &c, b"t"].concat())
}

/// Storage 1, of four floats, and its part 2, of two.
fn storages() -> Vec<u8> {
    storages_with(4, &view(2, 1, 1, 2))
}

fn view(target: i32, root: i32, offset: i32, numel: i32) -> Vec<u8> {
    ints(&[target, root, offset, numel])
}

fn storages_with(numel: i64, views: &[u8]) -> Vec<u8> {
    [
        pickle(&int(1)),
        triple(int(1), string("cpu"), global("torch", "FloatStorage")),
        numel.to_le_bytes().to_vec(),
        vec![1; 16],
        pickle(&[b"](", views, b"e"].concat()),
    ]
    .concat()
}

fn tensor_on(key: i32, storage: i32, axes: i32, numbers: &[i64]) -> Vec<u8> {
    let class = global("torch", "FloatTensor");
    let mut out = triple(int(key), int(storage), class);
    out.extend(axes.to_le_bytes());
    out.extend([0; 4]);
    out.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
    out
}

fn tensors(all: &[Vec<u8>]) -> Vec<u8> {
    [
        pickle(&int(i32::try_from(all.len()).unwrap())),
        all.concat(),
    ]
    .concat()
}

fn object() -> Vec<u8> {
    let id = |key: &str| [&string(key)[..], b"Q"].concat();
    dict(&[("w", id("3")), ("part", id("4")), ("storage", id("1"))])
}

fn file(storages: &[u8], tensors: &[u8], pickle: &[u8]) -> Vec<u8> {
    [
        plain("sys_info", &super::build::pickle(b"}")),
        plain("pickle", pickle),
        plain("tensors", tensors),
        plain("storages", storages),
        vec![0; 1024],
    ]
    .concat()
}

fn two() -> Vec<u8> {
    tensors(&[
        tensor_on(3, 1, 2, &[2, 2, 2, 1, 0]),
        tensor_on(4, 2, 1, &[2, 1, 0]),
    ])
}

#[test]
fn contents() {
    let good = file(&storages(), &two(), &object());
    let layout = check("good", &good, &Split(2)).unwrap();
    assert_eq!(layout.format, "torch-tar");
    assert_eq!(names(&layout), ["part", "w"]);
    assert_eq!(layout.tensors[0].view.offset, 1);
    assert_eq!(layout.storages[0].len, 16);

    let one = |tensor: Vec<u8>| {
        let id = [&int(3)[..], b"Q"].concat();
        file(&storages(), &tensors(&[tensor]), &dict(&[("w", id)]))
    };
    let ids = |id: &[u8]| file(&storages(), &two(), &pickle(id));
    let class = [b"(", &global("m", "Net")[..], b"NNtQ)\x81"].concat();
    for (case, bytes, expected) in [
        (
            "key that is a number",
            one(tensor_on(3, 1, 1, &[4, 1, 0])),
            Split(1),
        ),
        ("no elements", one(tensor_on(3, 1, 1, &[0, 1, 9])), Split(1)),
        ("without axes", one(tensor_on(3, 1, 0, &[0])), Split(0)),
        (
            "expanded",
            one(tensor_on(3, 1, 1, &[1 << 40, 0, 0])),
            Split(0),
        ),
        ("class with its source", ids(&class), Split(0)),
        (
            "unknown key",
            ids(b"K\x63Q"),
            Opaque("stands for no object"),
        ),
        (
            "key of letters",
            ids(b"U\x01aQ"),
            Opaque("stands for no object"),
        ),
        (
            "2^31 axes",
            one(tensor_on(3, 1, i32::MIN, &[])),
            Opaque("too many axes"),
        ),
        (
            "numbers missing",
            one(tensor_on(3, 1, 9, &[4])),
            Opaque("ends early"),
        ),
        (
            "negative stride",
            one(tensor_on(3, 1, 1, &[4, -1, 0])),
            Opaque("bad size, stride or offset"),
        ),
        (
            "outside its storage",
            one(tensor_on(3, 1, 1, &[4, 1, 1])),
            Opaque("outside its storage"),
        ),
        (
            "outside the part",
            one(tensor_on(3, 2, 1, &[3, 1, 0])),
            Opaque("outside its storage"),
        ),
        (
            "on no storage",
            one(tensor_on(3, 9, 1, &[4, 1, 0])),
            Opaque("without key or storage"),
        ),
        (
            "key of a storage",
            one(tensor_on(1, 1, 1, &[4, 1, 0])),
            Opaque("key 1 twice"),
        ),
        (
            "part outside",
            file(&storages_with(4, &view(2, 1, 3, 2)), &two(), &object()),
            Opaque("view of no storage, or outside it"),
        ),
        (
            "part of nothing",
            file(&storages_with(4, &view(2, 9, 0, 1)), &two(), &object()),
            Opaque("view of no storage, or outside it"),
        ),
        (
            "too many elements",
            file(&storages_with(400, b""), &two(), &object()),
            Opaque("reaches outside its member"),
        ),
        (
            "negative count of elements",
            file(&storages_with(-1, b""), &two(), &object()),
            Opaque("reaches outside its member"),
        ),
        (
            "more tensors than there are",
            file(
                &storages(),
                &[pickle(&int(9)), two()[pickle(&int(2)).len()..].to_vec()].concat(),
                &object(),
            ),
            Opaque("ends early"),
        ),
        (
            "fewer tensors than there are",
            file(
                &storages(),
                &[pickle(&int(1)), two()[pickle(&int(2)).len()..].to_vec()].concat(),
                &object(),
            ),
            Opaque("goes on"),
        ),
        (
            "bytes behind the storages",
            file(&[&storages()[..], b"x"].concat(), &two(), &object()),
            Opaque("goes on"),
        ),
        (
            "negative number of storages",
            file(&pickle(&int(-1)), &two(), &object()),
            Opaque("number of storages"),
        ),
    ] {
        check(case, &bytes, &expected);
    }
}

#[test]
fn archives() {
    let rest = || [plain("pickle", &object()), plain("tensors", &two())].concat();
    let with = |member: Vec<u8>| [member, rest()].concat();
    let changed = |at: usize, to: &'static [u8]| {
        with(member("storages", &storages(), |header| {
            header[at..at + to.len()].copy_from_slice(to);
        }))
    };
    check("no end", &with(plain("storages", &storages())), &Split(2));
    for (case, bytes, expected) in [
        ("hard link", changed(156, b"1"), "no plain file"),
        ("symbolic link", changed(156, b"2"), "no plain file"),
        ("PAX header", changed(156, b"x"), "no plain file"),
        ("long name of GNU", changed(156, b"L"), "no plain file"),
        ("sparse file", changed(156, b"S"), "no plain file"),
        ("size in base 256", changed(124, b"\x80\0\0"), "not octal"),
        ("negative size", changed(124, b"-1\0"), "not octal"),
        ("huge size", changed(124, b"777777777777"), "truncated"),
        ("prefix", changed(345, b"folder"), "in a folder"),
        ("climbs", changed(0, b"../storages\0"), "in a folder"),
        ("no name", changed(0, b"\0"), "without a name"),
        ("not UTF-8", changed(0, b"\xff"), "without a name"),
        (
            "twice",
            with([plain("storages", b""), plain("storages", &storages())].concat()),
            "member \"storages\" twice",
        ),
        ("missing", rest(), "member storages is missing"),
        (
            "another tar",
            [plain("model_weights.ckpt", b"x"), vec![0; 1024]].concat(),
            "has a member \"model_weights.ckpt\"",
        ),
        (
            "many members",
            (0..9).flat_map(|i| plain(&i.to_string(), b"")).collect(),
            "more than 4 members",
        ),
        (
            "wrong checksum",
            put(&with(plain("storages", &storages())), 148, b"7"),
            "checksum",
        ),
        (
            "cut",
            [plain("storages", b""), vec![1; 100]].concat(),
            "truncated",
        ),
        (
            "no header",
            [plain("storages", b""), vec![1; 512]].concat(),
            "no header",
        ),
    ] {
        check(case, &bytes, &Opaque(expected));
    }
}

#[test]
fn cut_and_flipped() {
    let good = bytes("torch/tar.pt");
    // Its tail are blocks of zeros, which readers do not need.
    let members = good.iter().rposition(|&b| b != 0).unwrap();
    assert_eq!(split_cuts(&good[..members]), [0; 0]);
    let mut split = 0;
    for at in 0..members * 8 {
        let mut bytes = good.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        split += usize::from(is_split(&bytes));
    }
    assert!(split > 1000, "{split}");
}
