//! Files that are split: arrays, then the skeleton, then the proof, then the records.

use std::collections::HashMap;

use super::arrays::{Data, Done, store_arrays};
use super::skeleton::{skeleton_hash, store_skeleton};
use super::{MAX_RECORDS, Work};
use crate::arrange::{Arrangement, Form, Owner, arrange, groups};
use crate::layout::{Layout, Segment};
use crate::record::{self, Header, Manifest, ObjectRef, Stamped};
use crate::skeleton::{
    self, Array, Container, MAX_CONTAINER, Part, Piece, Plan, ZipRecord, ZipTemplate,
};
use crate::stamp::without_stamp;
use crate::tensor::{Hash, hash_view};
use crate::turn::map_tickets;
use crate::zarr::group_json;
use crate::zip::{Payload, TorchZip};
use crate::{Error, Result};

/// Stores a file by its layout; `Err` inside says why it has to be stored whole.
pub(super) fn split(
    work: &Work<'_>,
    layout: Layout,
) -> Result<std::result::Result<Manifest, String>> {
    let arrangement = arrange(&layout);
    let arrays = store_arrays(work, &layout, &arrangement)?;
    let hashes = tensor_hashes(work, &layout, &arrangement, &arrays)?;
    let sizes: Vec<u64> = arrangement
        .arrays
        .iter()
        .map(|a| a.storage.map_or(0, |id| layout.storages[id].len))
        .collect();
    let crc_of_storage: Vec<u32> = {
        let mut crcs = vec![0; layout.storages.len()];
        for (array, done) in arrangement.arrays.iter().zip(&arrays) {
            if let Some(id) = array.storage {
                crcs[id] = done.crc;
            }
        }
        crcs
    };
    let built = match build_skeleton(work, &layout, &arrangement, &sizes, &crc_of_storage)? {
        Some(built) => built,
        // The archive states CRCs that are not those of its payloads, so they must be kept.
        None => {
            let plain = layout.without_templates();
            build_skeleton(work, &plain, &arrangement, &sizes, &crc_of_storage)?
                .ok_or_else(|| Error::Internal("a plain skeleton is not the file".into()))?
        }
    };
    let (bytes, used) = built;
    if bytes.len() as u64 > MAX_CONTAINER {
        return Ok(Err(format!("its skeleton is over {MAX_CONTAINER} bytes")));
    }
    let plain = without_stamp(layout.format, &bytes, &used);
    let mut manifest = Manifest {
        header: Header {
            version: 1,
            format: layout.format.into(),
            reason: None,
        },
        pieces: None,
        skeleton: Some(skeleton_record(work, plain.as_ref().unwrap_or(&bytes))?),
        stamped: None,
        groups: store_groups(work, &layout)?,
        storages: storages(&layout, &arrangement, &arrays),
        tensors: tensors(&layout, &arrangement, &arrays, &hashes),
    };
    if plain.is_some() {
        let of = manifest.base_hash();
        manifest.stamped = Some(Stamped::new(skeleton_record(work, &bytes)?, of));
    }
    if manifest.to_json().len() > MAX_RECORDS {
        return Ok(Err(format!(
            "its manifest would be over {MAX_RECORDS} bytes"
        )));
    }
    Ok(Ok(manifest))
}

/// The hash of every tensor. Those with arrays have theirs; those that look at other arrays are
/// gathered from the source.
fn tensor_hashes(
    work: &Work<'_>,
    layout: &Layout,
    arrangement: &Arrangement,
    arrays: &[Done],
) -> Result<Vec<Hash>> {
    let mut hashes: Vec<Option<Hash>> = arrangement
        .forms
        .iter()
        .map(|form| match form {
            Form::Array(array) => Some(arrays[*array].hash),
            _ => None,
        })
        .collect();
    let views: Vec<usize> = (0..hashes.len())
        .filter(|&i| matches!(arrangement.forms[i], Form::View(_)))
        .collect();
    for form in &arrangement.forms {
        if !matches!(form, Form::Array(_)) {
            work.progress.add_tensor();
        }
    }
    let threads = super::threads(work.options.threads);
    let found = map_tickets(
        threads,
        views.len(),
        || (),
        |(), ticket| {
            let tensor = &layout.tensors[views[ticket]];
            let offset = tensor.storage.map_or(0, |id| layout.storages[id].offset);
            hash_view(tensor.dtype, &tensor.view, |at, part| {
                work.cancel.check()?;
                work.read(offset + at, part)
            })
        },
    )?;
    for (index, hash) in views.into_iter().zip(found) {
        hashes[index] = Some(hash);
    }
    (0..hashes.len())
        .map(|index| {
            let of = match arrangement.forms[index] {
                Form::Same(first) => first,
                _ => index,
            };
            hashes[of].ok_or_else(|| Error::Internal("a tensor without a hash".into()))
        })
        .collect()
}

