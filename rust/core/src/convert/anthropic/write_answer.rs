//! Writes a message that comes whole.

use super::super::write::{Array, Object};
use super::super::{Dropped, Stamp};
use super::{stop_reason, write_usage};
use crate::conversation::{Answer, Arguments, Part, Reasoning, Stop};

/// Appends the answer to `out`. The id is the stamp's; the model is the one that answered.
pub(in super::super) fn write(
    answer: &Answer<'_>,
    stamp: &Stamp<'_>,
    out: &mut Vec<u8>,
    dropped: &mut Dropped,
) {
    let mut body = Object::begin(out);
    body.string("id", stamp.id).string("type", "message").string("role", "assistant");
    match &answer.model {
        Some(model) => body.text("model", model),
        None => body.string("model", stamp.model),
    };
    let mut content = body.array("content");
    for part in &answer.parts {
        block(part, &mut content, dropped);
    }
    content.end();
    let (reason, is_all) = stop_reason(&answer.stop);
    if !is_all {
        dropped.push("finish_reason");
    }
    body.string("stop_reason", reason);
    match &answer.stop {
        Stop::Sequence(Some(sequence)) => body.text("stop_sequence", sequence),
        _ => body.raw("stop_sequence", "null"),
    };
    let mut usage = body.object("usage");
    write_usage(&mut usage, &answer.usage.unwrap_or_default());
    usage.end();
    body.end();
}

fn block(part: &Part<'_>, content: &mut Array<'_>, dropped: &mut Dropped) {
    match part {
        Part::Text(text) | Part::Refusal(text) => {
            let mut block = content.object();
            block.string("type", "text").text("text", text);
            block.end();
        }
        Part::Reasoning(Reasoning::Thought { text, signature }) => {
            let mut block = content.object();
            block.string("type", "thinking").text("thinking", text);
            match signature {
                Some(signature) => block.text("signature", signature),
                None => block.string("signature", ""),
            };
            block.end();
        }
        Part::Reasoning(Reasoning::Redacted(data)) => {
            let mut block = content.object();
            block.string("type", "redacted_thinking").text("data", data);
            block.end();
        }
        Part::ToolCall(call) => {
            let mut block = content.object();
            block.string("type", "tool_use").text("id", &call.id).text("name", &call.name);
            match &call.arguments {
                Arguments::Object(json) => {
                    block.raw("input", json);
                }
                Arguments::Other(text) => {
                    dropped.push("tool_calls.arguments");
                    let mut input = block.object("input");
                    input.text("arguments", text);
                    input.end();
                }
            }
            block.end();
        }
        other => dropped.push(other.name()),
    }
}
