//! Ratio and speed of the chunk codec on one thread, for synthetic weights.
//!
//! `cargo run --release -p git-theta-core --example codec_speed [MiB]`. Prints, for each kind of
//! data, the encoded size in percent of the raw size, and encode and decode speed in MB/s of raw
//! bytes (best of five runs over chunks of 16 MiB).

use std::time::Instant;

use git_theta_core::codec::{ChunkClass, Decoder, Encoder};
use git_theta_core::tensor::Class;

const CHUNK: usize = 16 << 20;

/// Normally distributed weights; each row of 4096 has its own scale around 0.02, as layers have.
#[derive(Clone)]
struct Weights {
    state: u64,
    scale: f64,
    column: usize,
}

impl Weights {
    fn uniform(&mut self) -> f64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 11) as f64 / (1u64 << 53) as f64 + f64::EPSILON
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

impl Iterator for Weights {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if self.column == 0 {
            self.column = 4096;
            self.scale = 0.02 * (0.3 * self.normal()).exp();
        }
        self.column -= 1;
        Some((self.normal() * self.scale) as f32)
    }
}

fn main() {
    let mib: usize = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(64);
    let weights = Weights {
        state: 1,
        scale: 1.0,
        column: 0,
    };
    let bytes = mib << 20;
    let bf16 = |x: f32| half::bf16::from_f32(x);
    let float = |typesize| (typesize, Class::Float);
    let arange = (0..bytes as u64 / 8).flat_map(u64::to_le_bytes);
    let kinds: [(&str, (u8, Class), Vec<u8>); 6] = [
        (
            "weights bf16",
            float(2),
            weights
                .clone()
                .take(bytes / 2)
                .flat_map(|x| bf16(x).to_le_bytes())
                .collect(),
        ),
        (
            "weights fp16",
            float(2),
            weights
                .clone()
                .take(bytes / 2)
                .flat_map(|x| half::f16::from_f32(x).to_le_bytes())
                .collect(),
        ),
        (
            "weights fp32",
            float(4),
            weights
                .clone()
                .take(bytes / 4)
                .flat_map(f32::to_le_bytes)
                .collect(),
        ),
        (
            "fp32 of bf16 values",
            float(4),
            weights
                .clone()
                .take(bytes / 4)
                .flat_map(|x| bf16(x).to_f32().to_le_bytes())
                .collect(),
        ),
        (
            "repeated rows bf16",
            float(2),
            weights
                .clone()
                .take(4096)
                .cycle()
                .flat_map(|x| bf16(x).to_le_bytes())
                .take(bytes)
                .collect(),
        ),
        ("arange int64", (8, Class::Integer), arange.collect()),
    ];
    let mut encoder = Encoder::new().expect("memory");
    let mut decoder = Decoder::new().expect("memory");
    println!("{:<22}{:>8}{:>14}{:>14}", "", "size", "encode", "decode");
    for (name, (typesize, class), raw) in &kinds {
        let class = ChunkClass {
            typesize: *typesize,
            class: *class,
            text: false,
        };
        let mut chunks = vec![Vec::new(); raw.len().div_ceil(CHUNK)];
        let mut out = vec![0; CHUNK];
        let mut best = [f64::MAX; 2];
        for _ in 0..5 {
            let start = Instant::now();
            for (raw, chunk) in raw.chunks(CHUNK).zip(&mut chunks) {
                encoder.encode_into(raw, class, chunk).expect("encodes");
            }
            best[0] = best[0].min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            for (raw, chunk) in raw.chunks(CHUNK).zip(&chunks) {
                decoder
                    .decode(chunk, &mut out[..raw.len()])
                    .expect("decodes");
            }
            best[1] = best[1].min(start.elapsed().as_secs_f64());
        }
        let size: usize = chunks.iter().map(Vec::len).sum();
        let speed = best.map(|seconds| raw.len() as f64 / 1e6 / seconds);
        println!(
            "{name:<22}{:>6.2} %{:>9.0} MB/s{:>9.0} MB/s",
            100.0 * size as f64 / raw.len() as f64,
            speed[0],
            speed[1],
        );
    }
}
