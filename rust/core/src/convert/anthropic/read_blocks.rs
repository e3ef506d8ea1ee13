//! Reads content blocks.

use std::borrow::Cow;

use super::super::wire::{Object, required};
use super::super::{Dropped, Refusal};
use super::read_request::mark;
use crate::conversation::{Arguments, File, Image, Part, Reasoning, Source, Text, ToolCall, ToolResult};

/// Reads the member `name`: a string, or a list of blocks.
pub(super) fn content<'a>(
    holder: &mut Object<'a>,
    path: &str,
    name: &str,
    dropped: &mut Dropped,
) -> Result<Vec<Part<'a>>, Refusal> {
    if let Some(text) = holder.text(name) {
        return Ok(vec![Part::Text(text)]);
    }
    let blocks = holder
        .objects(name)
        .ok_or_else(|| Refusal::malformed(format!("{path}{name}"), "must be a string or a list of blocks"))?;
    let mut parts = Vec::with_capacity(blocks.len());
    for (at, mut block) in blocks.into_iter().enumerate() {
        let below = format!("{path}{name}[{at}].");
        let kind = required(&mut block, &below, "type")?;
        let kind = kind.plain().unwrap_or_default();
        let Some(part) = part(&kind, &mut block, &below, dropped)? else {
            // A kind that the model has no part for: named as a whole.
            dropped.push(format!("{path}{kind}"));
            continue;
        };
        parts.push(part);
        parts.extend(mark(&mut block).map(Part::CacheMark));
        block.drop_rest(&below, dropped);
    }
    Ok(parts)
}

fn part<'a>(
    kind: &str,
    block: &mut Object<'a>,
    path: &str,
    dropped: &mut Dropped,
) -> Result<Option<Part<'a>>, Refusal> {
    Ok(Some(match kind {
        "text" => Part::Text(required(block, path, "text")?),
        "image" => Part::Image(Image { source: source(block, path)?, detail: None }),
        "document" => Part::File(File { source: source(block, path)?, name: block.text("title") }),
        "thinking" => Part::Reasoning(Reasoning::Thought {
            text: required(block, path, "thinking")?,
            signature: block.text("signature"),
        }),
        "redacted_thinking" => Part::Reasoning(Reasoning::Redacted(required(block, path, "data")?)),
        "tool_use" => Part::ToolCall(ToolCall {
            id: required(block, path, "id")?,
            name: required(block, path, "name")?,
            arguments: Arguments::Object(Cow::Borrowed(
                block
                    .take("input")
                    .filter(|input| input.starts_with('{'))
                    .ok_or_else(|| Refusal::malformed(format!("{path}input"), "must be an object"))?,
            )),
        }),
        "tool_result" => {
            let call = required(block, path, "tool_use_id")?;
            let is_error = block.flag("is_error").unwrap_or(false);
            let parts =
                if block.has("content") { content(block, path, "content", dropped)? } else { Vec::new() };
            Part::ToolResult(ToolResult { call, parts, is_error })
        }
        _ => return Ok(None),
    }))
}

fn source<'a>(block: &mut Object<'a>, path: &str) -> Result<Source<'a>, Refusal> {
    let path = format!("{path}source.");
    let mut source = block.object("source").unwrap_or_default();
    let kind = required(&mut source, &path, "type")?;
    let plain = |text: Text<'a>| text.into_plain().unwrap_or_default();
    match kind.plain().as_deref() {
        Some("base64") => Ok(Source::Base64 {
            media_type: plain(required(&mut source, &path, "media_type")?),
            data: plain(required(&mut source, &path, "data")?),
        }),
        Some("text") => Ok(Source::Plain(required(&mut source, &path, "data")?)),
        Some("url") => Ok(Source::Url(required(&mut source, &path, "url")?)),
        Some("file") => Ok(Source::Stored(required(&mut source, &path, "file_id")?)),
        _ => Err(Refusal::unservable(format!("{path}type"), "must be base64, text, url or file")),
    }
}
