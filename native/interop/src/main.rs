//! Reads every array below a folder with zarrs and prints what it found, as the Python readers of the
//! tests do: JSON, `{name: {dtype, shape, sha256} | {error}}` for arrays that carry a tensor's name.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use zarrs::array::{Array, ArrayBytes};
use zarrs::filesystem::FilesystemStore;

fn read(folder: &Path) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let array = Array::open(Arc::new(FilesystemStore::new(folder)?), "/")?;
    let all = array.subset_all();
    match array.retrieve_array_subset::<ArrayBytes>(&all)? {
        ArrayBytes::Fixed(bytes) => Ok(bytes.into_owned()),
        _ => Err("elements of variable size".into()),
    }
}

fn walk(folder: &Path, found: &mut Map<String, Value>) -> std::io::Result<()> {
    let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else if entry.file_name() == "zarr.json" {
            let metadata: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            let name = metadata["attributes"]["git-theta"]["name"].as_str();
            if let (Some(name), "array") = (name, metadata["node_type"].as_str().unwrap_or("")) {
                let entry = match read(folder) {
                    Ok(bytes) => json!({
                        "dtype": metadata["data_type"],
                        "shape": metadata["shape"],
                        "sha256": Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect::<String>(),
                    }),
                    Err(error) => json!({ "error": error.to_string() }),
                };
                found.insert(name.to_owned(), entry);
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or("usage: git-theta-interop FOLDER")?;
    let mut found = Map::new();
    walk(Path::new(&folder), &mut found)?;
    println!("{}", Value::Object(found));
    Ok(())
}