/// Builds the container and proves that it gives the source; `None` when the CRCs of a zip do not fit. With it, the
/// sizes of its arrays in bytes.
fn build_skeleton(
    work: &Work<'_>,
    layout: &Layout,
    arrangement: &Arrangement,
    sizes: &[u64],
    crcs: &[u32],
) -> Result<Option<(Vec<u8>, Vec<u64>)>> {
    let mut builder = Builder {
        work,
        container: Container::default(),
        array_of_storage: HashMap::new(),
        indices: Vec::new(),
    };
    for (array, entry) in arrangement.arrays.iter().enumerate() {
        let name = match entry.owner {
            Owner::Tensor(index, _) => Array::Tensor(layout.tensors[index].name.clone()),
            Owner::Storage(id) => Array::Storage(layout.storages[id].name.clone()),
        };
        if let Some(id) = entry.storage {
            builder.array_of_storage.insert(id, (array, name));
        }
    }
    for segment in &layout.segments {
        builder.segment(segment)?;
    }
    let Builder {
        container, indices, ..
    } = builder;
    let bytes = container.to_bytes();

    // What was written is what is proved: the container is read back.
    let container = Container::parse(&bytes)?;
    let used: Vec<u64> = indices.iter().map(|&array| sizes[array]).collect();
    let places: Vec<(u64, u32)> = indices
        .iter()
        .map(|&array| {
            let id = arrangement.arrays[array].storage;
            id.map_or((0, 0), |id| (layout.storages[id].offset, crcs[id]))
        })
        .collect();
    Ok(proves(work, &container, &used, &places)?.then_some((bytes, used)))
}

/// Composes everything but the arrays and compares it with the source. `places` has the position in
/// the source and the CRC of each of the container's arrays.
fn proves(
    work: &Work<'_>,
    container: &Container,
    sizes: &[u64],
    places: &[(u64, u32)],
) -> Result<bool> {
    let mut plan = Plan::new(container, sizes)?;
    if plan.size != work.source.len() {
        return Ok(false);
    }
    let mut buf = Vec::new();
    for index in 0..plan.steps.len() {
        let step = plan.steps[index].clone();
        let ours = match &step.part {
            Part::Array(array) => {
                if places[*array].0 != step.offset {
                    return Ok(false);
                }
                plan.set_crc(index, places[*array].1);
                continue;
            }
            Part::Fixed(bytes) => bytes,
            Part::Literal(range) => &container.literals[range.clone()],
            Part::Late(late) => &plan.late(*late),
        };
        if plan.needs_crc(&step) {
            plan.set_crc(index, crc32fast::hash(ours));
        }
        buf.resize(ours.len(), 0);
        work.read(step.offset, &mut buf)?;
        if buf != *ours {
            return Ok(false);
        }
    }
    Ok(true)
}

struct Builder<'a> {
    work: &'a Work<'a>,
    container: Container,
    array_of_storage: HashMap<usize, (usize, Array)>,
    /// For each of the container's arrays its index in the arrangement.
    indices: Vec<usize>,
}

impl Builder<'_> {
    fn literal(&mut self, offset: u64, len: u64) -> Result<Piece> {
        let start = self.container.literals.len();
        self.container.literals.resize(start + len as usize, 0);
        self.work
            .read(offset, &mut self.container.literals[start..])?;
        Ok(Piece::Literal(len))
    }

    fn array(&mut self, storage: usize) -> Result<Piece> {
        let Some((array, name)) = self.array_of_storage.remove(&storage) else {
            return Err(Error::Internal("a storage without an array".into()));
        };
        self.container.arrays.push(name);
        self.indices.push(array);
        Ok(Piece::Array(self.indices.len() - 1))
    }

    fn segment(&mut self, segment: &Segment) -> Result<()> {
        use skeleton::Segment as Built;
        let built = match segment {
            Segment::Literal { offset, len } => Built::Piece(self.literal(*offset, *len)?),
            Segment::Storage(id) => Built::Piece(self.array(*id)?),
            Segment::TorchZip(zip) => Built::Zip(self.zip(zip)?),
        };
        match (self.container.segments.last_mut(), &built) {
            (Some(Built::Piece(Piece::Literal(last))), Built::Piece(Piece::Literal(more))) => {
                *last += more;
            }
            _ => self.container.segments.push(built),
        }
        Ok(())
    }

    fn zip(&mut self, zip: &TorchZip) -> Result<ZipTemplate> {
        let mut records = Vec::with_capacity(zip.records.len());
        for record in &zip.records {
            let payload = match record.payload {
                Payload::Literal => Ok(self.literal(record.offset, record.len)?),
                Payload::Storage(id) => Ok(self.array(id)?),
                Payload::SerializationId(digits) => Err(digits),
            };
            records.push(ZipRecord {
                name: record.name.clone(),
                payload,
            });
        }
        Ok(ZipTemplate {
            archive: zip.archive.clone(),
            alignment: zip.alignment,
            crc: zip.crc,
            records,
        })
    }
}

