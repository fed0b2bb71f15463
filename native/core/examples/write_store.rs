//! Writes a folder of arrays for other Zarr readers to open: every type, orders, several chunks, constants.
//!
//! `cargo run --profile ci -p git-theta-core --example write_store DIR`. Each array is `DIR/<name>/`;
//! `DIR/<name>.bin` has the bytes that a reader has to return for it, in C order. Then run
//! `check_store.py DIR` and `check_store.mjs DIR`, which are beside this file.

use std::path::Path;

use git_theta_core::Result;
use git_theta_core::tensor::Dtype;
use git_theta_core::zarr::{StoredArray, group_json, logical, read_array, write_array};

/// Bytes that look a little like weights: the last byte of each element is one of sixteen.
fn data(dtype: Dtype, len: u64) -> Vec<u8> {
    let item = dtype.item_size().unwrap_or(1) as usize;
    let mut x = len;
    let byte = |i: usize| {
        x = x
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let noise = (x >> 56) as u8;
        match dtype {
            Dtype::Bool => noise & 1,
            _ if i % item == item - 1 => noise & 15 | 0x30,
            _ => noise,
        }
    };
    (0..len as usize).map(byte).collect()
}

struct Store<'a>(&'a Path);

impl Store<'_> {
    fn put(&self, name: &str, stored: &StoredArray, memory: &[u8]) -> Result<()> {
        let dir = self.0.join(name);
        std::fs::create_dir_all(&dir).expect("creates a folder");
        write_array(&dir, stored, name, memory)?;
        let (_, back) = read_array(&dir)?;
        assert!(back == memory, "{name}");
        std::fs::write(self.0.join(format!("{name}.bin")), logical(stored, memory)?)
            .expect("writes a file");
        Ok(())
    }

    fn tensor(&self, dtype: Dtype, shape: &[u64], order: Option<&[usize]>) -> Result<()> {
        let stored = StoredArray::tensor(dtype, shape, order)?;
        let shape: String = shape.iter().map(|d| format!("-{d}")).collect();
        let order = order.map_or(String::new(), |o| format!("-order{}", o[0]));
        let name = format!("{}{shape}{order}", dtype.name());
        self.put(&name, &stored, &data(dtype, stored.size()))
    }

    fn constant(&self, dtype: Dtype, element: &[u8]) -> Result<()> {
        let hex: String = element.iter().rev().map(|b| format!("{b:02x}")).collect();
        let shape = if dtype.item_size().is_some() {
            &[6u64, 40][..]
        } else {
            &[240]
        };
        let stored = StoredArray::tensor(dtype, shape, None)?;
        let memory: Vec<u8> = element
            .iter()
            .copied()
            .cycle()
            .take(stored.size() as usize)
            .collect();
        let name = format!("{}-constant-{hex}", dtype.name());
        self.put(&name, &stored, &memory)
    }
}

fn main() -> Result<()> {
    let dir = std::env::args().nth(1).expect("a folder");
    let store = Store(Path::new(&dir));
    std::fs::create_dir_all(&dir).expect("creates a folder");
    std::fs::write(
        store.0.join("zarr.json"),
        group_json("", Some("safetensors")),
    )
    .expect("writes a file");
    for &dtype in Dtype::ALL {
        for shape in [&[][..], &[8], &[0, 8], &[48, 1000], &[3, 1, 40]] {
            // Packed elements need whole bytes.
            if dtype.byte_len(shape).is_some() {
                store.tensor(dtype, shape, None)?;
            }
        }
        let item = dtype.item_size().unwrap_or(1) as usize;
        store.constant(dtype, &vec![0; item])?;
        store.constant(dtype, &vec![1; item])?;
        if dtype.item_size().is_some() {
            store.tensor(dtype, &[48, 1000], Some(&[1, 0]))?;
            store.tensor(dtype, &[30, 1, 40, 8], Some(&[3, 1, 0, 2]))?;
        }
    }
    for (dtype, bits) in [
        (Dtype::Int8, &[0xfdu64][..]),
        (Dtype::Int64, &[u64::MAX, 1 << 53, (1 << 53) - 1, 1 << 63]),
        (Dtype::UInt64, &[u64::MAX, (1 << 53) - 1]),
        (
            Dtype::Float32,
            &[
                0x3f80_0000,
                0x3dcc_cccd,
                0x8000_0000,
                0x7fc0_0000,
                0x7fc0_0001,
                0xffc0_0000,
                0x7f80_0000,
                0xff80_0000,
                1,
                0x7f7f_ffff,
            ],
        ),
        (
            Dtype::Float16,
            &[0x3c00, 0x8000, 0x7e00, 0x7e01, 0x7c00, 1, 0x2e66],
        ),
        (Dtype::BFloat16, &[0x3f80, 0x8000, 0x7fc0, 0x7fc1, 0x7f80]),
        (
            Dtype::Float64,
            &[
                0x3ff0 << 48,
                0x3fb9_9999_9999_999a,
                0x7ff8 << 48,
                (0x7ff8 << 48) + 1,
                1,
                0x4341_c379_37e0_8000,
                0x7fef_ffff_ffff_ffff,
            ],
        ),
        (
            Dtype::Complex64,
            &[0x3dcc_cccd_3f80_0000, 0x7fc0_0001_3f80_0000],
        ),
        (Dtype::Bool, &[1, 2]),
    ] {
        for bits in bits {
            let size = dtype.item_size().unwrap_or(1) as usize;
            store.constant(dtype, &bits.to_le_bytes()[..size])?;
        }
    }
    // Several chunks, with padding at the end; then more than a chunk in one row.
    for (dtype, shape, order) in [
        (Dtype::BFloat16, &[4099, 2111][..], None),
        (Dtype::BFloat16, &[2111, 4099], Some(&[1, 0][..])),
        (Dtype::Float32, &[2, 2111, 2003], None),
        (Dtype::Float32, &[2111, 2, 2003], Some(&[1, 2, 0])),
        (Dtype::Int64, &[2_200_001], None),
        (Dtype::Float8E5m2, &[17_000_003], None),
        (Dtype::Float8E4m3fn, &[17, 1_000_003], None),
        (Dtype::Complex64, &[1100, 2003], None),
        (Dtype::Complex128, &[1100, 1003], Some(&[1, 0])),
        (Dtype::Complex32, &[2100, 2003], Some(&[1, 0])),
        (Dtype::Float4E2m1fn, &[34_000_006], None),
        (Dtype::Bool, &[5000, 3999], None),
    ] {
        store.tensor(dtype, shape, order)?;
    }
    let storage = StoredArray::storage(17_000_001)?;
    store.put("storage", &storage, &data(Dtype::Float32, 17_000_001))?;
    let skeleton = StoredArray::skeleton(17_000_001)?;
    store.put("skeleton", &skeleton, &data(Dtype::Bool, 17_000_001))
}
