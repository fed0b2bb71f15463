use proptest::prelude::*;

use super::header::{HEADER, Header};
use super::*;

const TYPESIZES: [u8; 6] = [1, 2, 3, 4, 8, 20];

fn class(typesize: u8, class: Class) -> ChunkClass {
    ChunkClass {
        typesize,
        class,
        text: false,
    }
}

/// Noise from a linear congruential generator.
fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut x = seed;
    move || {
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        x >> 32
    }
}

/// Bytes in which every way to compress a plane finds something to do.
fn sample(kind: u8, len: usize, typesize: u8, seed: u64) -> Vec<u8> {
    let mut next = noise(seed);
    let bytes = (0..len).map(|i| match kind {
        0 => next() as u8,
        1 => 0,
        // Like weights: the last byte of an element is skewed, the others are noise.
        2 if (i + 1) % usize::from(typesize) == 0 => 0x3c + (next() & next() & next() & 15) as u8,
        2 => next() as u8,
        // Repeated rows.
        3 => (i % 600 * 7 + i % 600 / 3) as u8,
        // Nearly one value.
        _ if next().is_multiple_of(50) => next() as u8,
        _ => 5,
    });
    bytes.collect()
}

fn round_trip(encoder: &mut Encoder, raw: &[u8], class: ChunkClass) -> Vec<u8> {
    let chunk = encoder.encode(raw, class).unwrap();
    let mut back = vec![0xaa; raw.len()];
    Decoder::new().unwrap().decode(&chunk, &mut back).unwrap();
    assert!(back == raw);
    assert!(chunk.len() <= raw.len() + HEADER);
    chunk
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn chunks_decode_to_what_was_encoded(
        kind in 0u8..5,
        typesize in proptest::sample::select(&TYPESIZES),
        elements in prop_oneof![0usize..200, 100usize..70_000],
        float in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let raw = sample(kind, elements * usize::from(typesize), typesize, seed);
        let class = class(typesize, if float { Class::Float } else { Class::Integer });
        round_trip(&mut Encoder::new().unwrap(), &raw, class);
    }

    #[test]
    fn damaged_chunks_are_refused_or_decode_without_panic(
        kind in 0u8..5,
        typesize in proptest::sample::select(&TYPESIZES),
        elements in 0usize..3000,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        near_start in any::<bool>(),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let raw = sample(kind, elements * usize::from(typesize), typesize, 1);
        let mut chunk = Encoder::new().unwrap().encode(&raw, class(typesize, Class::Float)).unwrap();
        for (at, byte) in damage {
            let end = if near_start { chunk.len().min(32) } else { chunk.len() };
            chunk[at.index(end)] = byte;
        }
        if let Some(cut) = cut {
            chunk.truncate(cut.index(chunk.len()));
        }
        let mut out = vec![0; raw.len()];
        let mut decoder = Decoder::new().unwrap();
        let _ = decoder.decode(&chunk, &mut out);
        // What failed leaves no trace in the decoder.
        let chunk = Encoder::new().unwrap().encode(&raw, class(typesize, Class::Float)).unwrap();
        decoder.decode(&chunk, &mut out).unwrap();
        prop_assert_eq!(out, raw);
    }
}

#[test]
fn several_blocks_and_a_short_last_one() {
    let mut encoder = Encoder::new().unwrap();
    for kind in 0..5 {
        for typesize in [1, 2, 4, 8] {
            // Seven elements over three blocks: the last block has what division leaves over.
            let len = usize::from(typesize) * (3 * (256 << 10) + 7);
            let raw = sample(kind, len, typesize, 9);
            for c in [Class::Float, Class::Integer] {
                let chunk = round_trip(&mut encoder, &raw, class(typesize, c));
                if kind != 0 {
                    let header = Header::parse(&chunk, len).unwrap();
                    assert_eq!(header.blocks(), 5, "{kind} {typesize}");
                    assert_eq!(header.blocksize, blocksize(len, class(typesize, c)));
                }
            }
        }
    }
}

#[test]
fn bytes_do_not_depend_on_what_the_encoder_did_before() {
    let mut used = Encoder::new().unwrap();
    let mut out = Vec::new();
    for round in 0..3 {
        for kind in 0..5 {
            for typesize in [1, 2, 4, 8] {
                for c in [Class::Float, Class::Integer] {
                    let len = usize::from(typesize) * (40_000 * (round + 1) + 3);
                    let raw = sample(kind, len, typesize, 3);
                    used.encode_into(&raw, class(typesize, c), &mut out)
                        .unwrap();
                    let fresh = Encoder::new()
                        .unwrap()
                        .encode(&raw, class(typesize, c))
                        .unwrap();
                    assert!(out == fresh, "{round} {kind} {typesize} {c:?}");
                }
            }
            let text = ChunkClass {
                text: true,
                ..class(1, Class::Integer)
            };
            let raw = sample(kind, 100_000 * (round + 1), 1, 3);
            used.encode_into(&raw, text, &mut out).unwrap();
            assert!(out == Encoder::new().unwrap().encode(&raw, text).unwrap());
        }
    }
}

