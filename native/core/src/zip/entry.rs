//! One record of a zip archive: its central entry and its local header, which must agree.

use crate::bytes::{Cursor, Parse, ReadAt, Refusal};

/// How a record is stored. Other methods are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// Compressed; its bytes stay as they are in the file.
    Deflated,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name, with folders; ends in `/` for a folder.
    pub name: String,
    /// How the payload is stored.
    pub method: Method,
    /// CRC-32 that the central directory states.
    pub crc: u32,
    /// Position of the local header.
    pub header: u64,
    /// Position of the payload.
    pub payload: u64,
    /// Length of the payload as it is in the file.
    pub len: u64,
    /// Length of the content.
    pub uncompressed: u64,
    flags: u16,
}

/// Which flags may be set: compression level, descriptor, UTF-8 names.
const KNOWN_FLAGS: u16 = 0x0002 | 0x0004 | 0x0008 | 0x0800;
const DESCRIPTOR: u16 = 0x0008;
const UTF8: u16 = 0x0800;
/// Highest version of the zip specification that readers accept.
const MAX_VERSION: u16 = 63;
/// Info-ZIP's field that gives a record another name.
const UNICODE_PATH: u16 = 0x7075;
const LOCAL_HEADER: usize = 30;

impl Entry {
    /// Reads the next entry of the central directory. `payload` is not known yet: see
    /// [`Entry::locate`].
    ///
    /// # Errors
    /// When it is damaged, or when readers could understand it differently.
    pub(super) fn read_central(cursor: &mut Cursor<'_>) -> Parse<Self> {
        let start = cursor.clone();
        if cursor.take(4)? != b"PK\x01\x02" {
            return Err(start.refuse("no central entry"));
        }
        let _made_by = cursor.u16()?;
        let needed = cursor.u16()?;
        let flags = cursor.u16()?;
        let method = cursor.u16()?;
        let _time_date = cursor.u32()?;
        let crc = cursor.u32()?;
        let compressed = cursor.u32()?;
        let uncompressed = cursor.u32()?;
        let name_len = cursor.u16()?;
        let extra_len = cursor.u16()?;
        let comment_len = cursor.u16()?;
        let disk = cursor.u16()?;
        let _internal = cursor.u16()?;
        let external = cursor.u32()?;
        let header = cursor.u32()?;
        let name = cursor.take(name_len.into())?;
        let extra = cursor.take(extra_len.into())?;
        cursor.take(comment_len.into())?;

        let refuse = |rule: &str| Err(start.refuse(rule));
        if flags & !KNOWN_FLAGS != 0 {
            return refuse(if flags & 0x41 != 0 {
                "encrypted record"
            } else {
                "record with unknown flags"
            });
        }
        if needed & 0xFF > MAX_VERSION {
            return refuse("record that needs a newer zip version");
        }
        if disk != 0 {
            return refuse("record on another disk");
        }
        if external >> 28 == 0xA {
            return refuse("symbolic link");
        }
        let method = match method {
            0 => Method::Stored,
            8 => Method::Deflated,
            _ => return refuse("record with an unknown compression method"),
        };
        let name = match std::str::from_utf8(name) {
            Ok(text) if text.is_ascii() || flags & UTF8 != 0 => text.to_owned(),
            _ => return refuse("record whose name is not UTF-8"),
        };
        check_name(&name).map_err(|rule| start.refuse(rule))?;
        let zip64 = zip64_field(extra).map_err(|rule| start.refuse(rule))?;
        let mut wide = Zip64 {
            rest: zip64.unwrap_or(&[]),
        };
        // The specification's order, and only the fields that do not fit.
        let sizes = (|| {
            let uncompressed = wide.value(uncompressed)?;
            let compressed = wide.value(compressed)?;
            let header = wide.value(header)?;
            wide.rest
                .is_empty()
                .then_some((uncompressed, compressed, header))
        })();
        let Some((uncompressed, compressed, header)) = sizes else {
            return refuse("record with a zip64 field that does not fit");
        };
        if method == Method::Stored && compressed != uncompressed {
            return refuse("stored record with two sizes");
        }
        if name.ends_with('/') && compressed != 0 {
            return refuse("folder with content");
        }
        Ok(Self {
            name,
            method,
            crc,
            header,
            payload: 0,
            len: compressed,
            uncompressed,
            flags,
        })
    }

