//! Which format a file has, and what that format makes of it.

use super::{FORMATS, Facts, Format, Probe};
use crate::bytes::{Limits, Parse, ReadAt, Refusal};
use crate::error::{Error, Result};
use crate::layout::{Layout, Parsed, Segment};
use crate::zip::Payload;

/// Parses a file: every content has a result, and a layout has passed [`Layout::check`].
///
/// # Errors
/// [`Error::Io`] when reading fails.
pub fn parse(source: &dyn ReadAt, limits: &Limits) -> Result<Parsed> {
    parsed(source, limits, None)
}

/// Parses a file, and says what its format knows of it besides tensors; nothing for files of which nothing
/// can be said.
///
/// # Errors
/// As [`parse`].
pub fn parse_and_describe(source: &dyn ReadAt, limits: &Limits) -> Result<(Parsed, Facts)> {
    let mut facts = Facts::default();
    let parsed = parsed(source, limits, Some(&mut facts))?;
    Ok((parsed, facts))
}

/// The second part of [`parse_and_describe`].
///
/// # Errors
/// As [`parse`].
pub fn describe(source: &dyn ReadAt, limits: &Limits) -> Result<Facts> {
    Ok(parse_and_describe(source, limits)?.1)
}

fn parsed(source: &dyn ReadAt, limits: &Limits, facts: Option<&mut Facts>) -> Result<Parsed> {
    match layout(source, limits, facts) {
        Ok(layout) => Ok(Parsed::Layout(layout)),
        Err(Refusal::Content(reason)) => Ok(Parsed::Opaque(one_line(&reason))),
        Err(Refusal::Io(error)) => Err(Error::io("reading", source.origin())(error)),
    }
}

fn format_of(source: &dyn ReadAt) -> Parse<&'static dyn Format> {
    if source.is_empty() {
        return Err(Refusal::new("the file is empty"));
    }
    let file = Probe::new(source)?;
    let found = FORMATS.iter().find(|format| format.claims(&file));
    found
        .copied()
        .ok_or_else(|| Refusal::new("no known checkpoint format"))
}

/// The name of the format that takes a file for its own: `zip` for archives of all kinds.
pub(crate) fn name_of(source: &dyn ReadAt) -> Parse<&'static str> {
    Ok(format_of(source)?.name())
}

fn layout(source: &dyn ReadAt, limits: &Limits, facts: Option<&mut Facts>) -> Parse<Layout> {
    let format = format_of(source)?;
    let layout = format.parse(source, limits, facts)?;
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
pub(crate) fn one_line(reason: &str) -> String {
    // Also what separates lines, and what changes the direction of text.
    let hidden =
        |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reason.chars().filter(|&c| !hidden(c)).take(1000).collect()
}
