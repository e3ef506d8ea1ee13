//! Reads a message that came whole.

use std::borrow::Cow;

use super::super::wire::{Object, utf8};
use super::super::{Dropped, Refusal};
use super::{service_tier, stop, usage};
use crate::conversation::{Answer, Arguments, Citation, Part, Reasoning, Stop, Text, ToolCall};
use crate::dialects::anthropic::Tokens;

/// Reads an answer; blocks that the model has no part for are named.
pub(in super::super) fn read<'a>(body: &'a [u8], dropped: &mut Dropped) -> Result<Answer<'a>, Refusal> {
    let top = utf8(body).and_then(Object::read);
    let mut top = top.ok_or_else(|| Refusal::invalid("it is not a JSON object"))?;
    if top.text("type").is_some_and(|kind| !kind.is("message")) {
        return Err(Refusal::invalid("it is not a message"));
    }
    let blocks = top.objects("content").ok_or_else(|| Refusal::invalid("it has no `content`"))?;
    let mut parts = Vec::with_capacity(blocks.len());
    for (at, mut block) in blocks.into_iter().enumerate() {
        if part(&mut block, &mut parts, dropped)? {
            block.drop_rest(format!("content[{at}]."), dropped);
        }
    }
    let (mut tokens, mut tier) = (Tokens::default(), None);
    if let Some(raw) = top.take("usage") {
        tokens.merge(raw.as_bytes());
        tier = Object::read(raw).and_then(|mut usage| service_tier(&mut usage));
    }
    let answer = Answer {
        id: top.text("id"),
        model: top.text("model"),
        parts,
        stop: stop(&mut top, dropped).unwrap_or_else(|| Stop::Other(Text::of(""))),
        usage: usage(&tokens),
        service_tier: tier,
    };
    let _ = top.text("role");
    top.drop_rest("", dropped);
    Ok(answer)
}

/// Reads a block; false where it is of a kind that the model has no part for, and is named as a whole.
fn part<'a>(
    block: &mut Object<'a>,
    parts: &mut Vec<Part<'a>>,
    dropped: &mut Dropped,
) -> Result<bool, Refusal> {
    let need = |text: Option<Text<'a>>, what| {
        text.ok_or_else(|| Refusal::invalid(format!("a block has no `{what}`")))
    };
    let kind = need(block.text("type"), "type")?;
    match kind.plain().as_deref() {
        Some("text") => {
            parts.push(Part::Text(need(block.text("text"), "text")?));
            for mut citation in block.objects("citations").unwrap_or_default() {
                let kind = need(citation.text("type"), "type")?;
                parts.push(Part::Citation(Citation {
                    kind,
                    url: citation.text("url"),
                    title: citation.text("title"),
                }));
            }
        }
        Some("thinking") => parts.push(Part::Reasoning(Reasoning::Thought {
            text: need(block.text("thinking"), "thinking")?,
            signature: block.text("signature").filter(|signature| !signature.is_empty()),
        })),
        Some("redacted_thinking") => {
            parts.push(Part::Reasoning(Reasoning::Redacted(need(block.text("data"), "data")?)));
        }
        Some("tool_use") => {
            let input = block.take("input").unwrap_or("{}");
            // Who called: the model itself, unless it says otherwise.
            if block.take("caller").is_some_and(|caller| !caller.contains("\"direct\"")) {
                dropped.push("caller");
            }
            parts.push(Part::ToolCall(ToolCall {
                id: need(block.text("id"), "id")?,
                name: need(block.text("name"), "name")?,
                arguments: Arguments::Object(Cow::Borrowed(input)),
            }));
        }
        other => {
            dropped.push(format!("content.{}", other.unwrap_or("?")));
            return Ok(false);
        }
    }
    Ok(true)
}