    /// Reads the local header and checks that it says the same; sets `payload`. Everything of the
    /// record must end before `end`, where the central directory begins.
    ///
    /// # Errors
    /// When header and central entry disagree, or the record reaches too far.
    pub(super) fn locate(&mut self, source: &dyn ReadAt, end: u64) -> Parse<()> {
        let fixed = self
            .header
            .checked_add((LOCAL_HEADER + self.name.len()) as u64);
        let Some(after_name) = fixed.filter(|&at| at <= end) else {
            return Err(self.refuse("has its header outside the records"));
        };
        let mut bytes = vec![0; LOCAL_HEADER + self.name.len()];
        source.read_exact_at(self.header, &mut bytes)?;
        let mut cursor = Cursor::new(&bytes, self.header, "zip local header");
        if cursor.take(4)? != b"PK\x03\x04" {
            return Err(self.refuse("has no local header"));
        }
        let _needed = cursor.u16()?;
        let flags = cursor.u16()?;
        let method = cursor.u16()?;
        let _time_date = cursor.u32()?;
        let _crc = cursor.u32()?;
        let compressed = cursor.u32()?;
        let uncompressed = cursor.u32()?;
        let name_len = cursor.u16()?;
        let extra_len = cursor.u16()?;
        if usize::from(name_len) != self.name.len()
            || cursor.take(name_len.into())? != self.name.as_bytes()
        {
            return Err(self.refuse("has another name in its local header"));
        }
        if flags != self.flags || method != u16::from(self.method == Method::Deflated) * 8 {
            return Err(self.refuse("has other flags or another method in its local header"));
        }
        let payload = after_name + u64::from(extra_len);
        let extra_end = payload.checked_add(self.len).filter(|&at| at <= end);
        if extra_end.is_none() {
            return Err(self.refuse("reaches into the central directory"));
        }
        let deferred = flags & DESCRIPTOR != 0 && compressed == 0 && uncompressed == 0;
        let plain =
            u64::from(compressed) == self.len && u64::from(uncompressed) == self.uncompressed;
        let fields = [uncompressed, compressed];
        let agree = deferred || plain || self.wide_sizes(source, after_name, extra_len, fields)?;
        if !agree {
            return Err(self.refuse("has other sizes in its local header"));
        }
        self.payload = payload;
        Ok(())
    }

    /// Are the sizes in the local header's zip64 field this record's?
    fn wide_sizes(
        &self,
        source: &dyn ReadAt,
        extra_at: u64,
        extra_len: u16,
        fields: [u32; 2],
    ) -> Parse<bool> {
        let mut extra = vec![0; usize::from(extra_len)];
        source.read_exact_at(extra_at, &mut extra)?;
        let Ok(Some(zip64)) = zip64_field(&extra) else {
            return Ok(false);
        };
        let mut wide = Zip64 { rest: zip64 };
        let deferred = self.flags & DESCRIPTOR != 0;
        Ok([self.uncompressed, self.len]
            .iter()
            .zip(fields)
            .all(|(&expected, field)| {
                wide.value(field)
                    .is_some_and(|found| found == expected || (deferred && found == 0))
            }))
    }

    /// A refusal that names this record.
    pub(super) fn refuse(&self, rule: &str) -> Refusal {
        Refusal::new(format!(
            "zip: record {:?} {rule}, header at byte {}",
            self.name, self.header
        ))
    }
}

/// Names that some readers change or refuse are refused.
fn check_name(name: &str) -> Result<(), String> {
    let path = name.strip_suffix('/').unwrap_or(name);
    if path
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..")
        || name.contains(['\\', '\0'])
    {
        return Err(format!("record with the unsafe name {name:?}"));
    }
    Ok(())
}

/// The content of the zip64 field among extra fields.
fn zip64_field(mut extra: &[u8]) -> Result<Option<&[u8]>, &'static str> {
    let mut found = None;
    while !extra.is_empty() {
        let [a, b, c, d, rest @ ..] = extra else {
            return Err("record with damaged extra fields");
        };
        let id = u16::from_le_bytes([*a, *b]);
        let len = usize::from(u16::from_le_bytes([*c, *d]));
        let content = rest.get(..len).ok_or("record with damaged extra fields")?;
        match id {
            1 if found.replace(content).is_some() => return Err("record with two zip64 fields"),
            UNICODE_PATH => return Err("record with two names"),
            _ => {}
        }
        extra = &rest[len..];
    }
    Ok(found)
}

struct Zip64<'a> {
    rest: &'a [u8],
}

impl Zip64<'_> {
    /// The value of a 32-bit field, from here when it is saturated.
    fn value(&mut self, field: u32) -> Option<u64> {
        if field != u32::MAX {
            return Some(field.into());
        }
        let (value, rest) = self.rest.split_first_chunk::<8>()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*value))
    }
}
