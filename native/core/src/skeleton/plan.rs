//! A container and the sizes of its arrays, laid out as the steps that write the file.

use std::ops::Range;

use super::container::{Container, Piece, Segment, ZipTemplate};
use crate::zip::{LateId, Payload, Plan as ZipPlan, Record, TorchZip, ZipPart};
use crate::{Error, Result};

/// A part that follows from CRCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    zip: usize,
    id: LateId,
}

/// Where the bytes of a step come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// These bytes.
    Fixed(Vec<u8>),
    /// This range of the container's literals.
    Literal(Range<usize>),
    /// The whole of this array.
    Array(usize),
    /// To be computed, see [`Plan::late`].
    Late(Late),
}

/// A run of bytes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Position in the file.
    pub offset: u64,
    /// Length in bytes.
    pub len: u64,
    /// Where the bytes come from.
    pub part: Part,
    /// The zip and the record that it is the payload of.
    pub record: Option<(usize, usize)>,
}

/// All steps, in order of the file.
#[derive(Debug)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
    /// Size of the file.
    pub size: u64,
    /// Where each of the container's segments ends in the file.
    pub ends: Vec<u64>,
    zips: Vec<ZipPlan<'static>>,
    /// CRC-32 of the payloads, by zip and record; filled as the steps are taken.
    crcs: Vec<Vec<u32>>,
}

impl Plan {
    /// `sizes` are those of the container's arrays, in bytes.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the sizes overflow, or a zip is none that the writer could have written.
    pub fn new(container: &Container, sizes: &[u64]) -> Result<Self> {
        let mut plan = Self {
            steps: Vec::new(),
            size: 0,
            ends: Vec::with_capacity(container.segments.len()),
            zips: Vec::new(),
            crcs: Vec::new(),
        };
        let mut literal = 0;
        for segment in &container.segments {
            match segment {
                Segment::Piece(piece) => plan.piece(*piece, sizes, &mut literal, None)?,
                Segment::Zip(template) => plan.zip(template, sizes, &mut literal)?,
            }
            plan.ends.push(plan.size);
        }
        Ok(plan)
    }

    fn push(&mut self, len: u64, part: Part, record: Option<(usize, usize)>) -> Result<()> {
        let offset = self.size;
        self.size = offset
            .checked_add(len)
            .filter(|&size| i64::try_from(size).is_ok())
            .ok_or_else(|| invalid("the file is too long"))?;
        if len > 0 {
            self.steps.push(Step {
                offset,
                len,
                part,
                record,
            });
        }
        Ok(())
    }

    fn piece(
        &mut self,
        piece: Piece,
        sizes: &[u64],
        literal: &mut usize,
        record: Option<(usize, usize)>,
    ) -> Result<()> {
        match piece {
            Piece::Literal(len) => {
                let start = *literal;
                // The container's parser has checked that the literals are all there.
                *literal += usize::try_from(len).map_err(|_| invalid("a literal is too long"))?;
                self.push(len, Part::Literal(start..*literal), record)
            }
            Piece::Array(index) => self.push(sizes[index], Part::Array(index), record),
        }
    }

    fn zip(&mut self, template: &ZipTemplate, sizes: &[u64], literal: &mut usize) -> Result<()> {
        let records = template.records.iter().map(|record| {
            let (len, payload) = match record.payload {
                Ok(Piece::Literal(len)) => (len, Payload::Literal),
                Ok(Piece::Array(index)) => (sizes[index], Payload::Storage(index)),
                Err(digits) => (40, Payload::SerializationId(digits)),
            };
            Record {
                name: record.name.clone(),
                offset: 0,
                len,
                crc: 0,
                payload,
            }
        });
        let zip = TorchZip {
            offset: 0,
            len: 0,
            archive: template.archive.clone(),
            alignment: template.alignment,
            crc: template.crc,
            records: records.collect(),
        };
        let zip = zip.into_plan().map_err(|rule| invalid(&rule))?;
        let index = self.zips.len();
        for part in zip.parts() {
            match part {
                ZipPart::Bytes(bytes) => {
                    self.push(bytes.len() as u64, Part::Fixed(bytes.clone()), None)?;
                }
                ZipPart::Late(id, len) => {
                    self.push(
                        *len,
                        Part::Late(Late {
                            zip: index,
                            id: *id,
                        }),
                        None,
                    )?;
                }
                ZipPart::Payload(record) => {
                    if let Ok(piece) = template.records[*record].payload {
                        self.piece(piece, sizes, literal, Some((index, *record)))?;
                    }
                }
            }
        }
        self.crcs.push(vec![0; template.records.len()]);
        self.zips.push(zip);
        Ok(())
    }

    /// Does anybody need the CRC of this step's bytes?
    #[must_use]
    pub fn needs_crc(&self, step: &Step) -> bool {
        step.record.is_some_and(|(zip, _)| self.zips[zip].zip().crc)
    }

    /// States the CRC-32 of a step's bytes.
    pub fn set_crc(&mut self, step: usize, crc: u32) {
        if let Some((zip, record)) = self.steps[step].record {
            self.crcs[zip][record] = crc;
        }
    }

    /// A late part, once the CRCs of all steps before it are stated.
    #[must_use]
    pub fn late(&self, late: Late) -> Vec<u8> {
        self.zips[late.zip].late(late.id, &self.crcs[late.zip])
    }
}

fn invalid(rule: &str) -> Error {
    Error::invalid("skeleton", rule)
}
