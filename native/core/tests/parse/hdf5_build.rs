//! Builds small HDF5 files, well-formed unless asked otherwise.

/// The address that means "nowhere".
pub const UNDEFINED: u64 = u64::MAX;

pub const DATASPACE: u16 = 0x01;
pub const DATATYPE: u16 = 0x03;
pub const LAYOUT: u16 = 0x08;
pub const FILTERS: u16 = 0x0B;
pub const CONTINUATION: u16 = 0x10;
pub const SYMBOL_TABLE: u16 = 0x11;

/// A message: type and content.
pub type Message = (u16, Vec<u8>);

pub struct Hdf5 {
    pub bytes: Vec<u8>,
}

pub fn words(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

impl Hdf5 {
    pub fn new() -> Self {
        Self { bytes: vec![0; 96] }
    }

    /// Appends a block; returns its address.
    pub fn put(&mut self, block: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.bytes.len() as u64;
        self.bytes.extend_from_slice(block);
        at
    }

    pub fn at(&self) -> u64 {
        self.bytes.len().next_multiple_of(8) as u64
    }

    pub fn messages(messages: &[Message]) -> Vec<u8> {
        let mut out = Vec::new();
        for (kind, content) in messages {
            let len = content.len().next_multiple_of(8);
            out.extend(kind.to_le_bytes());
            out.extend(u16::try_from(len).unwrap().to_le_bytes());
            out.extend([0; 4]);
            out.extend(content);
            out.resize(out.len().next_multiple_of(8), 0);
        }
        out
    }

    /// An object header of version 1.
    pub fn object(&mut self, messages: &[Message]) -> u64 {
        self.object_of(u16::try_from(messages.len()).unwrap(), messages)
    }

    /// With this number of messages stated.
    pub fn object_of(&mut self, stated: u16, messages: &[Message]) -> u64 {
        let body = Self::messages(messages);
        let len = u32::try_from(body.len()).unwrap().to_le_bytes();
        let count = stated.to_le_bytes();
        let prefix = [&[1, 0][..], &count, &[1, 0, 0, 0], &len, &[0; 4]].concat();
        self.put(&[prefix, body].concat())
    }

    /// An object header of version 2; types of messages have one byte there.
    pub fn new_object(&mut self, messages: &[Message]) -> u64 {
        let mut body = Vec::new();
        for (kind, content) in messages {
            body.push(kind.to_le_bytes()[0]);
            body.extend(u16::try_from(content.len()).unwrap().to_le_bytes());
            body.push(0);
            body.extend(content);
        }
        let len = u32::try_from(body.len()).unwrap().to_le_bytes();
        let mut block = [b"OHDR\x02\x02", &len[..], &body].concat();
        block.extend(lookup3(&block).to_le_bytes());
        self.put(&block)
    }

    /// A local heap with these bytes.
    pub fn heap(&mut self, data: &[u8]) -> u64 {
        let at = self.put(data);
        let fields = words(&[data.len() as u64, UNDEFINED, at]);
        self.put(&[b"HEAP\0\0\0\0", &fields[..]].concat())
    }

    /// A symbol table node: offsets of names, addresses, and types of entries.
    pub fn symbols(&mut self, entries: &[(u64, u64, u32)]) -> u64 {
        let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
        let mut node = [b"SNOD\x01\0", &count[..]].concat();
        for (name, address, kind) in entries {
            node.extend(words(&[*name, *address]));
            node.extend(kind.to_le_bytes());
            node.extend([0; 20]);
        }
        self.put(&node)
    }

    /// A node of a B-tree, of which entries are keys and addresses.
    pub fn node(&mut self, kind: u8, level: u8, entries: &[(Vec<u8>, u64)]) -> u64 {
        let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
        let mut node = [b"TREE", &[kind, level][..], &count, &[0xFF; 16]].concat();
        // Without entries, that of a group or of chunks of one axis.
        let none = if kind == 0 { 8 } else { 24 };
        let key = entries.first().map_or(none, |(key, _)| key.len());
        for (key, address) in entries {
            node.extend(key);
            node.extend(address.to_le_bytes());
        }
        node.resize(node.len() + key, 0);
        self.put(&node)
    }

    /// A group as a symbol table; links in order of their names.
    pub fn group(&mut self, links: &[(&str, u64)]) -> u64 {
        let table = self.table(links);
        self.object(&[(SYMBOL_TABLE, table)])
    }

    pub fn table(&mut self, links: &[(&str, u64)]) -> Vec<u8> {
        let mut data = vec![0; 8];
        let mut entries = Vec::new();
        for (name, address) in links {
            entries.push((data.len() as u64, *address, 0));
            data.extend(name.as_bytes());
            data.push(0);
        }
        let heap = self.heap(&data);
        let nodes: Vec<_> = entries
            .chunks(8)
            .map(|part| (vec![0; 8], self.symbols(part)))
            .collect();
        let leaves: Vec<_> = nodes
            .chunks(32)
            .map(|part| (vec![0; 8], self.node(0, 0, part)))
            .collect();
        let tree = match &leaves[..] {
            [] => self.node(0, 0, &[]),
            [(_, only)] => *only,
            leaves => self.node(0, 1, leaves),
        };
        words(&[tree, heap])
    }

    /// A dataset of `float32`.
    pub fn dataset(&mut self, shape: &[u64], layout: Vec<u8>) -> u64 {
        self.object(&[
            (DATASPACE, dataspace(shape)),
            (DATATYPE, float32()),
            (LAYOUT, layout),
        ])
    }

    /// A contiguous dataset of 4 numbers.
    pub fn plain(&mut self) -> u64 {
        let values = self.put(&[7; 16]);
        self.dataset(&[4], contiguous(values, 16))
    }

    /// The file, with this root group.
    pub fn finish(mut self, root: u64) -> Vec<u8> {
        let end = self.bytes.len() as u64;
        let head = [
            &b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0"[..],
            &words(&[0, UNDEFINED, end, UNDEFINED, 0, root, 0, 0, 0]),
        ]
        .concat();
        self.bytes[..96].copy_from_slice(&head);
        self.bytes
    }

    /// The file, with one name in the root group.
    pub fn finish_with(mut self, address: u64) -> Vec<u8> {
        let root = self.group(&[("w", address)]);
        self.finish(root)
    }
}

pub fn dataspace(shape: &[u64]) -> Vec<u8> {
    let rank = u8::try_from(shape.len()).unwrap();
    [&[1, rank, 0, 0, 0, 0, 0, 0][..], &words(shape)].concat()
}

pub fn float32() -> Vec<u8> {
    b"\x11\x20\x1f\0\x04\0\0\0\0\0\x20\0\x17\x08\0\x17\x7f\0\0\0".to_vec()
}

pub fn contiguous(address: u64, len: u64) -> Vec<u8> {
    [&[3, 1][..], &words(&[address, len])].concat()
}

/// Chunks under a tree; extents with that of an element.
pub fn chunked(tree: u64, extents: &[u32]) -> Vec<u8> {
    let mut out = vec![3, 2, u8::try_from(extents.len()).unwrap()];
    out.extend(tree.to_le_bytes());
    out.extend(extents.iter().flat_map(|v| v.to_le_bytes()));
    out
}

/// The key of a chunk; its origin with an axis for the bytes of an element.
pub fn key(len: u32, origin: &[u64]) -> Vec<u8> {
    [&len.to_le_bytes()[..], &[0; 4], &words(origin)].concat()
}

/// The checksum of newer blocks, as its author describes it.
pub fn lookup3(bytes: &[u8]) -> u32 {
    let mut s = [0xDEAD_BEEF_u32.wrapping_add(u32::try_from(bytes.len()).unwrap()); 3];
    let blocks = bytes.len().div_ceil(12);
    for (index, block) in bytes.chunks(12).enumerate() {
        for (at, &byte) in block.iter().enumerate() {
            s[at / 4] = s[at / 4].wrapping_add(u32::from(byte) << (8 * (at % 4)));
        }
        if index + 1 < blocks {
            for (round, by) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
                let (a, b, c) = (round % 3, (round + 1) % 3, (round + 2) % 3);
                s[a] = s[a].wrapping_sub(s[c]) ^ s[c].rotate_left(by);
                s[c] = s[c].wrapping_add(s[b]);
            }
        } else {
            for (round, by) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
                let (to, from) = ((round + 2) % 3, (round + 1) % 3);
                s[to] = (s[to] ^ s[from]).wrapping_sub(s[from].rotate_left(by));
            }
        }
    }
    s[2]
}

/// A file of one object, which is made from an empty file.
pub fn with(make: impl FnOnce(&mut Hdf5) -> u64) -> Vec<u8> {
    let mut file = Hdf5::new();
    let object = make(&mut file);
    file.finish_with(object)
}

/// A file whose root group is made.
pub fn rooted(make: impl FnOnce(&mut Hdf5) -> u64) -> Vec<u8> {
    let mut file = Hdf5::new();
    let root = make(&mut file);
    file.finish(root)
}
