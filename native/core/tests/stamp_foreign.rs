//! The state of pl-git-callback in a checkpoint of Lightning: which one of several counts, and what is written
//! where there is one.

#[allow(dead_code, reason = "the tests of parsing use the rest")]
#[path = "parse/build.rs"]
mod build;

use build::{dict, dict_value, global, int, other_zip, pickle, string, tensor, with_pickle};
use git_theta_core::stamp::{Piece, Report, Request, read, stamp, unstamp};
use serde_json::{Value, json};

const STRING: &str = "callbacks[GitCommitCallback]";
const OTHER: &str = "callbacks[my.GitCommitCallback]";
const CLASS: &str = "callbacks[<class plgitcallback.GitCommitCallback>]";

fn text_key() -> Vec<u8> {
    string("GitCommitCallback")
}

fn class_key() -> Vec<u8> {
    global("plgitcallback", "GitCommitCallback")
}

fn fields(commit: &str) -> Value {
    json!({
        "empty": false, "dirty": false, "num_untracked_files": 0, "commit_hash": commit,
        "commit_date": 1_600_000_000, "branch_name": "main"
    })
}

/// The six fields, pickled.
fn state(commit: &str) -> Vec<u8> {
    let no = || b"\x89".to_vec();
    dict_value(&[
        (string("empty"), no()),
        (string("dirty"), no()),
        (string("num_untracked_files"), int(0)),
        (string("commit_hash"), string(commit)),
        (string("commit_date"), int(1_600_000_000)),
        (string("branch_name"), string("main")),
    ])
}

/// A checkpoint of Lightning with these items in `callbacks`, which the pickle remembers.
fn checkpoint(callbacks: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    with_pickle(&dict(&[
        ("state_dict", dict_value(&[(string("w"), tensor("0"))])),
        ("pytorch-lightning_version", string("1.7.7")),
        (
            "callbacks",
            [&b"}q\x07("[..], &items(callbacks), b"u"].concat(),
        ),
    ]))
}

fn items(items: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    items
        .iter()
        .flat_map(|(k, v)| [&k[..], v].concat())
        .collect()
}

/// Where the states are, and the commits in them.
fn found(report: &Report) -> Vec<(&str, &str)> {
    let all = report.foreign.iter().map(|foreign| {
        let commit = foreign.fields["commit_hash"].as_str().unwrap();
        (foreign.at.as_str(), commit)
    });
    all.collect()
}

#[test]
fn of_several_states_stamped_later_versions_read_the_first() {
    for (case, callbacks, expected) in [
        (
            "a text",
            vec![(text_key(), state("aa"))],
            vec![(STRING, "aa")],
        ),
        (
            "the class",
            vec![(class_key(), state("aa"))],
            vec![(CLASS, "aa")],
        ),
        (
            "a text twice: the last",
            vec![(text_key(), state("aa")), (text_key(), state("bb"))],
            vec![(STRING, "bb")],
        ),
        (
            "the text is before the class, wherever it stands",
            vec![(class_key(), state("aa")), (text_key(), state("bb"))],
            vec![(STRING, "bb"), (CLASS, "aa")],
        ),
        (
            "all of it",
            vec![
                (text_key(), state("aa")),
                (class_key(), state("bb")),
                (text_key(), state("cc")),
            ],
            vec![(STRING, "cc"), (CLASS, "bb")],
        ),
        (
            "the name itself is before other texts",
            vec![
                (string("my.GitCommitCallback"), state("aa")),
                (class_key(), state("bb")),
                (text_key(), state("cc")),
            ],
            vec![(STRING, "cc"), (OTHER, "aa"), (CLASS, "bb")],
        ),
        (
            "another text that ends in the name",
            vec![
                (string("my.GitCommitCallback"), state("aa")),
                (string("NoGitCommitCallback"), int(1)),
            ],
            vec![(OTHER, "aa")],
        ),
    ] {
        let report = read(&checkpoint(&callbacks)).unwrap();
        assert_eq!(found(&report), expected, "{case}");
        assert_eq!(report.problems, [""; 0], "{case}");
    }
}

/// A dict that has `callbacks` twice.
fn twice(first: Vec<u8>, second: Vec<u8>) -> Vec<u8> {
    with_pickle(&pickle(&dict_value(&[
        (string("w"), tensor("0")),
        (string("callbacks"), first),
        (string("callbacks"), second),
    ])))
}

#[test]
fn callbacks_set_twice_is_no_stamp_problem_when_it_is_the_same_object() {
    let dict = dict_value(&[(text_key(), state("aa"))]);
    let memoized = [&dict[..], b"q\x07"].concat();
    let same = read(&twice(memoized, b"h\x07".to_vec())).unwrap();
    assert_eq!(same.problems, [""; 0]);
    assert_eq!(found(&same), [(STRING, "aa")]);
    assert!(same.callbacks && same.carrier.is_some());
    // Equal ones are two all the same: whoever changes one of them has two that differ.
    let other = dict_value(&[(text_key(), state("bb"))]);
    for second in [dict.clone(), other] {
        let bytes = twice(dict.clone(), second);
        let report = read(&bytes).unwrap();
        assert!(report.problems[0].contains("\"callbacks\" is there twice"));
        assert_eq!(report.carrier, None);
    }
}

