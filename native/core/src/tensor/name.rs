//! Names of tensors. Specification: `docs/format/manifest.md`, “Names”.

/// Appends one component of a name: `%` and `/` inside it are percent-encoded.
pub fn push_component(name: &mut Vec<u8>, component: &[u8]) {
    for &byte in component {
        match byte {
            b'%' => name.extend_from_slice(b"%25"),
            b'/' => name.extend_from_slice(b"%2F"),
            _ => name.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_inside_a_component_are_encoded() {
        let mut name = b"a/".to_vec();
        push_component(&mut name, "x/ü%".as_bytes());
        assert_eq!(name, "a/x%2Fü%25".as_bytes());
    }
}
