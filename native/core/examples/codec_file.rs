//! Ratio and speed of the chunk codec on one thread, for the bytes of a file (`bench/codec`).
//!
//! `cargo run --release -p git-theta-core --example codec_file FILE ELEMENT_BYTES [ROUNDS]`. The file
//! holds floating-point numbers and nothing else. Prints one line of JSON: raw and encoded bytes, and
//! the shortest time of encoding and of decoding all chunks of 16 MiB, in seconds.

use std::time::Instant;

use git_theta_core::codec::{ChunkClass, Decoder, Encoder};
use git_theta_core::tensor::Class;

const CHUNK: usize = 16 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let raw = std::fs::read(args.next().ok_or("which file?")?)?;
    let typesize = args.next().ok_or("how many bytes has an element?")?;
    let class = ChunkClass {
        typesize: typesize.parse()?,
        class: Class::Float,
        text: false,
    };
    let rounds: usize = args.next().map_or(Ok(5), |n| n.parse())?;

    let mut encoder = Encoder::new()?;
    let mut decoder = Decoder::new()?;
    let mut chunks = vec![Vec::new(); raw.len().div_ceil(CHUNK)];
    let mut out = vec![0; CHUNK];
    let mut best = [f64::MAX; 2];
    for _ in 0..rounds {
        let start = Instant::now();
        for (raw, chunk) in raw.chunks(CHUNK).zip(&mut chunks) {
            encoder.encode_into(raw, class, chunk)?;
        }
        best[0] = best[0].min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for (raw, chunk) in raw.chunks(CHUNK).zip(&chunks) {
            decoder.decode(chunk, &mut out[..raw.len()])?;
        }
        best[1] = best[1].min(start.elapsed().as_secs_f64());
    }
    for (raw, chunk) in raw.chunks(CHUNK).zip(&chunks) {
        decoder.decode(chunk, &mut out[..raw.len()])?;
        assert!(out[..raw.len()] == *raw, "decodes to other bytes");
    }
    let encoded: usize = chunks.iter().map(Vec::len).sum();
    println!(
        r#"{{"raw": {}, "encoded": {encoded}, "encode": {}, "decode": {}}}"#,
        raw.len(),
        best[0],
        best[1],
    );
    Ok(())
}
