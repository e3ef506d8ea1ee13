//! An entry as tagged fields.
//!
//! A field that an entry may lack takes a new tag and no new version: a reader passes over tags that it does not know, and
//! a record without the field is an entry without it. A tag is never given to something else.

use bytes::Bytes;
use ferrogate_core::cache::key::{Form, Scope};
use ferrogate_core::cache::store::{Entry, Question, Shape};
use ferrogate_core::dialects::Usage;

#[cfg(test)]
mod tests;

const TENANT: u8 = 1;
const FORM: u8 = 2;
const SHAPE: u8 = 3;
const STATUS: u8 = 4;
const CONTENT_TYPE: u8 = 5;
const MODEL: u8 = 6;
const PROVIDER: u8 = 7;
const FINISH: u8 = 8;
const USAGE: u8 = 9;
const ROUTE: u8 = 10;
const PREVIEW: u8 = 11;
const BODY: u8 = 12;
/// A scope, and a text behind it.
const QUESTION: u8 = 13;

/// Appends the fields of an entry, its TTL aside.
pub(crate) fn write(to: &mut Vec<u8>, entry: &Entry) {
    field(to, TENANT, &[entry.tenant.as_bytes()]);
    field(to, FORM, &[&[form(entry.form)]]);
    field(to, SHAPE, &[&[shape(entry.shape)]]);
    field(to, STATUS, &[&entry.status.to_le_bytes()]);
    field(to, CONTENT_TYPE, &[entry.content_type.as_bytes()]);
    field(to, MODEL, &[entry.model.as_bytes()]);
    field(to, PROVIDER, &[entry.provider.as_bytes()]);
    if let Some(finish) = &entry.finish {
        field(to, FINISH, &[finish.as_bytes()]);
    }
    if let Some(usage) = &entry.usage {
        field(
            to,
            USAGE,
            &[usage.input, usage.output, usage.cached].map(u64::to_le_bytes).each_ref().map(|b| &b[..]),
        );
    }
    field(to, ROUTE, &[entry.route.as_bytes()]);
    field(to, PREVIEW, &[entry.preview.as_bytes()]);
    field(to, BODY, &[&entry.body]);
    if let Some(Question { scope, text }) = &entry.question {
        field(to, QUESTION, &[scope.as_bytes(), text.as_bytes()]);
    }
}

/// Appends a field of several parts.
fn field(to: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    to.push(tag);
    // Where this does not fit, the record's size does not either, and the record is not written.
    to.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    for part in parts {
        to.extend_from_slice(part);
    }
}

/// Reads an entry; None where a field is missing, or says what this version does not know.
pub(crate) fn read(mut bytes: &[u8], ttl: u64) -> Option<Entry> {
    let mut fields: [Option<&[u8]>; 256] = [None; 256];
    while let Some((&tag, rest)) = bytes.split_first() {
        let (length, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        fields[usize::from(tag)] = Some(value);
        bytes = rest;
    }
    let value = |tag: u8| fields[usize::from(tag)];
    // What may be missing must be right where it is not.
    let finish = match value(FINISH) {
        Some(value) => Some(text(value)?),
        None => None,
    };
    let usage = match value(USAGE) {
        Some(value) => Some(usage_of(value)?),
        None => None,
    };
    let question = match value(QUESTION) {
        Some(value) => Some(question_of(value)?),
        None => None,
    };
    Some(Entry {
        tenant: text(value(TENANT)?)?,
        form: form_of(value(FORM)?)?,
        shape: shape_of(value(SHAPE)?)?,
        body: Bytes::copy_from_slice(value(BODY)?),
        status: u16::from_le_bytes(value(STATUS)?.try_into().ok()?),
        content_type: text(value(CONTENT_TYPE)?)?,
        model: text(value(MODEL)?)?,
        provider: text(value(PROVIDER)?)?,
        finish,
        usage,
        route: text(value(ROUTE)?)?,
        preview: text(value(PREVIEW)?)?,
        ttl,
        question,
    })
}

fn text(value: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(value).ok().map(Into::into)
}

fn usage_of(value: &[u8]) -> Option<Usage> {
    let (numbers, []) = value.as_chunks() else { return None };
    let [input, output, cached] = <[_; 3]>::try_from(numbers).ok()?.map(u64::from_le_bytes);
    Some(Usage { input, output, cached })
}

fn question_of(value: &[u8]) -> Option<Question> {
    let (scope, value) = value.split_first_chunk()?;
    Some(Question { scope: Scope::from_bytes(*scope), text: text(value)? })
}

const fn form(form: Form) -> u8 {
    match form {
        Form::Chat => 1,
        Form::Messages => 2,
        Form::Responses => 3,
        Form::Completions => 4,
        Form::Embeddings => 5,
        Form::Moderations => 6,
    }
}

fn form_of(value: &[u8]) -> Option<Form> {
    Some(match value {
        [1] => Form::Chat,
        [2] => Form::Messages,
        [3] => Form::Responses,
        [4] => Form::Completions,
        [5] => Form::Embeddings,
        [6] => Form::Moderations,
        _ => return None,
    })
}

const fn shape(shape: Shape) -> u8 {
    match shape {
        Shape::Whole => 1,
        Shape::Events => 2,
    }
}

fn shape_of(value: &[u8]) -> Option<Shape> {
    Some(match value {
        [1] => Shape::Whole,
        [2] => Shape::Events,
        _ => return None,
    })
}