#[test]
fn text_is_one_block() {
    let text = ChunkClass {
        typesize: 1,
        class: Class::Integer,
        text: true,
    };
    let raw = "\"layers.0.weight\",".repeat(40_000).into_bytes();
    let chunk = round_trip(&mut Encoder::new().unwrap(), &raw, text);
    let header = Header::parse(&chunk, raw.len()).unwrap();
    assert_eq!((header.blocksize, header.single), (raw.len(), true));
    assert!(chunk.len() < 500);
}

#[test]
fn noise_and_small_chunks_are_stored() {
    let mut encoder = Encoder::new().unwrap();
    for (raw, typesize) in [
        (sample(0, 100_000, 4, 1), 4),
        (vec![0; 124], 4),
        (vec![0; 127], 1),
        (vec![], 2),
    ] {
        let chunk = round_trip(&mut encoder, &raw, class(typesize, Class::Float));
        assert_eq!(chunk.len(), raw.len() + HEADER);
        assert_eq!(chunk[HEADER..], raw);
    }
    assert!(round_trip(&mut encoder, &[0; 128], class(4, Class::Float)).len() < 64);
}

#[test]
fn weights_shrink_and_repetitions_are_found() {
    let mut encoder = Encoder::new().unwrap();
    let mut percent = |kind, typesize: u8, c| {
        let raw = sample(kind, 1 << 20, typesize, 5);
        round_trip(&mut encoder, &raw, class(typesize, c)).len() * 100 / raw.len()
    };
    assert!(percent(2, 2, Class::Float) < 75);
    assert!(percent(2, 4, Class::Float) < 88);
    assert!(percent(3, 4, Class::Float) < 5);
    assert!(percent(3, 1, Class::Integer) < 5);
}

#[test]
fn raw_bytes_that_are_no_chunk_are_refused() {
    let mut encoder = Encoder::new().unwrap();
    assert!(encoder.encode(&[0; 7], class(2, Class::Float)).is_err());
    assert!(encoder.encode(&[0; 7], class(0, Class::Float)).is_err());
}

#[test]
fn every_rule_of_the_container_is_checked() {
    let raw = sample(2, 4 * 4000, 4, 1);
    let good = Encoder::new()
        .unwrap()
        .encode(&raw, class(4, Class::Float))
        .unwrap();
    let mut decoder = Decoder::new().unwrap();
    let mut refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut chunk = good.clone();
        change(&mut chunk);
        let cbytes = u32::try_from(chunk.len()).unwrap();
        chunk[12..16].copy_from_slice(&cbytes.to_le_bytes());
        decoder
            .decode(&chunk, &mut vec![0; raw.len()])
            .unwrap_err()
            .to_string()
    };
    let mut all = vec![
        // Bytes after the last block.
        refused(&|c| c.push(0)),
        // A block that starts elsewhere.
        refused(&|c| c[HEADER] += 1),
        // A stream that claims more than the chunk has, and one that claims nothing.
        refused(&|c| c[HEADER + 4 + 3] = 0x7f),
        refused(&|c| c[HEADER + 4..][..4].fill(0)),
        refused(&|c| c[HEADER + 4 + 3] = 0x80),
        // A table of blocks that is longer than the chunk.
        refused(&|c| c.truncate(HEADER + 2)),
        // A shuffled block that claims to be one stream.
        refused(&|c| c[2] |= 0x10),
    ];
    // The last plane is a frame; its size field is what precedes the magic number.
    let magic = [0x28, 0xb5, 0x2f, 0xfd];
    let frame = good.windows(4).rposition(|w| w == magic).unwrap();
    let grow = |c: &mut Vec<u8>, by: &[u8]| {
        let len = u32::try_from(c.len() - frame + by.len()).unwrap();
        c.extend_from_slice(by);
        c[frame - 4..frame].copy_from_slice(&len.to_le_bytes());
    };
    all.push(refused(&|c| grow(c, &[0])));
    // A second, empty frame: its content would be right, but it is one too many.
    all.push(refused(&|c| {
        grow(c, &[0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0])
    }));
    all.push(refused(&|c| c[frame] ^= 1));
    let other = zstd_safe::compress_bound(3999);
    let mut wrong = vec![0; other];
    let len = zstd_safe::compress(&mut wrong[..], &raw[..3999], 1).unwrap();
    wrong.truncate(len);
    all.push(refused(&|c| {
        c.truncate(frame);
        c.extend_from_slice(&wrong);
        let len = u32::try_from(wrong.len()).unwrap();
        c[frame - 4..frame].copy_from_slice(&len.to_le_bytes());
    }));
    assert!(all.iter().all(|m| m.starts_with("chunk ")), "{all:#?}");
}
