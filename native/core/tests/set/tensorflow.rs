//! TensorFlow checkpoints: hostile case 77. The table itself is tested where it is read.

use super::support::leveldb::{block, finish, place};
use super::support::protobuf::{bytes, int};
use super::{copy, fixtures, look, names, problems, tensor, write};

/// An index of two data files with these entries.
fn index(entries: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
    let header: (&[u8], Vec<u8>) = (b"", int(1, 2));
    let data = block(&[&[header], entries].concat());
    let at = place(0, &data);
    finish(data, &[(b"z", at)])
}

fn folder(entries: &[(&[u8], Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "m.index", index(entries));
    let data: Vec<u8> = (0..20).collect();
    write(&folder, "m.data-00000-of-00002", &data);
    write(&folder, "m.data-00001-of-00002", &data[..4]);
    folder
}

fn shape(shape: &[u64]) -> Vec<u8> {
    let dims = shape.iter().map(|&dim| bytes(2, &int(1, dim)));
    bytes(2, &dims.collect::<Vec<_>>().concat())
}

/// Bytes of a shape at a place.
fn entry(dims: &[u64], shard: u64, offset: u64, size: u64) -> Vec<u8> {
    let place = [int(3, shard), int(4, offset), int(5, size)].concat();
    [int(1, 4), shape(dims), place].concat()
}

fn slice(start: u64, len: u64) -> Vec<u8> {
    bytes(7, &bytes(1, &[int(1, start), int(2, len)].concat()))
}

#[test]
fn entries() {
    for (case, entry, rules) in [
        ("good", entry(&[4], 1, 0, 4), &[][..]),
        (
            "past the end",
            entry(&[4], 1, 1, 4),
            &["w: 4 bytes from 1 are not all in m.data-00001-of-00002, which has 4"],
        ),
        ("far", entry(&[4], 0, (1 << 53) - 1, 4), &["are not all in"]),
        (
            "no such file",
            entry(&[4], 2, 0, 4),
            &["w: data file 2 of 2"],
        ),
        (
            "no such file by far",
            entry(&[4], 1 << 40, 0, 4),
            &["data file 1099511627776 of 2"],
        ),
        (
            "another size",
            entry(&[5], 0, 0, 4),
            &["do not take its 4 bytes"],
        ),
        (
            "overflow",
            entry(&[1 << 40, 1 << 40], 0, 0, 4),
            &["do not take its 4 bytes"],
        ),
    ] {
        let folder = folder(&[(b"w", entry)]);
        let view = look(&folder.path().join("m.index"));
        problems(case, &view, rules);
        let values = view.read(tensor(&view, "w"), 100);
        assert_eq!(values.is_ok(), rules.is_empty(), "{case}");
    }
    let text = [int(1, 7), shape(&[2]), int(5, 9)].concat();
    let graph = [int(1, 7), shape(&[]), int(4, 9), int(5, 3)].concat();
    let folder = folder(&[(b"_CHECKPOINTABLE_OBJECT_GRAPH", graph), (b"a/b%", text)]);
    let view = look(folder.path());
    problems("text", &view, &[]);
    assert_eq!((names(&view), view.tensors[0].bytes), (vec!["a/b%25"], 9));
    assert!(view.read(&view.tensors[0], 100).is_err());
}

#[test]
fn overlapping_entries() {
    let folder = folder(&[(b"a", entry(&[8], 0, 0, 8)), (b"b", entry(&[4], 0, 7, 4))]);
    problems(
        "overlap",
        &look(folder.path()),
        &["b: its values overlap those of a"],
    );
}

#[test]
fn slices() {
    // The keys of the slices 0..2 and 2..4 of `w`.
    let (first, second): (&[u8], &[u8]) =
        (b"\0w\0\x01\x01\x01\x80\x82", b"\0w\0\x01\x01\x01\x82\x82");
    let whole = |slices: &[Vec<u8>]| [int(1, 4), shape(&[4]), slices.concat()].concat();
    let both = whole(&[slice(0, 2), slice(2, 2)]);
    let good = [
        (first, entry(&[2], 0, 6, 2)),
        (second, entry(&[2], 1, 0, 2)),
        (&b"w"[..], both.clone()),
    ];
    let view = look(folder(&good).path());
    problems("good", &view, &[]);
    assert_eq!(names(&view), ["w"]);
    let kept = folder(&good);
    let view = look(kept.path());
    assert_eq!(view.read(&view.tensors[0], 4).unwrap(), [6, 7, 0, 1]);

    let with = |at: usize, entry: (&'static [u8], Vec<u8>)| {
        let mut entries = good.to_vec();
        entries[at] = entry;
        entries
    };
    for (case, entries, rules) in [
        (
            "missing",
            vec![good[0].clone(), good[2].clone()],
            &[
                "w: one of its slices is missing",
                "1 slices, of which tensors name 2",
            ][..],
        ),
        (
            "not named",
            with(2, (b"w", whole(&[slice(0, 2)]))),
            &[
                "w: its parts leave holes",
                "2 slices, of which tensors name 1",
            ],
        ),
        (
            "twice",
            with(2, (b"w", whole(&[slice(0, 2), slice(0, 2)]))),
            &["w: its parts overlap"],
        ),
        (
            "of another type",
            with(0, (first, [int(1, 6), shape(&[2])].concat())),
            &["another type or shape"],
        ),
        (
            "of another shape",
            with(0, (first, entry(&[1, 2], 0, 6, 2))),
            &["another type or shape"],
        ),
        (
            "outside its file",
            with(0, (first, entry(&[2], 1, 3, 2))),
            &["are not all in"],
        ),
        (
            "of the wrong rank",
            with(
                2,
                (
                    b"w",
                    [int(1, 4), shape(&[4, 1]), slice(0, 2), slice(2, 2)].concat(),
                ),
            ),
            &["another number of axes"],
        ),
    ] {
        let folder = folder(&entries);
        let view = look(folder.path());
        problems(case, &view, rules);
        assert!(view.read(tensor(&view, "w"), 100).is_err(), "{case}");
    }
}

#[test]
fn damaged_files() {
    let folder = copy("tensorflow/bundle");
    let data = folder.path().join("model.data-00000-of-00002");
    std::fs::write(&data, vec![0; 109]).unwrap();
    problems(
        "cut",
        &look(folder.path()),
        &["embedding: 48 bytes from 62"],
    );
    std::fs::remove_file(&data).unwrap();
    problems(
        "removed",
        &look(folder.path()),
        &["model.data-00000-of-00002: the file is missing"],
    );
    let good = std::fs::read(fixtures().join("tensorflow/bundle/model.index")).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x55;
        write(&folder, "model.index", &bytes);
        let _ = look(folder.path());
    }
}
