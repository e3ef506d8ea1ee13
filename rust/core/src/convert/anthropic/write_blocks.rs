//! Writes content blocks.
//! <https://platform.claude.com/docs/en/api/messages>

use std::borrow::Cow;
use std::fmt::Write as _;

use super::super::write::{Array, Object};
use super::super::{Dropped, data_url};
use crate::conversation::{
    Arguments, CacheMark, File, Image, Part, Reasoning, Source, Text, ToolCall, ToolResult, Turn,
};

/// Writes a part of a turn as a block, or names it.
pub(super) fn block(part: &Part<'_>, turn: &Turn<'_>, blocks: &mut Array<'_>, dropped: &mut Dropped) {
    let at = turn.at;
    match part {
        Part::Text(text) | Part::Refusal(text) => text_block(text, at, blocks, dropped),
        Part::Image(image) => image_block(image, at, blocks, dropped),
        Part::File(file) => file_block(file, at, blocks, dropped),
        Part::ToolCall(call) => call_block(call, at, blocks, dropped),
        Part::ToolResult(result) => result_block(result, at, blocks, dropped),
        Part::CacheMark(mark) => cache_mark(mark, at, blocks, dropped),
        Part::Reasoning(Reasoning::Thought { text, signature: Some(signature) }) => {
            let mut block = blocks.object();
            block.string("type", "thinking").text("thinking", text).text("signature", signature);
            block.end();
        }
        Part::Reasoning(Reasoning::Redacted(data)) => {
            let mut block = blocks.object();
            block.string("type", "redacted_thinking").text("data", data);
            block.end();
        }
        Part::Reasoning(Reasoning::Thought { signature: None, .. }) | Part::Audio(_) | Part::Citation(_) => {
            dropped.push(format!("messages[{at}].{}", part.name()));
        }
    }
}

/// A text without a visible character is refused by Anthropic; an empty one says nothing anyway.
pub(super) fn text_block(text: &Text<'_>, at: usize, blocks: &mut Array<'_>, dropped: &mut Dropped) {
    if text.is_blank() {
        if !text.is_empty() {
            dropped.push(format!("messages[{at}].text"));
        }
        return;
    }
    let mut block = blocks.object();
    block.string("type", "text").text("text", text);
    block.end();
}

pub(super) fn cache_mark(mark: &CacheMark<'_>, at: usize, blocks: &mut Array<'_>, dropped: &mut Dropped) {
    if blocks.is_empty() {
        dropped.push(format!("messages[{at}].cache_control"));
        return;
    }
    blocks.amend_last(|block| cache_control(block, mark, dropped));
}

/// Anthropic keeps a prefix for five minutes or an hour.
pub(super) fn cache_control(block: &mut Object<'_>, mark: &CacheMark<'_>, dropped: &mut Dropped) {
    let mut control = block.object("cache_control");
    control.string("type", "ephemeral");
    match mark.ttl.as_ref().and_then(Text::plain).as_deref() {
        Some("5m") => {
            control.string("ttl", "5m");
        }
        Some("1h") => {
            control.string("ttl", "1h");
        }
        Some(_) => dropped.push("cache_control.ttl"),
        None => {}
    }
    control.end();
}

fn image_block(image: &Image<'_>, at: usize, blocks: &mut Array<'_>, dropped: &mut Dropped) {
    if image.detail.is_some() {
        dropped.push(format!("messages[{at}].image.detail"));
    }
    let media = match &image.source {
        Source::Base64 { media_type, .. } => match image_type(media_type) {
            Some(known) => known,
            None => return dropped.push(format!("messages[{at}].image")),
        },
        Source::Url(_) => "",
        Source::Plain(_) | Source::Stored(_) => return dropped.push(format!("messages[{at}].image")),
    };
    let mut block = blocks.object();
    block.string("type", "image");
    source(&mut block, &image.source, media);
    block.end();
}

