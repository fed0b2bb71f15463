//! SHA-256 of a file as it is without its stamp.
//!
//! In: a file. Out: the hash of its bytes, and one of those that begin at a position. Every byte is read, by a
//! thread that is ahead of the one that hashes; memory is bounded by a few blocks. Refused: nothing but a stamp to
//! leave out where none can be taken out.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Piece, on_file, unstamp};
use crate::bytes::ReadAt;
use crate::cancel::Cancel;
use crate::{Error, Result};

/// Bytes that are read at once.
const BLOCK: u64 = 1 << 20;
/// Blocks that are read ahead.
const AHEAD: usize = 2;

#[derive(Serialize)]
struct Digests {
    whole: String,
    rest: Option<String>,
}

/// The SHA-256 of a file, without its stamp if `unstamped`, and of what begins at `from` in that, as JSON:
/// `{whole, rest}`.
///
/// # Errors
/// As [`unstamp`]; [`Error::SourceChanged`] when the file changes meanwhile; [`Error::Cancelled`].
pub fn digest_path(
    path: &Path,
    unstamped: bool,
    from: Option<u64>,
    cancel: &Cancel,
) -> Result<String> {
    let digests = on_file(path, |source| {
        let pieces = if unstamped {
            unstamp(source)?
        } else {
            vec![Piece::Copy {
                offset: 0,
                len: source.len(),
            }]
        };
        digests(source, &pieces, from, cancel)
    })?;
    serde_json::to_string(&digests).map_err(|e| Error::Internal(e.to_string()))
}

fn digests(
    source: &dyn ReadAt,
    pieces: &[Piece],
    from: Option<u64>,
    cancel: &Cancel,
) -> Result<Digests> {
    thread::scope(|scope| {
        let rest = from.map(|from| {
            let pieces = behind(pieces, from);
            scope.spawn(move || sha256(source, &pieces, cancel))
        });
        let whole = sha256(source, pieces, cancel);
        let rest = rest.map(|thread| thread.join().unwrap_or_else(|_| Err(panicked())));
        Ok(Digests {
            whole: whole?,
            rest: rest.transpose()?,
        })
    })
}

fn panicked() -> Error {
    Error::Internal("a thread panicked".into())
}

/// What follows so many bytes of the pieces.
fn behind(pieces: &[Piece], mut skip: u64) -> Vec<Piece> {
    let mut out = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let len = match piece {
            Piece::Copy { len, .. } => *len,
            Piece::Bytes(bytes) => bytes.len() as u64,
        };
        let cut = skip.min(len);
        skip -= cut;
        out.push(match piece {
            Piece::Copy { offset, .. } => Piece::Copy {
                offset: offset + cut,
                len: len - cut,
            },
            // `cut` is no more than their number.
            Piece::Bytes(bytes) => Piece::Bytes(bytes[cut as usize..].to_vec()),
        });
    }
    out
}

/// The hash of the pieces, in hexadecimal.
fn sha256(source: &dyn ReadAt, pieces: &[Piece], cancel: &Cancel) -> Result<String> {
    let (full, blocks) = sync_channel::<Result<Vec<u8>>>(AHEAD);
    let (back, empty) = sync_channel::<Vec<u8>>(AHEAD);
    thread::scope(|scope| {
        scope.spawn(move || read(source, pieces, &full, &empty));
        let mut hasher = Sha256::new();
        for block in blocks {
            cancel.check()?;
            let block = block?;
            hasher.update(&block);
            // The reader may have ended.
            let _ = back.try_send(block);
        }
        let digest: [u8; 32] = hasher.finalize().into();
        Ok(hex(&digest))
    })
}

/// Sends the pieces block by block, until all are sent, one cannot be read, or nobody wants more.
fn read(
    source: &dyn ReadAt,
    pieces: &[Piece],
    full: &SyncSender<Result<Vec<u8>>>,
    empty: &Receiver<Vec<u8>>,
) {
    for piece in pieces {
        let (mut at, end) = match piece {
            Piece::Copy { offset, len } => (*offset, offset + len),
            Piece::Bytes(bytes) => {
                if full.send(Ok(bytes.clone())).is_err() {
                    return;
                }
                continue;
            }
        };
        while at < end {
            let len = BLOCK.min(end - at);
            let mut block = empty.try_recv().unwrap_or_default();
            block.resize(len as usize, 0);
            let done = source
                .read_exact_at(at, &mut block)
                .map_err(Error::io("reading", source.origin()));
            let failed = done.is_err();
            if full.send(done.map(|()| block)).is_err() || failed {
                return;
            }
            at += len;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(bytes: &[u8]) -> String {
        hex(&<[u8; 32]>::from(Sha256::digest(bytes)))
    }

    #[test]
    fn pieces_are_hashed_as_the_file_that_they_make() {
        let source: Vec<u8> = (0..3 * BLOCK + 5).map(|n| ((n * 31) >> 3) as u8).collect();
        let copy = |offset, len| Piece::Copy { offset, len };
        let all = source.len() as u64;
        for (pieces, expected) in [
            (vec![], vec![]),
            (vec![copy(0, all)], source.clone()),
            (
                vec![
                    Piece::Bytes(b"head".to_vec()),
                    copy(7, 2 * BLOCK),
                    Piece::Bytes(Vec::new()),
                    copy(0, 1),
                    copy(all, 0),
                ],
                [b"head", &source[7..][..2 * BLOCK as usize], &source[..1]].concat(),
            ),
        ] {
            for from in [0, 1, 4, 5, BLOCK, all, all + 9] {
                let found = digests(&source, &pieces, Some(from), &Cancel::default()).unwrap();
                assert_eq!(found.whole, digest(&expected));
                let rest = expected.get(from as usize..).unwrap_or(&[]);
                assert_eq!(found.rest, Some(digest(rest)), "from {from}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_and_a_stop_end_it() {
        let source = vec![0; 10];
        let past = Piece::Copy { offset: 5, len: 6 };
        let found = digests(&source, &[past], Some(1), &Cancel::default());
        assert!(matches!(found, Err(Error::Io { .. })));
        let source = vec![0; 40 * BLOCK as usize];
        let whole = Piece::Copy {
            offset: 0,
            len: source.len() as u64,
        };
        let cancel = Cancel::default();
        cancel.cancel();
        let found = digests(&source, &[whole], None, &cancel);
        assert!(matches!(found, Err(Error::Cancelled)));
    }
}
