//! Messages, and the last one that the user wrote.

use std::ops::Range;

use super::canon::{Canon, Place};
use super::{Uncacheable, walk};

/// What the scope leaves out of the canonical form.
#[derive(Debug)]
pub(super) struct Hole {
    pub(super) start: usize,
    pub(super) end: usize,
    /// What stands in it, where it may be compared by meaning.
    pub(super) text: Option<String>,
    /// Of how many parts that text is made; 0 where there is none.
    pub(super) parts: u32,
}

/// Writes the messages at `subject`, behind the system prompt that stands elsewhere, and finds the last one of the user.
pub(super) fn write(
    canon: &mut Canon,
    body: &[u8],
    system: Option<usize>,
    subject: usize,
) -> Result<Hole, Uncacheable> {
    match body.get(subject) {
        Some(b'[') => {}
        // A response's input may be a text.
        Some(b'"') if system.is_none() => {
            let start = canon.out.len();
            canon.string(body, subject)?;
            return Ok(hole(&canon.out, start..canon.out.len(), true));
        }
        _ => return Err(Uncacheable::Shape),
    }
    canon.out.push(b'[');
    if let Some(system) = system {
        write_system(canon, body, system)?;
    }
    let mut last = None;
    canon.items(body, subject, |canon, at| {
        let start = canon.out.len();
        if body.get(at) != Some(&b'{') {
            return canon.value(body, at);
        }
        let end = canon.object(body, at, Place::Message)?;
        let role = walk::member(&canon.out, start, "role");
        if role.is_some_and(|role| walk::says(&canon.out, role.start, "user")) {
            last = Some(start..canon.out.len());
        }
        Ok(end)
    })?;
    let out = &canon.out;
    let found = last.and_then(|last| {
        let content = walk::member(out, last.start, "content")?;
        // Behind it there is nothing but the end of the list.
        Some(hole(out, content, last.end + 1 == out.len()))
    });
    Ok(found.unwrap_or(Hole { start: out.len(), end: out.len(), text: None, parts: 0 }))
}

/// Anthropic's system prompt as the message that other dialects have it in.
fn write_system(canon: &mut Canon, body: &[u8], at: usize) -> Result<(), Uncacheable> {
    canon.out.push(b'{');
    canon.plain("content");
    let value = canon.out.len();
    canon.value(body, at)?;
    super::fold::content(&mut canon.out, value);
    canon.plain("role");
    canon.plain("system");
    canon.out.push(b'}');
    Ok(())
}

fn hole(form: &[u8], content: Range<usize>, is_last: bool) -> Hole {
    let (text, parts) = is_last
        .then(|| text(form, content.start))
        .flatten()
        .map_or((None, 0), |(text, parts)| (Some(text), parts));
    Hole { start: content.start, end: content.end, text, parts }
}

/// The text of a content that is nothing else.
fn text(form: &[u8], at: usize) -> Option<(String, u32)> {
    let read = |range: Range<usize>| std::str::from_utf8(&form[range]).ok();
    if let Some(range) = walk::string(form, at) {
        return Some((read(range)?.to_owned(), 1));
    }
    let mut joined = String::new();
    let mut parts = 0;
    for item in walk::items(form, at) {
        let text = walk::member(form, item.start, "text").and_then(|text| walk::string(form, text.start))?;
        let kind = walk::member(form, item.start, "type")?;
        let is_text = walk::says(form, kind.start, "text") || walk::says(form, kind.start, "input_text");
        if !is_text || walk::members(form, item.start).count() > 2 {
            return None;
        }
        if parts > 0 {
            joined.push('\n');
        }
        joined.push_str(read(text)?);
        parts += 1;
    }
    (parts > 0).then_some((joined, parts))
}
