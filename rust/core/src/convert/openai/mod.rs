//! OpenAI's chat completions. <https://platform.openai.com/docs/api-reference/chat>
//!
//! Two members are extensions that other gateways and providers made common. `reasoning_content` holds what the model
//! thought, in answers, deltas and assistant messages alike; `thinking_blocks` holds the same with the signature that
//! its provider asks for when it is sent back: `[{"type": "thinking", "thinking", "signature"}]` or
//! `[{"type": "redacted_thinking", "data"}]`. `cache_control` on a message, a part or a tool marks the end of a prefix
//! that is worth caching, as OpenAI's own `prompt_cache_breakpoint` does.

mod error;
mod read_answer;
mod read_events;
mod read_messages;
mod read_request;
mod read_tools;
mod write_answer;
mod write_events;
mod write_messages;
mod write_request;

pub(super) use error::{read as read_error, write as write_error};
pub(super) use read_answer::read as read_answer;
pub(super) use read_events::Reader as EventReader;
pub(super) use read_request::read as read_request;
pub(super) use write_answer::write as write_answer;
pub(super) use write_events::Writer as EventWriter;
pub(super) use write_request::write as write_request;

use super::wire;
use super::write::Object;
use crate::conversation::{Number, Reasoning, Stop, Text, Usage};

/// Why an answer ended.
fn read_stop(reason: Text<'_>) -> Stop<'_> {
    match reason.plain().as_deref() {
        Some("stop") => Stop::End,
        Some("length") => Stop::Length,
        Some("tool_calls" | "function_call") => Stop::ToolCalls,
        Some("content_filter") => Stop::Filter(None),
        _ => Stop::Other(reason),
    }
}

fn read_usage(mut usage: wire::Object<'_>) -> Usage {
    let count = |object: &mut wire::Object<'_>, name: &str| object.number(name).and_then(Number::whole);
    let mut prompt = usage.object("prompt_tokens_details").unwrap_or_default();
    let mut completion = usage.object("completion_tokens_details").unwrap_or_default();
    Usage {
        input: count(&mut usage, "prompt_tokens").unwrap_or(0),
        output: count(&mut usage, "completion_tokens").unwrap_or(0),
        cache_read: count(&mut prompt, "cached_tokens").unwrap_or(0),
        cache_write: count(&mut prompt, "cache_write_tokens").unwrap_or(0),
        reasoning: count(&mut completion, "reasoning_tokens"),
    }
}

/// Why an answer ended, in OpenAI's words, and the name of what they do not say.
fn finish_reason(stop: &Stop<'_>) -> (&'static str, Option<&'static str>) {
    const REASON: Option<&str> = Some("stop_reason");
    match stop {
        Stop::End | Stop::Sequence(None) => ("stop", None),
        Stop::Sequence(Some(_)) => ("stop", Some("stop_sequence")),
        Stop::Length => ("length", None),
        // Cut short like an answer at its limit; a pause would have to be continued.
        Stop::ContextWindow | Stop::Paused => ("length", REASON),
        Stop::ToolCalls => ("tool_calls", None),
        Stop::Filter(_) => ("content_filter", None),
        Stop::Other(_) => ("stop", REASON),
    }
}

fn write_usage(object: &mut Object<'_>, usage: &Usage) {
    object.number("prompt_tokens", usage.input);
    object.number("completion_tokens", usage.output);
    object.number("total_tokens", usage.input.saturating_add(usage.output));
    let mut prompt = object.object("prompt_tokens_details");
    prompt.number("cached_tokens", usage.cache_read).number("cache_write_tokens", usage.cache_write);
    prompt.end();
    if let Some(reasoning) = usage.reasoning {
        let mut completion = object.object("completion_tokens_details");
        completion.number("reasoning_tokens", reasoning);
        completion.end();
    }
}

/// Writes one of `thinking_blocks`.
fn write_thinking(block: &mut Object<'_>, reasoning: &Reasoning<'_>) {
    match reasoning {
        Reasoning::Thought { text, signature } => {
            block.string("type", "thinking").text("thinking", text);
            if let Some(signature) = signature {
                block.text("signature", signature);
            }
        }
        Reasoning::Redacted(data) => {
            block.string("type", "redacted_thinking").text("data", data);
        }
    }
}
