//! Writes a chat completion that comes whole.

use super::super::write::{Array, Object};
use super::super::{Dropped, Stamp};
use super::{finish_reason, write_thinking, write_usage};
use crate::conversation::{Answer, Arguments, Part, Reasoning, Stop, Text};

/// Appends the answer to `out`. `id` and `created` are the stamp's; the model is the one that answered.
pub(in super::super) fn write(
    answer: &Answer<'_>,
    stamp: &Stamp<'_>,
    out: &mut Vec<u8>,
    dropped: &mut Dropped,
) {
    let mut body = Object::begin(out);
    body.string("id", stamp.id).string("object", "chat.completion").number("created", stamp.created);
    match &answer.model {
        Some(model) => body.text("model", model),
        None => body.string("model", stamp.model),
    };
    let mut choices = body.array("choices");
    let mut choice = choices.object();
    choice.number("index", 0);
    let mut message = choice.object("message");
    write_message(answer, &mut message, dropped);
    message.end();
    let (reason, unsaid) = finish_reason(&answer.stop);
    if let Some(name) = unsaid {
        dropped.push(name);
    }
    choice.raw("logprobs", "null").string("finish_reason", reason);
    choice.end();
    choices.end();
    if let Some(usage) = &answer.usage {
        let mut object = body.object("usage");
        write_usage(&mut object, usage);
        object.end();
    }
    if let Some(tier) = &answer.service_tier {
        body.text("service_tier", tier);
    }
    body.end();
}

fn write_message(answer: &Answer<'_>, message: &mut Object<'_>, dropped: &mut Dropped) {
    let parts = &answer.parts;
    message.string("role", "assistant");
    let has_text = parts.iter().any(|part| matches!(part, Part::Text(_)));
    let has_calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let refusal = match &answer.stop {
        Stop::Filter(explanation) => explanation.as_ref(),
        _ => None,
    };
    if has_text || !(has_calls || refusal.is_some()) {
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        });
        join(message.key("content"), texts);
    } else {
        message.raw("content", "null");
    }
    let refused = parts.iter().find_map(|part| match part {
        Part::Refusal(text) => Some(text),
        _ => refusal,
    });
    match refused.or(refusal) {
        Some(text) => message.text("refusal", text),
        None => message.raw("refusal", "null"),
    };
    write_annotations(parts, message, dropped);
    write_reasoning(parts, message);
    if has_calls {
        let mut calls = message.array("tool_calls");
        for part in parts {
            let Part::ToolCall(call) = part else { continue };
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
        calls.end();
    }
}

/// Writes texts as one, their escapes as they came.
fn join<'a>(out: &mut Vec<u8>, texts: impl Iterator<Item = &'a Text<'a>>) {
    out.push(b'"');
    for text in texts {
        out.extend_from_slice(text.inner().as_bytes());
    }
    out.push(b'"');
}

fn write_reasoning(parts: &[Part<'_>], message: &mut Object<'_>) {
    let thoughts = || {
        parts.iter().filter_map(|part| match part {
            Part::Reasoning(reasoning) => Some(reasoning),
            _ => None,
        })
    };
    let texts = || {
        thoughts().filter_map(|reasoning| match reasoning {
            Reasoning::Thought { text, .. } => Some(text),
            Reasoning::Redacted(_) => None,
        })
    };
    if texts().any(|text| !text.is_empty()) {
        join(message.key("reasoning_content"), texts());
    }
    let is_signed =
        |reasoning: &Reasoning<'_>| !matches!(reasoning, Reasoning::Thought { signature: None, .. });
    if thoughts().any(is_signed) {
        let mut blocks = message.array("thinking_blocks");
        for reasoning in thoughts() {
            let mut block = blocks.object();
            write_thinking(&mut block, reasoning);
            block.end();
        }
        blocks.end();
    }
}

/// Pages of the web that a text cites; OpenAI has no other annotations.
fn write_annotations(parts: &[Part<'_>], message: &mut Object<'_>, dropped: &mut Dropped) {
    let mut content = Vec::new();
    let mut list = Array::begin(&mut content);
    let (mut start, mut end) = (0, 0);
    for part in parts {
        match part {
            Part::Text(text) => {
                start = end;
                end += text.plain().map_or(0, |text| text.chars().count() as u64);
            }
            Part::Citation(citation) => {
                let Some(url) = &citation.url else {
                    dropped.push("citation");
                    continue;
                };
                let mut item = list.object();
                item.string("type", "url_citation");
                let mut page = item.object("url_citation");
                page.number("start_index", start).number("end_index", end).text("url", url);
                match &citation.title {
                    Some(title) => page.text("title", title),
                    None => page.string("title", ""),
                };
                page.end();
                item.end();
            }
            _ => {}
        }
    }
    if !list.is_empty() {
        list.end();
        message.key("annotations").extend_from_slice(&content);
    }
}
