//! Arrays as folders: all of an array at once, for tools and tests.
//!
//! A folder holds `zarr.json` and the chunk files. Reading checks that the metadata is canonical and
//! that every chunk is there; it does not know the objects' SHA-256, so it checks the tensor hash.

use std::path::Path;

use super::{ArrayMetadata, Constant, Kind, StoredArray, array_json, invalid};
use crate::codec::{Decoder, Encoder};
use crate::tensor::{Dtype, Hash, View, gather, tensor_hash};
use crate::{Error, Result};

/// Writes an array's memory to a folder that exists; returns the hash of its values.
///
/// # Errors
/// [`Error::Invalid`] when `memory` is not as long as the array; [`Error::Io`] when files cannot be
/// written.
pub fn write_array(dir: &Path, stored: &StoredArray, name: &str, memory: &[u8]) -> Result<Hash> {
    if memory.len() as u64 != stored.size() {
        return Err(invalid("the memory has the array's size"));
    }
    let put = |file: &str, bytes: &[u8]| {
        let path = dir.join(file);
        std::fs::write(&path, bytes).map_err(Error::io("writing", path))
    };
    let mut constant = Constant::new(stored.element_size());
    constant.update(memory);
    // Without elements there is none to be equal to.
    let element = constant
        .element()
        .or_else(|| memory.is_empty().then_some(&[]));
    let fill = element.and_then(|element| stored.constant_fill(element));
    if fill.is_none() {
        let grid = stored.grid();
        let mut encoder = Encoder::new()?;
        let mut raw = vec![0; grid.chunk_bytes()];
        let mut chunk = Vec::new();
        for i in 0..grid.count() {
            let range = grid.range(i);
            let bytes = &memory[range.start as usize..range.end as usize];
            raw[..bytes.len()].copy_from_slice(bytes);
            raw[bytes.len()..].fill(0);
            encoder.encode_into(&raw, stored.class(), &mut chunk)?;
            put(&grid.key(i), &chunk)?;
        }
    }
    let values = logical(stored, memory)?;
    let hash = match stored.kind() {
        Kind::Tensor { dtype, shape } => tensor_hash(*dtype, shape, &values),
        _ => tensor_hash(Dtype::UInt8, stored.shape(), &values),
    };
    let fill = fill.unwrap_or_else(|| stored.zero_fill());
    put("zarr.json", &array_json(stored, name, &hash, &fill)?)?;
    Ok(hash)
}

/// Reads an array's folder: its metadata and its memory.
///
/// An array of which no chunk is there is its fill value; one of which some are missing is damaged.
///
/// # Errors
/// [`Error::Io`] when a file is missing or unreadable; [`Error::Invalid`] when metadata or a chunk
/// break the specification; [`Error::CorruptTensor`] when the values do not have the recorded hash.
pub fn read_array(dir: &Path) -> Result<(ArrayMetadata, Vec<u8>)> {
    let get = |file: &str| {
        let path = dir.join(file);
        std::fs::read(&path).map_err(Error::io("reading", path))
    };
    let metadata = ArrayMetadata::parse(&get("zarr.json")?)?;
    let stored = &metadata.stored;
    let size = usize::try_from(stored.size()).map_err(|_| invalid("the array fits in memory"))?;
    let grid = stored.grid();
    let mut memory = Vec::new();
    memory
        .try_reserve_exact(size)
        .map_err(|_| invalid("the array fits in memory"))?;
    memory.resize(size, 0);
    if dir.join(grid.key(0)).exists() {
        let mut decoder = Decoder::new()?;
        let mut raw = vec![0; grid.chunk_bytes()];
        for i in 0..grid.count() {
            decoder.decode(&get(&grid.key(i))?, &mut raw)?;
            let range = grid.range(i);
            let out = &mut memory[range.start as usize..range.end as usize];
            out.copy_from_slice(&raw[..out.len()]);
        }
    } else {
        metadata.fill.repeat(&mut memory);
    }
    let (dtype, shape) = match stored.kind() {
        Kind::Tensor { dtype, shape } => (*dtype, shape.as_slice()),
        _ => (Dtype::UInt8, stored.shape()),
    };
    if tensor_hash(dtype, shape, &logical(stored, &memory)?) != metadata.hash {
        return Err(Error::CorruptTensor {
            tensor: metadata.name,
            rule: "the values have the hash in zarr.json".into(),
        });
    }
    Ok((metadata, memory))
}

