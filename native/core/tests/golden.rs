//! Formats that must not change: hashes, grids, metadata and chunks, against vectors that are kept
//! in `golden/`. All but the chunks come from `golden/make.py`, an independent implementation.

use git_theta_core::codec::{ChunkClass, Decoder, Encoder};
use git_theta_core::tensor::{Class, Dtype, Hash, tensor_hash};
use git_theta_core::zarr::{ArrayMetadata, Fill, StoredArray, array_json, group_json};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

fn vectors<T: DeserializeOwned>(json: &str) -> Vec<T> {
    let vectors: Vec<T> = serde_json::from_str(json).expect("golden vectors");
    assert!(!vectors.is_empty());
    vectors
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digits).collect()
}

fn dtype(name: &str) -> Dtype {
    Dtype::parse(name).unwrap_or_else(|| panic!("{name}"))
}

#[test]
fn tensor_hashes() {
    #[derive(Deserialize)]
    struct Vector {
        dtype: String,
        shape: Vec<u64>,
        values: String,
        hash: String,
    }
    let vectors: Vec<Vector> = vectors(include_str!("golden/tensor-hash.json"));
    for &d in Dtype::ALL {
        assert!(vectors.iter().any(|v| v.dtype == d.name()), "{d:?}");
    }
    for v in vectors {
        let (dtype, values) = (dtype(&v.dtype), unhex(&v.values));
        assert_eq!(dtype.byte_len(&v.shape), Some(values.len() as u64));
        let hash = tensor_hash(dtype, &v.shape, &values);
        assert_eq!(hash.to_string(), v.hash, "{} {:?}", v.dtype, v.shape);
    }
}

#[test]
fn grids() {
    #[derive(Deserialize)]
    struct Vector {
        dtype: String,
        shape: Vec<u64>,
        order: Option<Vec<usize>>,
        chunk_shape: Vec<u64>,
        keys: Vec<String>,
    }
    for v in vectors::<Vector>(include_str!("golden/grid.json")) {
        let stored = StoredArray::tensor(dtype(&v.dtype), &v.shape, v.order.as_deref()).unwrap();
        let grid = stored.grid();
        assert_eq!(grid.chunk_shape(), v.chunk_shape, "{:?}", v.shape);
        assert_eq!(grid.keys(), v.keys, "{:?}", v.shape);
        assert_eq!(grid.count(), v.keys.len() as u64);
    }
}

#[test]
fn metadata() {
    #[derive(Deserialize)]
    struct Vector {
        kind: String,
        name: String,
        #[serde(default)]
        dtype: String,
        #[serde(default)]
        shape: Vec<u64>,
        order: Option<Vec<usize>>,
        hash: Option<String>,
        fill: Option<String>,
        format: Option<String>,
        json: String,
    }
    for v in vectors::<Vector>(include_str!("golden/zarr-json.json")) {
        let stored = match v.kind.as_str() {
            "tensor" => StoredArray::tensor(dtype(&v.dtype), &v.shape, v.order.as_deref()),
            "storage" => StoredArray::storage(v.shape[0]),
            "skeleton" => StoredArray::skeleton(v.shape[0]),
            _ => {
                let json = group_json(&v.name, v.format.as_deref());
                assert_eq!(String::from_utf8(json).unwrap(), v.json);
                continue;
            }
        };
        let stored = stored.unwrap();
        let fill = v.fill.map_or_else(
            || stored.zero_fill(),
            |text| {
                let fill = Fill::parse(&text, stored.element_size()).unwrap();
                assert_eq!(stored.constant_fill(fill.element()), Some(fill.clone()));
                fill
            },
        );
        let hash: Hash = v.hash.unwrap().parse().unwrap();
        let json = array_json(&stored, &v.name, &hash, &fill).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), v.json);
        let back = ArrayMetadata::parse(v.json.as_bytes()).unwrap();
        assert_eq!(
            (back.stored, back.name, back.hash, back.fill),
            (stored, v.name, hash, fill)
        );
    }
}

/// Raw bytes of each kind, from a linear congruential generator.
fn raw(kind: &str, typesize: usize, len: usize) -> Vec<u8> {
    let mut x = 0u64;
    let mut next = || {
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        x >> 32
    };
    let byte = |i: usize| match kind {
        "noise" => next() as u8,
        // The last byte of an element is skewed, as exponents are.
        "weights" if i % typesize == typesize - 1 => 0x3c - (next() as u8).leading_zeros() as u8,
        "weights" => next() as u8,
        "rows" => (i % 600 * 7 + i % 600 / 3) as u8,
        "sparse" if next().is_multiple_of(40) => next() as u8,
        "count" => ((i / typesize) >> (8 * (i % typesize))) as u8,
        "text" => b"layers.0.attn.q_proj.weight"[(i + (next() % 3) as usize) % 27],
        _ => 0,
    };
    (0..len).map(byte).collect()
}

/// Every object that was ever stored is named by these bytes. When this test fails, the encoder has
/// changed: that is a new encoding version. `GIT_THETA_GOLDEN=write` writes the vectors anew.
#[test]
fn chunks() {
    let kinds = [
        "noise", "weights", "rows", "sparse", "count", "text", "zeros",
    ];
    let mut lines = Vec::new();
    let mut encoder = Encoder::new().unwrap();
    let mut decoder = Decoder::new().unwrap();
    for kind in kinds {
        for (typesize, class) in [
            (1, Class::Integer),
            (1, Class::Float),
            (2, Class::Float),
            (4, Class::Float),
            (4, Class::Integer),
            (8, Class::Float),
            (8, Class::Integer),
        ] {
            for elements in [1, 24, 600, 70_001, 600_005] {
                let text = kind == "text";
                if text && (typesize != 1 || class == Class::Float) {
                    continue;
                }
                let size = usize::from(typesize);
                let raw = raw(kind, size, elements * size);
                let class = ChunkClass {
                    typesize,
                    class,
                    text,
                };
                let chunk = encoder.encode(&raw, class).unwrap();
                let mut back = vec![0; raw.len()];
                decoder.decode(&chunk, &mut back).unwrap();
                assert!(back == raw);
                // Small chunks as they are, so that other implementations can be tried on them.
                let bytes = if raw.len() <= 1200 && elements >= 24 {
                    format!(r#","raw":"{}","chunk":"{}""#, hex(&raw), hex(&chunk))
                } else {
                    String::new()
                };
                lines.push(format!(
                    r#"{{"kind":"{kind}","typesize":{typesize},"class":"{:?}","elements":{elements},"size":{},"sha256":"{}"{bytes}}}"#,
                    class.class,
                    chunk.len(),
                    hex(&Sha256::digest(&chunk)),
                ));
            }
        }
    }
    let json = format!("[\n{}\n]\n", lines.join(",\n"));
    if std::env::var("GIT_THETA_GOLDEN").is_ok_and(|v| v == "write") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/chunks.json");
        std::fs::write(path, &json).unwrap();
    }
    let golden = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/chunks.json"
    ));
    let golden = golden.unwrap();
    for (ours, golden) in json.lines().zip(golden.lines()) {
        assert_eq!(ours, golden);
    }
    assert_eq!(json.len(), golden.len());
}
