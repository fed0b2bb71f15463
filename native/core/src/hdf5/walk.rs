//! The walk from the root group over all groups.

use std::collections::HashMap;
use std::ops::Range;

use serde_json::Value;

use super::attribute;
use super::dataset::Dataset;
use super::group::{Target, links};
use super::heap::GlobalHeap;
use super::object::{Object, kind};
use super::{refuse, superblock};
use crate::bytes::{Limits, Parse, ReadAt};
use crate::tensor::{component, join};

/// What is in a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contents {
    /// The datasets, each once.
    pub datasets: Vec<Dataset>,
    /// All names of datasets, sorted; a dataset can have several.
    pub names: Vec<Named>,
    /// Attributes of the root group that are strings and numbers, and short lists of them.
    pub attributes: Vec<(String, Value)>,
    /// Names that lead out of the file or to another path, and what they are.
    pub elsewhere: Vec<(String, &'static str)>,
}

/// A name of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its path, as [`crate::layout::Tensor::name`].
    pub name: String,
    /// Index into [`Contents::datasets`].
    pub dataset: usize,
}

/// Reads the file in a range of the source. All positions are those in the source.
///
/// # Errors
/// What the module refuses; when reading fails.
pub fn read(source: &dyn ReadAt, within: Range<u64>, limits: &Limits) -> Parse<Contents> {
    let (mut file, root) = superblock::open(source, within, limits)?;
    let mut heap = GlobalHeap::default();
    let mut contents = Contents::default();
    let mut known = HashMap::new();
    let mut stack = vec![(root, String::new())];
    while let Some((address, name)) = stack.pop() {
        match known.get(&address) {
            None => {}
            Some(Seen::Group) => return refuse(format!("a group has two names: {name}")),
            Some(Seen::Type) => continue,
            Some(&Seen::Dataset(dataset)) => {
                contents.names.push(Named { name, dataset });
                continue;
            }
        }
        let object = Object::read(&mut file, address)?;
        let seen = if let Some(links) = links(&mut file, &object)? {
            if address == root {
                contents.attributes = attribute::all(&mut file, &mut heap, &object)?;
            }
            for link in links {
                let name = join(&name, &component(&link.name));
                file.count_name(name.len())?;
                match link.target {
                    Target::Elsewhere(what) => contents.elsewhere.push((name, what)),
                    Target::Object(address) => stack.push((address, name)),
                }
            }
            Seen::Group
        } else if address == root {
            return Err(object.refuse("no root group"));
        } else if let Some(dataset) = Dataset::read(&mut file, &mut heap, &object)? {
            contents.datasets.push(dataset);
            let dataset = contents.datasets.len() - 1;
            contents.names.push(Named { name, dataset });
            Seen::Dataset(dataset)
        } else if object.one(kind::DATATYPE)?.is_some() {
            Seen::Type
        } else {
            return Err(object.refuse("neither group nor dataset"));
        };
        known.insert(address, seen);
    }
    contents
        .elsewhere
        .sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    contents
        .names
        .sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    Ok(contents)
}

/// What an object is that was read already: several names may lead to it.
enum Seen {
    Group,
    Type,
    Dataset(usize),
}
