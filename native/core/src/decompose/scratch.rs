//! What one thread needs to store chunks: encode, decode again, compare, write.

use crate::codec::{Decoder, Encoder};
use crate::object::ObjectWriter;
use crate::record::ObjectRef;
use crate::zarr::StoredArray;
use crate::{Error, Result};

/// Buffers and contexts of one thread, used again for every chunk.
pub(super) struct Scratch {
    /// The chunk to be stored.
    pub(super) raw: Vec<u8>,
    encoded: Vec<u8>,
    check: Vec<u8>,
    encoder: Encoder,
    decoder: Decoder,
}

impl Scratch {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            raw: Vec::new(),
            encoded: Vec::new(),
            check: Vec::new(),
            encoder: Encoder::new()?,
            decoder: Decoder::new()?,
        })
    }

    /// Encodes `raw`, which has the chunk's full size, decodes it again, compares, writes.
    pub(super) fn store(
        &mut self,
        writer: &ObjectWriter,
        stored: &StoredArray,
    ) -> Result<ObjectRef> {
        self.encoder
            .encode_into(&self.raw, stored.class(), &mut self.encoded)?;
        self.check.resize(self.raw.len(), 0);
        self.decoder.decode(&self.encoded, &mut self.check)?;
        if self.check != self.raw {
            return Err(Error::Internal(
                "a chunk does not decode to what was encoded".into(),
            ));
        }
        writer.write(&self.encoded)
    }
}
