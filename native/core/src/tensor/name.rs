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

/// A name of this one component.
#[must_use]
pub fn component(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F")
}

/// A name whose components are those of a path with `/`.
#[must_use]
pub fn path_name(path: &str) -> String {
    path.replace('%', "%25")
}

/// A name below another one; either may be empty.
#[must_use]
pub fn join(under: &str, name: &str) -> String {
    match (under, name) {
        ("", name) => name.to_owned(),
        (under, "") => under.to_owned(),
        (under, name) => format!("{under}/{name}"),
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
        assert_eq!(component("x/ü%"), "x%2Fü%25");
        assert_eq!(path_name("a/ü%"), "a/ü%25");
        let joined =
            [("a", "b"), ("", "b"), ("a", ""), ("", "")].map(|(under, name)| join(under, name));
        assert_eq!(joined, ["a/b", "b", "a", ""]);
    }
}
