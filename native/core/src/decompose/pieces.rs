//! Files that are stored whole: content-defined pieces, so that versions share what they have in common.

use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use fastcdc::v2020::{Normalization, StreamCDC};

use super::{Work, threads};
use crate::bytes::ReadAt;
use crate::record::{Header, Manifest, ObjectRef};
use crate::turn::panic_text;
use crate::{Error, Result};

/// Smallest, average and largest piece in bytes. Fixed by the format specification.
const SIZES: (usize, usize, usize) = (1 << 20, 4 << 20, 16 << 20);

/// Reads a source from front to back.
struct FromStart<'a> {
    source: &'a dyn ReadAt,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.source.len() - self.at;
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        self.source.read_exact_at(self.at, &mut buf[..part])?;
        self.at += part as u64;
        Ok(part)
    }
}

/// Stores a whole source in pieces.
pub(super) fn pieces(work: &Work<'_>, reason: String) -> Result<Manifest> {
    work.progress.expect(work.source.len(), 0);
    let pieces = if work.source.is_empty() {
        Vec::new()
    } else {
        cut(work)?
    };
    Ok(Manifest {
        header: Header {
            version: 1,
            format: "opaque".into(),
            reason: Some(reason),
        },
        pieces: Some(pieces),
        skeleton: None,
        stamped: None,
        groups: Vec::new(),
        storages: Vec::new(),
        tensors: Vec::new(),
    })
}

/// Cuts on this thread, hashes and writes on others; the channel's bound keeps memory small.
fn cut(work: &Work<'_>) -> Result<Vec<ObjectRef>> {
    let reader = FromStart {
        source: work.source,
        at: 0,
    };
    let (min, average, max) = SIZES;
    let chunker = StreamCDC::with_level(reader, min, average, max, Normalization::Level1);
    let (send, receive) = sync_channel::<(usize, Vec<u8>)>(1);
    let receive = Mutex::new(receive);
    let next = || receive.lock().ok().and_then(|queue| queue.recv().ok());
    let store = || -> Result<Vec<(usize, ObjectRef)>> {
        let mut done = Ok(Vec::new());
        // After an error the queue is still emptied: the cutting thread waits for that.
        while let Some((index, bytes)) = next() {
            done = done.and_then(|mut list: Vec<_>| {
                list.push((index, work.writer.write(&bytes)?));
                work.progress.add_bytes(bytes.len() as u64);
                Ok(list)
            });
        }
        done
    };
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (0..threads(work.options.threads))
            .map(|_| scope.spawn(store))
            .collect();
        let mut cutting = Ok(());
        for (index, chunk) in chunker.enumerate() {
            cutting = work.cancel.check().and_then(|()| {
                let chunk = chunk
                    .map_err(|e| Error::io("reading", "the checkpoint")(io::Error::from(e)))?;
                send.send((index, chunk.data))
                    .map_err(|_| Error::Internal("no helpers".into()))
            });
            if cutting.is_err() {
                break;
            }
        }
        drop(send);
        let mut done = Vec::new();
        for helper in helpers {
            done.extend(
                helper
                    .join()
                    .map_err(|e| Error::Internal(panic_text(&*e)))??,
            );
        }
        cutting?;
        done.sort_unstable_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, object)| object).collect())
    })
}
