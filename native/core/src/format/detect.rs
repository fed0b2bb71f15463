//! Which format a file has, and what that format makes of it.

use super::{FORMATS, HEAD};
use crate::bytes::{Limits, Parse, ReadAt, Refusal, read_vec};
use crate::error::{Error, Result};
use crate::layout::{Layout, Parsed, Segment};
use crate::zip::Payload;

/// Parses a file: every content has a result, and a layout has passed [`Layout::check`].
///
/// # Errors
/// [`Error::Io`] when reading fails.
pub fn parse(source: &dyn ReadAt, limits: &Limits) -> Result<Parsed> {
    match layout(source, limits) {
        Ok(layout) => Ok(Parsed::Layout(layout)),
        Err(Refusal::Content(reason)) => Ok(Parsed::Opaque(one_line(&reason))),
        Err(Refusal::Io(error)) => Err(Error::io("reading", source.origin())(error)),
    }
}

pub(super) fn head(source: &dyn ReadAt) -> Parse<Vec<u8>> {
    Ok(read_vec(source, 0, source.len().min(HEAD as u64))?)
}

fn layout(source: &dyn ReadAt, limits: &Limits) -> Parse<Layout> {
    if source.is_empty() {
        return Err(Refusal::new("the file is empty"));
    }
    let head = head(source)?;
    let Some(format) = FORMATS.iter().find(|format| format.claims(&head)) else {
        return Err(Refusal::new("no known checkpoint format"));
    };
    let layout = format.parse(source, limits)?;
    layout
        .check()
        .map_err(|rule| Refusal::new(format!("{}: {rule}", format.name())))?;
    if literal_bytes(&layout) > limits.literal_bytes {
        return Err(Refusal::new(format!(
            "{}: more than {} bytes are in no tensor",
            format.name(),
            limits.literal_bytes
        )));
    }
    Ok(layout)
}

/// Bytes of the file that the skeleton has to keep.
fn literal_bytes(layout: &Layout) -> u64 {
    let of = |segment: &Segment| match segment {
        Segment::Literal { len, .. } => *len,
        Segment::Storage(_) => 0,
        Segment::TorchZip(zip) => {
            let literal = zip.records.iter().filter(|r| r.payload == Payload::Literal);
            literal.map(|r| r.len).fold(0, u64::saturating_add)
        }
    };
    layout.segments.iter().map(of).fold(0, u64::saturating_add)
}

/// A reason is one line of text that can be printed: names from the file are in it.
fn one_line(reason: &str) -> String {
    // Also what separates lines, and what changes the direction of text.
    let hidden =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reason.chars().filter(|&c| !hidden(c)).take(1000).collect()
}