/// That of an earlier version, if it is the same: whether its objects are in the store or not.
fn skeleton_record(work: &Work<'_>, bytes: &[u8]) -> Result<record::Skeleton> {
    let hash = skeleton_hash(bytes);
    let previous = work.options.previous.iter();
    let mut known = previous.flat_map(|manifest| {
        let stamped = manifest.stamped.as_ref().map(Stamped::skeleton);
        manifest.skeleton.iter().cloned().chain(stamped)
    });
    match known.find(|known| known.hash == hash && known.size == bytes.len() as u64) {
        Some(same) => Ok(same),
        None => store_skeleton(bytes, work.writer, work.cancel),
    }
}

fn store_groups(work: &Work<'_>, layout: &Layout) -> Result<Vec<record::Group>> {
    groups(layout.tensors.iter().map(|t| t.name.as_str()))
        .into_iter()
        .map(|group| {
            let meta = work.writer.write(&group_json(
                group,
                group.is_empty().then_some(layout.format),
            ))?;
            Ok(record::Group {
                group: group.to_owned(),
                meta,
            })
        })
        .collect()
}

fn parts(data: &Data) -> (Option<Vec<ObjectRef>>, Option<String>) {
    match data {
        Data::Chunks(chunks) => (Some(chunks.clone()), None),
        Data::Fill(fill) => (None, Some(fill.clone())),
    }
}

fn storages(layout: &Layout, arrangement: &Arrangement, arrays: &[Done]) -> Vec<record::Storage> {
    let mut records = Vec::new();
    for (array, done) in arrangement.arrays.iter().zip(arrays) {
        if let Owner::Storage(id) = array.owner {
            let (chunks, fill) = parts(&done.data);
            records.push(record::Storage {
                storage: layout.storages[id].name.clone(),
                size: layout.storages[id].len,
                hash: done.hash,
                chunks,
                fill,
                meta: done.meta,
            });
        }
    }
    records.sort_by(|a, b| a.storage.cmp(&b.storage));
    records
}

fn tensors(
    layout: &Layout,
    arrangement: &Arrangement,
    arrays: &[Done],
    hashes: &[Hash],
) -> Vec<record::Tensor> {
    let mut records = Vec::with_capacity(layout.tensors.len());
    for (index, tensor) in layout.tensors.iter().enumerate() {
        let mut record = record::Tensor {
            tensor: tensor.name.clone(),
            dtype: tensor.dtype,
            shape: tensor.view.shape.clone(),
            order: None,
            hash: hashes[index],
            chunks: None,
            fill: None,
            meta: None,
            same: None,
            view: None,
        };
        match arrangement.forms[index] {
            Form::Array(array) => {
                (record.chunks, record.fill) = parts(&arrays[array].data);
                record.meta = Some(arrays[array].meta);
                if let Owner::Tensor(_, order) = &arrangement.arrays[array].owner {
                    record.order.clone_from(order);
                }
            }
            Form::Same(first) => record.same = Some(layout.tensors[first].name.clone()),
            Form::View(array) => {
                let (of, storage) = match arrangement.arrays[array].owner {
                    Owner::Tensor(owner, _) => (Some(layout.tensors[owner].name.clone()), None),
                    Owner::Storage(id) => (None, Some(layout.storages[id].name.clone())),
                };
                record.view = Some(record::View {
                    of,
                    storage,
                    offset: tensor.view.offset,
                    strides: tensor.view.strides.clone(),
                });
            }
        }
        records.push(record);
    }
    records
}
