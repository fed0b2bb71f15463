//! safetensors: the stamp is a text in `__metadata__`, the first of its entries.
//!
//! The header is spliced: its other bytes stay. It is filled with spaces: to the length that it had when the
//! stamp fits into its padding, else to the next 4 KiB of the file. The length of the header, and whether it
//! had metadata, are recorded in the stamp, so that the header of before can be had back.

use serde_json::{Value, json};

use super::{
    COMMIT, Carrier, KEY, Piece, Report, Request, base_field, base_length, check_length, foreign,
    refuse,
};
use crate::bytes::{Limits, Parse, ReadAt, read_vec};
use crate::format::safetensors_header::{self as header, Header};

/// See the module.
pub(super) struct Safetensors;

/// Bytes before the header: its length.
const LENGTH: u64 = 8;
const BLOCK: u64 = 4096;
const NULL: &str = "safetensors: __metadata__ is null";

/// A header, read.
struct Text {
    text: String,
    header: Header,
    /// Position of the data.
    data: u64,
}

fn text(source: &dyn ReadAt, limits: &Limits) -> Parse<Text> {
    let mut len = [0; LENGTH as usize];
    source.read_exact_at(0, &mut len)?;
    let len = u64::from_le_bytes(len);
    if len > source.len().saturating_sub(LENGTH) || len > limits.safetensors_header {
        return refuse("safetensors: the header is longer than the file or the limit");
    }
    let bytes = read_vec(source, LENGTH, len)?;
    let header = header::parse(&bytes, limits)?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Text {
            text,
            header,
            data: LENGTH + len,
        }),
        Err(_) => refuse("safetensors: header is not UTF-8"),
    }
}

impl Text {
    fn value(&self, key: &str) -> Option<&str> {
        let mut entries = self.header.metadata.iter();
        entries
            .find(|entry| entry.0 == key)
            .map(|entry| entry.1.as_str())
    }

    /// What was recorded of the file without the stamp.
    fn base(&self, source: &dyn ReadAt) -> Value {
        json!({
            "length": source.len(),
            "header": self.text.len(),
            "metadata": self.header.metadata_at.is_some(),
        })
    }

    /// The header without the stamp, and what is recorded of the file without it; `None` when there is no stamp.
    fn before(&self, source: &dyn ReadAt) -> Parse<Option<(String, Value)>> {
        let Some(stamp) = self.value(KEY) else {
            return Ok(None);
        };
        let damaged = || refuse("the stamp is not where it was written, or not what was written");
        let fields = ["header", "metadata"].map(|name| base_field(stamp, name));
        let (Some(length), [Some(len), Some(had)]) = (base_length(stamp), fields) else {
            return damaged();
        };
        let (Some(len), Some(had)) = (len.as_u64(), had.as_bool()) else {
            return damaged();
        };
        let data = source.len() - self.data;
        if LENGTH.checked_add(len).and_then(|at| at.checked_add(data)) != Some(length) {
            return damaged();
        }
        let own = entries(stamp, self.value(COMMIT));
        let Some(at) = self.header.metadata_at else {
            return damaged();
        };
        let Some(rest) = self.text[at..].strip_prefix(&own) else {
            return damaged();
        };
        let (until, rest) = if had {
            (at, rest.strip_prefix(',').unwrap_or(rest))
        } else {
            let Some(rest) = rest.strip_prefix('}') else {
                return damaged();
            };
            let Some(until) = at.checked_sub(OPEN.len()) else {
                return damaged();
            };
            if &self.text[until..at] != OPEN {
                return damaged();
            }
            (until, rest.strip_prefix(',').unwrap_or(rest))
        };
        let mut text = format!("{}{rest}", &self.text[..until]);
        // Spaces alone are added and taken.
        if !fill(&mut text, len) {
            return damaged();
        }
        let base = json!({ "length": length, "header": len, "metadata": had });
        Ok(Some((text, base)))
    }
}

/// How metadata begins where there were none.
const OPEN: &str = "\"__metadata__\":{";

