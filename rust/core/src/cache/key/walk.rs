//! Finding things in what was written.

use std::ops::Range;

use super::canon::HEAD;

/// The place behind the value at `at` of a canonical form.
pub(super) fn skip(form: &[u8], at: usize) -> Option<usize> {
    let (mut at, mut depth) = (at, 0usize);
    loop {
        at = match form.get(at)? {
            b'"' => string(form, at)?.end,
            b'#' => at + 1 + form[at..].iter().position(|&byte| byte == b';')?,
            b'[' | b'{' => {
                depth += 1;
                at + 1
            }
            b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                at + 1
            }
            _ => at + 1,
        };
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Where lies what the string at `at` says; None where there is another value.
pub(super) fn string(form: &[u8], at: usize) -> Option<Range<usize>> {
    let head = form.get(at..at + HEAD)?;
    let length = u32::from_le_bytes(*head.strip_prefix(b"\"")?.first_chunk()?);
    let start = at + HEAD;
    Some(start..start + length as usize)
}

/// The members of the object at `at`, in order: what the key says, and where the value lies.
pub(super) fn members(form: &[u8], at: usize) -> impl Iterator<Item = (&[u8], Range<usize>)> {
    let mut at = if form.get(at) == Some(&b'{') { at + 1 } else { form.len() };
    std::iter::from_fn(move || {
        let key = string(form, at)?;
        let value = key.end..skip(form, key.end)?;
        at = value.end;
        Some((&form[key], value))
    })
}

/// The value of a member of the object at `at`.
pub(super) fn member(form: &[u8], at: usize, name: &str) -> Option<Range<usize>> {
    members(form, at).find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value)
}

/// The items of the list at `at`; none where there is another value.
pub(super) fn items(form: &[u8], at: usize) -> impl Iterator<Item = Range<usize>> {
    let mut at = if form.get(at) == Some(&b'[') { at + 1 } else { form.len() };
    std::iter::from_fn(move || {
        if form.get(at)? == &b']' {
            return None;
        }
        let item = at..skip(form, at)?;
        at = item.end;
        Some(item)
    })
}

/// Whether the string at `at` says `text`.
pub(super) fn says(form: &[u8], at: usize, text: &str) -> bool {
    string(form, at).is_some_and(|range| form[range] == *text.as_bytes())
}
