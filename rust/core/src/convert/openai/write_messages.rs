//! Writes the messages of a request.
//!
//! A tool's result is a message of its own here, and holds texts only; a thought cannot be sent back at all.

use super::super::write::{Array, Object};
use super::super::{Dropped, Refusal};
use crate::conversation::{Arguments, File, Part, Role, Source, Text, ToolCall, ToolResult, Turn};

pub(super) fn write(
    turns: &[Turn<'_>],
    object: &mut Object<'_>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let mut list = object.array("messages");
    for turn in turns {
        for part in &turn.parts {
            if let Part::ToolResult(result) = part {
                tool_message(result, turn.at, &mut list, dropped);
            }
        }
        message(turn, &mut list, dropped);
    }
    if list.is_empty() {
        return Err(Refusal::unservable("messages", "holds nothing that can be sent to this provider"));
    }
    list.end();
    Ok(())
}

fn tool_message(result: &ToolResult<'_>, at: usize, list: &mut Array<'_>, dropped: &mut Dropped) {
    let mut message = list.object();
    message.string("role", "tool").text("tool_call_id", &result.call);
    let mut content = message.array("content");
    for part in &result.parts {
        match part {
            Part::Text(text) => text_part(text, &mut content),
            other => dropped.push(format!("messages[{at}].{}", other.name())),
        }
    }
    if content.is_empty() {
        text_part(&Text::of(""), &mut content);
    }
    content.end();
    if result.is_error {
        dropped.push(format!("messages[{at}].is_error"));
    }
    message.end();
}

fn message(turn: &Turn<'_>, list: &mut Array<'_>, dropped: &mut Dropped) {
    let mut content = Vec::new();
    let mut parts = Array::begin(&mut content);
    for part in &turn.parts {
        match part {
            Part::Text(text) => text_part(text, &mut parts),
            Part::Refusal(text) if turn.role == Role::Assistant => {
                let mut item = parts.object();
                item.string("type", "refusal").text("refusal", text);
                item.end();
            }
            Part::Image(image) if turn.role == Role::User => {
                let Some(url) = url(&image.source) else {
                    dropped.push(format!("messages[{}].image", turn.at));
                    continue;
                };
                let mut item = parts.object();
                item.string("type", "image_url");
                let mut holder = item.object("image_url");
                holder.text("url", &url);
                if let Some(detail) = &image.detail {
                    holder.text("detail", detail);
                }
                holder.end();
                item.end();
            }
            Part::Audio(audio) if turn.role == Role::User => {
                let mut item = parts.object();
                item.string("type", "input_audio");
                let mut holder = item.object("input_audio");
                holder.text("data", &audio.data);
                if let Some(format) = &audio.format {
                    holder.text("format", format);
                }
                holder.end();
                item.end();
            }
            Part::File(file) if turn.role == Role::User => file_part(file, turn.at, &mut parts, dropped),
            Part::ToolCall(_) | Part::ToolResult(_) => {}
            other => dropped.push(format!("messages[{}].{}", turn.at, other.name())),
        }
    }
    let has_content = !parts.is_empty();
    parts.end();
    let has_calls = turn.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    if !has_content && !has_calls {
        return;
    }
    let mut message = list.object();
    message.string(
        "role",
        match turn.role {
            Role::System => "system",
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        },
    );
    if has_content {
        message.key("content").extend_from_slice(&content);
    } else {
        message.raw("content", "null");
    }
    if has_calls {
        let mut calls = message.array("tool_calls");
        for part in &turn.parts {
            if let Part::ToolCall(call) = part {
                tool_call(call, &mut calls);
            }
        }
        calls.end();
    }
    message.end();
}

fn tool_call(call: &ToolCall<'_>, calls: &mut Array<'_>) {
    let mut item = calls.object();
    item.text("id", &call.id).string("type", "function");
    let mut function = item.object("function");
    function.text("name", &call.name);
    match &call.arguments {
        Arguments::Object(json) => function.string("arguments", json),
        Arguments::Other(text) => function.text("arguments", text),
    };
    function.end();
    item.end();
}

fn text_part(text: &Text<'_>, parts: &mut Array<'_>) {
    let mut item = parts.object();
    item.string("type", "text").text("text", text);
    item.end();
}

/// An address, or the bytes as one.
fn url<'a>(source: &Source<'a>) -> Option<Text<'a>> {
    match source {
        Source::Base64 { media_type, data } => Some(Text::of(&format!("data:{media_type};base64,{data}"))),
        Source::Url(url) => Some(url.clone()),
        Source::Plain(_) | Source::Stored(_) => None,
    }
}

/// A document in the request; a text is sent as one.
fn file_part(file: &File<'_>, at: usize, parts: &mut Array<'_>, dropped: &mut Dropped) {
    match &file.source {
        Source::Plain(text) => {
            if file.name.is_some() {
                dropped.push(format!("messages[{at}].file.title"));
            }
            text_part(text, parts);
        }
        Source::Base64 { .. } => {
            let mut item = parts.object();
            item.string("type", "file");
            let mut holder = item.object("file");
            match &file.name {
                Some(name) => holder.text("filename", name),
                None => holder.string("filename", "document.pdf"),
            };
            if let Some(data) = url(&file.source) {
                holder.text("file_data", &data);
            }
            holder.end();
            item.end();
        }
        Source::Url(_) | Source::Stored(_) => dropped.push(format!("messages[{at}].file")),
    }
}