fn put_together(source: &[u8], pieces: &[Piece]) -> Vec<u8> {
    let parts = pieces.iter().map(|piece| match piece {
        Piece::Copy { offset, len } => &source[*offset as usize..][..*len as usize],
        Piece::Bytes(bytes) => bytes,
    });
    parts.collect::<Vec<_>>().concat()
}

#[test]
fn a_stamp_comes_before_the_state_that_is_there() {
    for (case, key, expected) in [
        ("text", text_key(), vec![(STRING, "bb")]),
        ("class", class_key(), vec![(STRING, "bb"), (CLASS, "aa")]),
        (
            "another text",
            string("my.GitCommitCallback"),
            vec![(STRING, "bb"), (OTHER, "aa")],
        ),
    ] {
        let bytes = checkpoint(&[(key, state("aa"))]);
        let report = read(&bytes).unwrap();
        assert!(report.lightning && report.callbacks, "{case}");
        let request = Request {
            stamp: json!({ "content": { "file_base": report.base.unwrap() } }).to_string(),
            commit: None,
            key: true,
            callback: Some(fields("bb")),
        };
        let once = put_together(&bytes, &stamp(&bytes, &request).unwrap());
        assert!(once.starts_with(&bytes), "{case}");
        let after = read(&once).unwrap();
        assert_eq!(found(&after), expected, "{case}");
        assert_eq!(after.foreign[0].fields, fields("bb"), "{case}");
        assert_eq!(after.problems, [""; 0], "{case}");
        assert_eq!(after.stamp.as_ref(), Some(&request.stamp), "{case}");
        assert!(after.removable && after.carrier.is_some(), "{case}");
        // Once more, with another commit, from the file of before.
        let again = Request {
            callback: Some(fields("cc")),
            ..request.clone()
        };
        let twice = put_together(&once, &stamp(&once, &again).unwrap());
        assert_eq!(found(&read(&twice).unwrap())[0], (STRING, "cc"), "{case}");
        for stamped in [&once, &twice] {
            let before = put_together(stamped, &unstamp(stamped).unwrap());
            assert_eq!(before, bytes, "{case}");
        }
    }
}

#[test]
fn a_stamp_adds_no_state_to_what_is_no_remembered_dict() {
    let state = |callbacks: Vec<u8>| {
        let bytes = with_pickle(&dict(&[("w", tensor("0")), ("callbacks", callbacks)]));
        let base = read(&bytes).unwrap().base.unwrap();
        let request = Request {
            stamp: json!({ "content": { "file_base": base } }).to_string(),
            commit: None,
            key: false,
            callback: Some(fields("bb")),
        };
        stamp(&bytes, &request).map_err(|error| error.to_string())
    };
    assert!(state(b"}q\x07".to_vec()).is_ok());
    for callbacks in [b"}".to_vec(), b"]q\x07".to_vec(), b"N".to_vec()] {
        let error = state(callbacks).unwrap_err();
        assert!(error.contains("no memoized dict"), "{error}");
    }
}

#[test]
fn a_stamp_is_in_the_record_alone_where_the_pickle_takes_no_key() {
    let lightning = dict(&[
        ("pytorch-lightning_version", string("2.5.0")),
        ("w", tensor("0")),
    ]);
    let newer = [b"\x80\x04", &lightning[2..]].concat();
    let compressed = other_zip(&[
        ("m/data.pkl", &lightning, true),
        ("m/byteorder", b"little", false),
        ("m/data/0", &[1; 16], false),
        ("m/version", b"3\n", false),
    ]);
    for (case, bytes) in [
        ("protocol 4", with_pickle(&newer)),
        ("compressed", compressed),
    ] {
        let report = read(&bytes).unwrap();
        assert!(report.lightning, "{case}");
        let request = Request {
            stamp: json!({ "content": { "file_base": report.base.unwrap() } }).to_string(),
            commit: None,
            key: true,
            callback: None,
        };
        let once = put_together(&bytes, &stamp(&bytes, &request).unwrap());
        assert_eq!(read(&once).unwrap().stamp.as_ref(), Some(&request.stamp));
        let before = put_together(&once, &unstamp(&once).unwrap());
        assert_eq!(before, bytes, "{case}");
        // What was asked for is not left out.
        let asked = Request {
            callback: Some(fields("bb")),
            ..request
        };
        assert!(stamp(&bytes, &asked).is_err(), "{case}");
    }
}
