//! Anthropic's Messages API, as of `anthropic-version: 2023-06-01`.
//! <https://platform.claude.com/docs/en/api/messages>

mod error;
mod read_answer;
mod read_blocks;
mod read_events;
mod read_request;
mod think;
mod write_answer;
mod write_blocks;
mod write_events;
mod write_request;
mod write_tools;
mod write_turns;

pub(super) use error::{read as read_error, write as write_error};
pub(super) use read_answer::read as read_answer;
pub(super) use read_events::Reader as EventReader;
pub(super) use read_request::read as read_request;
pub(super) use write_answer::write as write_answer;
pub(super) use write_events::Writer as EventWriter;
pub(super) use write_request::write as write_request;

use super::wire::Object;
use super::{Dropped, write};
use crate::conversation::{Stop, Text, Usage};
use crate::dialects::anthropic::Tokens;

/// Why an answer ended, in Anthropic's words, and whether that is all there is to say.
fn stop_reason(stop: &Stop<'_>) -> (&'static str, bool) {
    match stop {
        Stop::End => ("end_turn", true),
        Stop::Sequence(_) => ("stop_sequence", true),
        Stop::Length => ("max_tokens", true),
        Stop::ContextWindow => ("model_context_window_exceeded", true),
        Stop::Paused => ("pause_turn", true),
        Stop::ToolCalls => ("tool_use", true),
        Stop::Filter(_) => ("refusal", true),
        Stop::Other(_) => ("end_turn", false),
    }
}

fn write_usage(object: &mut write::Object<'_>, usage: &Usage) {
    let cached = usage.cache_read.saturating_add(usage.cache_write);
    object.number("input_tokens", usage.input.saturating_sub(cached));
    object.number("cache_creation_input_tokens", usage.cache_write);
    object.number("cache_read_input_tokens", usage.cache_read);
    object.number("output_tokens", usage.output);
    if let Some(thinking) = usage.reasoning {
        let mut details = object.object("output_tokens_details");
        details.number("thinking_tokens", thinking);
        details.end();
    }
}

/// Reads `stop_reason` and what belongs to it.
fn stop<'a>(holder: &mut Object<'a>, dropped: &mut Dropped) -> Option<Stop<'a>> {
    let details = holder.object("stop_details");
    let sequence = holder.text("stop_sequence");
    let reason = holder.text("stop_reason")?;
    let stop = match reason.plain().as_deref() {
        Some("end_turn") => Stop::End,
        Some("max_tokens") => Stop::Length,
        Some("stop_sequence") => Stop::Sequence(sequence),
        Some("tool_use") => Stop::ToolCalls,
        Some("refusal") => Stop::Filter(details.and_then(|mut details| {
            let explanation = details.text("explanation");
            let _ = details.text("type");
            details.drop_rest("stop_details.", dropped);
            explanation
        })),
        Some("pause_turn") => Stop::Paused,
        Some("model_context_window_exceeded") => Stop::ContextWindow,
        _ => Stop::Other(reason),
    };
    Some(stop)
}

fn usage(tokens: &Tokens) -> Option<Usage> {
    tokens.usage().map(|usage| Usage {
        input: usage.input,
        output: usage.output,
        cache_read: usage.cached,
        cache_write: tokens.cache_creation_input_tokens.unwrap_or(0),
        reasoning: tokens.thinking(),
    })
}

/// The capacity that was used, in OpenAI's words.
fn service_tier(usage: &mut Object<'_>) -> Option<Text<'static>> {
    let tier = usage.text("service_tier")?;
    match tier.plain().as_deref() {
        Some("standard") => Some(Text::of("default")),
        Some("priority") => Some(Text::of("priority")),
        _ => None,
    }
}
