//! A stream as the whole answer that it was, and a whole answer as a stream.
//!
//! An entry holds the whole answer, whichever way it came: it is a thirtieth of the size of its events, a client that
//! wants JSON gets it as it lies, and what may be stored is judged in one place. Joining follows what clients do with
//! chunks: texts are joined, lists are appended, what has an index is joined by it, anything else is what was said last. A
//! stream with something that a whole answer has no place for is not joined, and so not stored as one.
//!
//! Chat completions and text completions go both ways. A stream of a response ends with the whole response, which is taken
//! from it; there is no way back. For the rest, an entry keeps the form in which it came
//! ([`super::store::Shape`]) and answers those who ask for that form.

mod join;
mod pieces;
mod said;
mod split;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use said::said;

use super::key::Form;
use crate::json;

/// Why no whole answer was made of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unjoined {
    /// It has not ended as it should, or is not what it should be.
    Broken,
    /// Nothing joins streams of this form, or one of the events has something that cannot be joined.
    Unknown,
}

/// Makes the whole answer of a stream, all of whose bytes are given.
pub fn whole(form: Form, stream: &[u8]) -> Result<Vec<u8>, Unjoined> {
    match form {
        Form::Chat | Form::Completions => join::chunks(stream),
        Form::Responses => join::response(stream),
        Form::Messages | Form::Embeddings | Form::Moderations => Err(Unjoined::Unknown),
    }
}

/// Makes the stream of a whole answer, to its last event. `usage`: whether the client asked for token counts at the end
/// (`stream_options.include_usage`). None where nothing does for this form or this answer.
pub fn events(form: Form, body: &[u8], usage: bool) -> Option<Vec<u8>> {
    match form {
        Form::Chat => split::completion(body, "chat.completion.chunk", usage),
        Form::Completions => split::completion(body, "text_completion", usage),
        Form::Responses | Form::Messages | Form::Embeddings | Form::Moderations => None,
    }
}

/// Members of an object in their order: key and raw value.
type Members<'a> = Vec<(Cow<'a, str>, &'a str)>;

/// Reads an object; None where `raw` is none, or a key is no text.
fn members(raw: &str) -> Option<Members<'_>> {
    let mut members = Vec::with_capacity(8);
    let mut readable = true;
    let bytes = raw.as_bytes();
    json::scan_object(bytes, |member| {
        let key = json::unescape(member.key.of(bytes));
        match (key, raw.get(member.value.start..member.value.end)) {
            (Some(key), Some(value)) => members.push((key, value)),
            _ => readable = false,
        }
    })
    .ok()?;
    readable.then_some(members)
}

/// Reads a list; None where `raw` is none.
fn items(raw: &str) -> Option<Vec<&str>> {
    let items: Vec<&serde_json::value::RawValue> = serde_json::from_str(raw).ok()?;
    Some(items.into_iter().map(serde_json::value::RawValue::get).collect())
}

/// What stands between the quotes of a string; None where `raw` is none.
fn inner(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

/// The value of a member.
fn member<'a>(members: &Members<'a>, name: &str) -> Option<&'a str> {
    members.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
}
