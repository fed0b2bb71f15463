//! Builds GGUF files, well-formed unless asked otherwise.

/// Writes the fields of a version and byte order.
#[derive(Clone, Copy)]
pub struct Writer {
    pub version: u32,
    pub big: bool,
}

pub const V3: Writer = Writer {
    version: 3,
    big: false,
};

impl Writer {
    pub fn u32(self, value: u32) -> Vec<u8> {
        if self.big {
            value.to_be_bytes().into()
        } else {
            value.to_le_bytes().into()
        }
    }

    pub fn u64(self, value: u64) -> Vec<u8> {
        if self.big {
            value.to_be_bytes().into()
        } else {
            value.to_le_bytes().into()
        }
    }

    pub fn count(self, value: u64) -> Vec<u8> {
        if self.version == 1 {
            self.u32(value.try_into().unwrap())
        } else {
            self.u64(value)
        }
    }

    pub fn string(self, text: &[u8]) -> Vec<u8> {
        [self.count(text.len() as u64), text.into()].concat()
    }

    pub fn key(self, key: &str, kind: u32, value: &[u8]) -> Vec<u8> {
        [&self.string(key.as_bytes())[..], &self.u32(kind), value].concat()
    }

    /// Dimensions in the file's order, the fastest first.
    pub fn tensor(self, name: &str, dims: &[u64], kind: u32, offset: u64) -> Vec<u8> {
        let dims: Vec<u8> = dims.iter().flat_map(|&dim| self.count(dim)).collect();
        let axes = self.u32((dims.len() / self.count(0).len()).try_into().unwrap());
        let name = self.string(name.as_bytes());
        [name, axes, dims, self.u32(kind), self.u64(offset)].concat()
    }

    /// A file with so many bytes of data behind a header padded to `alignment`.
    pub fn file(
        self,
        keys: &[Vec<u8>],
        tensors: &[Vec<u8>],
        alignment: usize,
        data: usize,
    ) -> Vec<u8> {
        let counts = [tensors.len(), keys.len()].map(|n| self.count(n as u64));
        let version = self.u32(self.version);
        let [n_tensors, n_keys] = counts;
        let head = [b"GGUF".to_vec(), version, n_tensors, n_keys].concat();
        let mut file = [head, keys.concat(), tensors.concat()].concat();
        file.resize(file.len().next_multiple_of(alignment), 0);
        let values = (0..data).map(|i| (i % 255) as u8 + 1);
        file.extend(values);
        file
    }
}

/// The value of a key that is an array of so many items of a type.
pub fn array(kind: u32, items: u64, rest: &[u8]) -> Vec<u8> {
    [&V3.u32(kind)[..], &V3.u64(items), rest].concat()
}

/// A file without metadata.
pub fn tensors(tensors: &[Vec<u8>], data: usize) -> Vec<u8> {
    V3.file(&[], tensors, 32, data)
}

/// A file with these keys and the tensor `w` of 8 floats.
pub fn keys(keys: &[Vec<u8>]) -> Vec<u8> {
    V3.file(keys, &[V3.tensor("w", &[8], 0, 0)], 32, 32)
}
