//! What parsing a checkpoint takes: `cargo run --release -p git-theta-core --example parse_file FILE [ROUNDS]`.
//!
//! Prints one line of JSON: seconds of the fastest round from opening the file to its layout, bytes read,
//! bytes of memory at the peak beyond what the process had before, tensors, bytes that stay in the skeleton, and for safetensors
//! files of under 64 MiB the seconds that the `safetensors` crate takes to its own metadata.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use git_theta_core::bytes::{FileSource, Limits, ReadAt};
use git_theta_core::format::parse;
use git_theta_core::layout::Parsed;

struct Counting<'a> {
    inner: &'a FileSource,
    read: AtomicU64,
}

impl ReadAt for Counting<'_> {
    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<()> {
        self.read.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.inner.read_exact_at(offset, buf)
    }
}

/// A field of `/proc/self/status`, in bytes; 0 where there is none.
fn status(field: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let path = args.next().ok_or("which file?")?;
    let rounds: u32 = args.next().map_or(Ok(1), |n| n.parse())?;
    let before = status("VmRSS:");
    let (mut fastest, mut crate_fastest) = (f64::INFINITY, f64::INFINITY);
    let (mut read, mut tensors, mut literal) = (0, 0, 0);
    for _ in 0..rounds {
        let start = Instant::now();
        let file = FileSource::open(Path::new(&path))?;
        let source = Counting {
            inner: &file,
            read: AtomicU64::new(0),
        };
        let parsed = parse(&source, &Limits::default())?;
        fastest = fastest.min(start.elapsed().as_secs_f64());
        let Parsed::Layout(layout) = parsed else {
            return Err(format!("{parsed:?}").into());
        };
        read = source.read.into_inner();
        tensors = layout.tensors.len();
        let stored: u64 = layout.storages.iter().map(|storage| storage.len).sum();
        literal = layout.size - stored;
    }
    let peak = status("VmHWM:").saturating_sub(before);
    // The crate wants to see the whole file in memory, so only files that are mostly header are fair.
    if path.ends_with(".safetensors") && std::fs::metadata(&path)?.len() < 64 << 20 {
        for _ in 0..rounds {
            let start = Instant::now();
            let bytes = std::fs::read(&path)?;
            let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes)?;
            crate_fastest = crate_fastest.min(start.elapsed().as_secs_f64());
            assert_eq!(metadata.tensors().len(), tensors);
        }
    }
    println!(
        "{}",
        serde_json::json!({
            "seconds": fastest, "read": read, "peak": peak, "tensors": tensors, "literal": literal,
            "crate": crate_fastest.is_finite().then_some(crate_fastest),
        })
    );
    Ok(())
}