/// The entries of a stamp, as they stand in the header.
fn entries(stamp: &str, commit: Option<&str>) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let mut out = format!("{}:{}", quoted(KEY), quoted(stamp));
    if let Some(commit) = commit {
        out += &format!(",{}:{}", quoted(COMMIT), quoted(commit));
    }
    out
}

/// Adds or takes spaces at the end, up to this length. False when there are too few of them.
fn fill(text: &mut String, len: u64) -> bool {
    let Ok(len) = usize::try_from(len) else {
        return false;
    };
    let content = text.trim_end_matches(' ').len();
    if content > len || len > content.max(text.len()).saturating_add(BLOCK as usize) {
        return false;
    }
    text.truncate(len.max(content));
    while text.len() < len {
        text.push(' ');
    }
    true
}

fn pieces(text: &str, source: &dyn ReadAt, data: u64) -> Vec<Piece> {
    let mut head = (text.len() as u64).to_le_bytes().to_vec();
    head.extend_from_slice(text.as_bytes());
    vec![
        Piece::Bytes(head),
        Piece::Copy {
            offset: data,
            len: source.len() - data,
        },
    ]
}

impl Carrier for Safetensors {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn look(&self, source: &dyn ReadAt, limits: &Limits, report: &mut Report) -> Parse<()> {
        let text = text(source, limits)?;
        let entries = text.header.metadata.iter();
        report.signed = foreign::signature(entries.clone().map(|entry| entry.0.as_str()));
        foreign::of_flat(
            entries.map(|(key, value)| (key.as_str(), value.as_str())),
            report,
        );
        report.stamp = text.value(KEY).map(str::to_owned);
        if text.header.metadata_null {
            return refuse(NULL);
        }
        let before = text.before(source).inspect_err(|refusal| {
            report.problems.extend(match refusal {
                crate::bytes::Refusal::Content(rule) => Some(rule.clone()),
                crate::bytes::Refusal::Io(_) => None,
            });
        })?;
        report.removable = report.stamp.is_some();
        report.base = Some(before.map_or_else(|| text.base(source), |before| before.1));
        Ok(())
    }

    fn stamp(&self, source: &dyn ReadAt, request: &Request, limits: &Limits) -> Parse<Vec<Piece>> {
        let old = text(source, limits)?;
        let (mut text, base) = match old.before(source)? {
            Some(before) => before,
            None => (old.text.clone(), old.base(source)),
        };
        let length = base.get("length").and_then(Value::as_u64).unwrap_or(0);
        check_length(&request.stamp, length)?;
        for name in ["header", "metadata"] {
            if base_field(&request.stamp, name).as_ref() != base.get(name) {
                return refuse(format!("the stamp does not record the {name} of the file"));
            }
        }
        let len = text.len() as u64;
        let header = header::parse(text.as_bytes(), limits)?;
        let mut own = entries(&request.stamp, request.commit.as_deref());
        let follows = |rest: &str| !rest.trim_start().starts_with('}');
        let at = match header.metadata_at {
            Some(at) => {
                if follows(&text[at..]) {
                    own.push(',');
                }
                at
            }
            None => {
                if header.metadata_null {
                    return refuse(NULL);
                }
                own = format!("{OPEN}{own}}}");
                if follows(&text[1..]) {
                    own.push(',');
                }
                1
            }
        };
        text.insert_str(at, &own);
        if !fill(&mut text, len) {
            let padded = (LENGTH + text.trim_end_matches(' ').len() as u64).next_multiple_of(BLOCK);
            fill(&mut text, padded - LENGTH);
        }
        if text.len() as u64 > limits.safetensors_header {
            return refuse("safetensors: with the stamp the header is too long");
        }
        header::parse(text.as_bytes(), limits)?;
        Ok(pieces(&text, source, old.data))
    }

    fn unstamp(&self, source: &dyn ReadAt, limits: &Limits) -> Parse<Vec<Piece>> {
        let text = text(source, limits)?;
        match text.before(source)? {
            Some((before, _)) => Ok(pieces(&before, source, text.data)),
            None => refuse("no stamp"),
        }
    }
}
