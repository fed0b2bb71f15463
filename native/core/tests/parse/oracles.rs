//! Independent readers see the same records and tensors in well-formed files.

use std::collections::BTreeMap;
use std::io::Cursor;

use git_theta_core::bytes::Limits;
use git_theta_core::zip::{Archive, Method};

use super::fixtures::{bytes, files, gather, layout};

#[test]
fn zip_crate() {
    let mut records = 0;
    for name in files() {
        let bytes = bytes(&name);
        // Of archives one behind the other that crate sees the last.
        if !bytes.starts_with(b"PK") || name.ends_with(".distcp") {
            continue;
        }
        let ours = Archive::read(&bytes, &Limits::default()).unwrap();
        // Looking for a prefix, it misses the directory of some files.
        let config = zip::read::Config {
            archive_offset: zip::read::ArchiveOffset::Known(0),
        };
        let mut theirs = zip::ZipArchive::with_config(config, Cursor::new(&bytes))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(ours.entries.len(), theirs.len(), "{name}");
        for entry in &ours.entries {
            let file = theirs.by_name(&entry.name).unwrap();
            assert_eq!(
                file.data_start(),
                Some(entry.payload),
                "{name}: {}",
                entry.name
            );
            assert_eq!(file.compressed_size(), entry.len);
            assert_eq!(file.header_start(), entry.header);
            assert_eq!(file.crc32(), entry.crc);
            let stored = file.compression() == zip::CompressionMethod::Stored;
            assert_eq!(stored, entry.method == Method::Stored);
            records += 1;
        }
    }
    assert!(records > 500, "only {records}");
}

#[test]
fn safetensors_crate() {
    let mut tensors = 0;
    for name in files().iter().filter(|name| name.ends_with(".safetensors")) {
        // The reference library refuses null for metadata.
        if name.contains("null_metadata") {
            continue;
        }
        let bytes = bytes(name);
        let ours = layout(&bytes);
        let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let theirs: BTreeMap<String, _> = theirs.tensors().into_iter().collect();
        assert_eq!(theirs.len(), ours.tensors.len(), "{name}");
        for tensor in &ours.tensors {
            let view = &theirs[&tensor.name];
            let shape: Vec<u64> = view.shape().iter().map(|&d| d as u64).collect();
            assert_eq!(shape, tensor.view.shape);
            assert_eq!(view.data(), gather(&bytes, &ours, tensor));
            tensors += 1;
        }
    }
    assert!(tensors > 50, "only {tensors}");
}
