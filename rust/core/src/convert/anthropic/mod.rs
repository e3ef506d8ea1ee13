//! Anthropic's Messages API, as of `anthropic-version: 2023-06-01`.
//! <https://platform.claude.com/docs/en/api/messages>

mod error;
mod read_answer;
mod read_events;
mod think;
mod write_blocks;
mod write_request;
mod write_tools;
mod write_turns;

pub(super) use error::read as read_error;
pub(super) use read_answer::read as read_answer;
pub(super) use read_events::Reader as EventReader;
pub(super) use write_request::write as write_request;

use super::Dropped;
use super::wire::Object;
use crate::conversation::{Stop, Text, Usage};
use crate::dialects::anthropic::Tokens;

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