fn image_type(media_type: &str) -> Option<&'static str> {
    ["image/jpeg", "image/png", "image/gif", "image/webp"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(media_type))
        .or_else(|| media_type.eq_ignore_ascii_case("image/jpg").then_some("image/jpeg"))
}

fn source(block: &mut Object<'_>, source: &Source<'_>, media_type: &str) {
    let mut object = block.object("source");
    match source {
        Source::Base64 { data, .. } => {
            object.string("type", "base64").string("media_type", media_type).string("data", data);
        }
        Source::Plain(text) => {
            object.string("type", "text").string("media_type", "text/plain").text("data", text);
        }
        Source::Url(url) => {
            object.string("type", "url").text("url", url);
        }
        Source::Stored(id) => {
            object.string("type", "file").text("file_id", id);
        }
    }
    object.end();
}

/// A PDF, or a text in any of its formats; an image that was sent as a file is an image.
fn file_block(file: &File<'_>, at: usize, blocks: &mut Array<'_>, dropped: &mut Dropped) {
    let plain;
    let (media, read) = match &file.source {
        Source::Base64 { media_type, data } => {
            if image_type(media_type).is_some() {
                let image = Image { source: file.source.clone(), detail: None };
                return image_block(&image, at, blocks, dropped);
            }
            let is_text = media_type.starts_with("text/") || media_type == "application/json";
            match is_text.then(|| data_url::text(data)).flatten() {
                Some(text) => {
                    plain = Source::Plain(Text::of(&text));
                    ("text/plain", &plain)
                }
                None if media_type == "application/pdf" => ("application/pdf", &file.source),
                None => return dropped.push(format!("messages[{at}].file")),
            }
        }
        Source::Stored(_) => return dropped.push(format!("messages[{at}].file")),
        Source::Url(_) | Source::Plain(_) => ("", &file.source),
    };
    let mut block = blocks.object();
    block.string("type", "document");
    source(&mut block, read, media);
    if let Some(name) = &file.name {
        block.text("title", name);
    }
    block.end();
}

fn call_block(call: &ToolCall<'_>, at: usize, blocks: &mut Array<'_>, dropped: &mut Dropped) {
    let mut block = blocks.object();
    block.string("type", "tool_use").string("id", &id(&call.id)).text("name", &call.name);
    match &call.arguments {
        Arguments::Object(json) => block.raw("input", json),
        Arguments::Other(text) => {
            // What the model once wrote, though it was no object: kept for it to read.
            dropped.push(format!("messages[{at}].tool_calls.arguments"));
            let mut input = block.object("input");
            input.text("arguments", text);
            input.end();
            &mut block
        }
    };
    block.end();
}

fn result_block(result: &ToolResult<'_>, at: usize, blocks: &mut Array<'_>, dropped: &mut Dropped) {
    let mut content = Vec::new();
    let mut inner = Array::begin(&mut content);
    for part in &result.parts {
        match part {
            Part::Text(text) => text_block(text, at, &mut inner, dropped),
            Part::Image(image) => image_block(image, at, &mut inner, dropped),
            Part::File(file) => file_block(file, at, &mut inner, dropped),
            other => dropped.push(format!("messages[{at}].{}", other.name())),
        }
    }
    let is_empty = inner.is_empty();
    inner.end();
    let mut block = blocks.object();
    block.string("type", "tool_result").string("tool_use_id", &id(&result.call));
    if !is_empty {
        block.key("content").extend_from_slice(&content);
    }
    if result.is_error {
        block.flag("is_error", true);
    }
    block.end();
}

/// An id of a call in the letters that Anthropic allows. Others are spelled out, in the call and in its result alike.
fn id<'a>(text: &'a Text<'_>) -> Cow<'a, str> {
    let plain = text.plain().unwrap_or(Cow::Borrowed(text.inner()));
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !plain.is_empty() && plain.bytes().all(is_allowed) {
        return plain;
    }
    let mut out = String::from(if plain.is_empty() { "_" } else { "" });
    for byte in plain.bytes() {
        if is_allowed(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "_x{byte:02x}");
        }
    }
    Cow::Owned(out)
}
