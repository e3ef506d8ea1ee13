//! What two dialects, or one, say in different words, in one of them.
//!
//! Each function turns a form that was just written into another, and only where nothing is lost by it: a member that it
//! does not know leaves the form as it was.

use std::ops::Range;

use super::canon::{Canon, HEAD};
use super::{Form, Uncacheable, walk};

/// Writes the value of a top-level member.
pub(super) fn member(
    canon: &mut Canon,
    body: &[u8],
    at: usize,
    name: &str,
    form: Form,
) -> Result<(), Uncacheable> {
    let start = canon.out.len();
    match (name, form) {
        ("tools", Form::Messages) if body.get(at) == Some(&b'[') => {
            canon.list(body, at, |canon, at| {
                let start = canon.out.len();
                let end = canon.value(body, at)?;
                tool(canon, start);
                Ok(end)
            })?;
        }
        ("tool_choice", Form::Messages) => {
            canon.value(body, at)?;
            choice(canon, start);
        }
        ("stop", Form::Chat | Form::Messages | Form::Completions) => {
            canon.value(body, at)?;
            if canon.out[start] == b'"' {
                canon.out.insert(start, b'[');
                canon.out.push(b']');
            }
        }
        _ => {
            canon.value(body, at)?;
        }
    }
    Ok(())
}

/// A list of one text part, with which the buffer ends, becomes the text.
pub(super) fn content(out: &mut Vec<u8>, at: usize) {
    const BEFORE: &[u8] = b"[{\"\x04\0\0\0text";
    const BEHIND: &[u8] = b"\"\x04\0\0\0type\"\x04\0\0\0text}]";
    if !out[at..].starts_with(BEFORE) {
        return;
    }
    let start = at + BEFORE.len();
    let Some(text) = walk::string(out, start) else { return };
    if out.get(text.end..) == Some(BEHIND) {
        out.truncate(text.end);
        out.drain(at..text.start - HEAD);
    }
}

/// Anthropic's tool, with which the buffer ends, becomes a function.
fn tool(canon: &mut Canon, at: usize) {
    const NAMES: [(&str, &str); 4] = [
        ("description", "description"),
        ("name", "name"),
        ("input_schema", "parameters"),
        ("strict", "strict"),
    ];
    let form = canon.out.split_off(at);
    let is_known =
        walk::members(&form, 0).all(|(key, _)| NAMES.iter().any(|(name, _)| name.as_bytes() == key));
    let has = |name| walk::member(&form, 0, name).is_some();
    if !(is_known && has("name") && has("input_schema")) {
        canon.out.extend_from_slice(&form);
        return;
    }
    canon.out.push(b'{');
    canon.plain("function");
    canon.out.push(b'{');
    for (name, renamed) in NAMES {
        if let Some(value) = walk::member(&form, 0, name) {
            canon.plain(renamed);
            canon.out.extend_from_slice(&form[value]);
        }
    }
    canon.out.push(b'}');
    canon.plain("type");
    canon.plain("function");
    canon.out.push(b'}');
}

/// Anthropic's choice of a tool, with which the buffer ends, becomes OpenAI's.
fn choice(canon: &mut Canon, at: usize) {
    let form = canon.out.split_off(at);
    let named: Option<Range<usize>> = walk::member(&form, 0, "name");
    let members = walk::members(&form, 0).count();
    let kind = walk::member(&form, 0, "type").map_or(0, |kind| kind.start);
    let word = [("auto", "auto"), ("any", "required"), ("none", "none")]
        .into_iter()
        .find(|(kind_of, _)| members == 1 && walk::says(&form, kind, kind_of));
    if let Some((_, word)) = word {
        canon.plain(word);
        return;
    }
    let Some(name) = named.filter(|_| members == 2 && walk::says(&form, kind, "tool")) else {
        canon.out.extend_from_slice(&form);
        return;
    };
    canon.out.push(b'{');
    canon.plain("function");
    canon.out.push(b'{');
    canon.plain("name");
    canon.out.extend_from_slice(&form[name]);
    canon.out.push(b'}');
    canon.plain("type");
    canon.plain("function");
    canon.out.push(b'}');
}
