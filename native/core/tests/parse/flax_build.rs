//! Builds Flax files, well-formed unless asked otherwise.

fn head(short: u8, long: u8, len: usize) -> Vec<u8> {
    match u8::try_from(len) {
        Ok(len) if len < 16 => vec![short | len],
        _ => [&[long][..], &u32::try_from(len).unwrap().to_be_bytes()].concat(),
    }
}

pub fn text(text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).unwrap();
    [&[0xD9, len][..], text.as_bytes()].concat()
}

pub fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let pairs = entries
        .iter()
        .map(|(key, value)| [text(key), value.clone()].concat());
    let pairs: Vec<Vec<u8>> = pairs.collect();
    [head(0x80, 0xDF, entries.len()), pairs.concat()].concat()
}

pub fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [head(0x90, 0xDD, items.len()), items.concat()].concat()
}

pub fn bin(len: usize) -> Vec<u8> {
    let values = (0..len).map(|i| (i % 255) as u8 + 1);
    let head = [&[0xC6][..], &u32::try_from(len).unwrap().to_be_bytes()].concat();
    head.into_iter().chain(values).collect()
}

pub fn ext(kind: u8, content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[0xC9][..], &len, &[kind], content].concat()
}

pub fn shape(dims: &[u8]) -> Vec<u8> {
    list(&dims.iter().map(|&dim| vec![dim]).collect::<Vec<_>>())
}

pub fn array(dims: &[u8], dtype: &str, len: usize) -> Vec<u8> {
    ext(1, &list(&[shape(dims), text(dtype), bin(len)]))
}

/// A file with `w`, and this beside it.
pub fn beside(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let w = ("w", array(&[2], "float32", 8));
    map(&[&[w][..], entries].concat())
}

/// An array in chunks: a list of entries, to be changed.
pub fn chunked() -> Vec<(&'static str, Vec<u8>)> {
    let chunks = [
        ("0", array(&[4], "uint8", 4)),
        ("1", array(&[2], "uint8", 2)),
    ];
    vec![
        ("__msgpack_chunked_array__", vec![0xC3]),
        ("shape", map(&[("0", vec![2]), ("1", vec![3])])),
        ("chunks", map(&chunks)),
    ]
}