/// The values in C order of an array whose memory this is.
///
/// # Errors
/// [`Error::Invalid`] when `memory` is not as long as the array.
pub fn logical(stored: &StoredArray, memory: &[u8]) -> Result<Vec<u8>> {
    if memory.len() as u64 != stored.size() {
        return Err(invalid("the memory has the array's size"));
    }
    let Some(order) = stored.order() else {
        return Ok(memory.to_vec());
    };
    let view = View::ordered(stored.shape().to_vec(), order);
    let mut values = Vec::with_capacity(memory.len());
    gather(
        &view,
        stored.element_size(),
        |offset, out| {
            out.copy_from_slice(&memory[offset as usize..][..out.len()]);
            Ok(())
        },
        |bytes| {
            values.extend_from_slice(bytes);
            Ok(())
        },
    )?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(stored: &StoredArray, memory: &[u8]) -> (tempfile::TempDir, Hash) {
        let dir = tempfile::tempdir().unwrap();
        let hash = write_array(dir.path(), stored, "w", memory).unwrap();
        let (metadata, back) = read_array(dir.path()).unwrap();
        assert!(back == memory);
        assert_eq!((&metadata.stored, metadata.hash), (stored, hash));
        (dir, hash)
    }

    fn files(dir: &tempfile::TempDir) -> usize {
        std::fs::read_dir(dir.path()).unwrap().count()
    }

    #[test]
    fn chunks_orders_and_constants() {
        let memory: Vec<u8> = (0..40u32 << 20).map(|i| (i ^ i >> 9) as u8).collect();
        let tensor = |shape: &[u64], order: Option<&[usize]>| {
            StoredArray::tensor(Dtype::Float32, shape, order).unwrap()
        };
        let len = |s: &StoredArray| s.size() as usize;
        let plain = tensor(&[2111, 2003], None);
        assert_eq!(files(&write(&plain, &memory[..len(&plain)]).0), 3);
        let ordered = tensor(&[3, 2111, 2], Some(&[2, 1, 0]));
        let (_, hash) = write(&ordered, &memory[..len(&ordered)]);
        let values = logical(&ordered, &memory[..len(&ordered)]).unwrap();
        assert_ne!(values, memory[..len(&ordered)]);
        assert_eq!(hash, tensor_hash(Dtype::Float32, &[3, 2111, 2], &values));

        let constant = tensor(&[5, 7], None);
        assert_eq!(
            files(&write(&constant, &[0, 0, 0x80, 0x3f].repeat(35)).0),
            1
        );
        // A NaN with a payload has no form that every reader reads.
        assert_eq!(
            files(&write(&constant, &[1, 0, 0xc0, 0x7f].repeat(35)).0),
            2
        );
        assert_eq!(files(&write(&tensor(&[5, 0], None), &[]).0), 1);
        assert_eq!(files(&write(&tensor(&[], None), &[1, 2, 3, 4]).0), 1);
    }

    #[test]
    fn damage_is_found() {
        let stored = StoredArray::storage(20_000_000).unwrap();
        let memory: Vec<u8> = (0..20_000_000u32).map(|i| (i ^ i >> 9) as u8).collect();
        assert!(write_array(Path::new("."), &stored, "w", &memory[1..]).is_err());
        let (dir, _) = write(&stored, &memory);
        std::fs::remove_file(dir.path().join("c.1")).unwrap();
        assert!(matches!(read_array(dir.path()), Err(Error::Io { .. })));
        std::fs::copy(dir.path().join("c.0"), dir.path().join("c.1")).unwrap();
        assert!(matches!(
            read_array(dir.path()),
            Err(Error::CorruptTensor { .. })
        ));
        std::fs::write(dir.path().join("c.1"), b"no chunk").unwrap();
        assert!(matches!(read_array(dir.path()), Err(Error::Invalid { .. })));
    }
}
