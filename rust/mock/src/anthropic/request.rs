//! Reads what matters of a request, and refuses what the API refuses.

use std::borrow::Cow;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Refused, failure, known_model};
use crate::openai::Call;
use crate::openai::request::Turns;
use crate::reply::Answer;

/// A request.
#[derive(Deserialize)]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    pub(super) model: Option<Cow<'a, str>>,
    pub(super) max_tokens: Option<u64>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(borrow)]
    system: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) stream: bool,
    #[serde(borrow)]
    pub(super) tools: Option<&'a RawValue>,
    pub(super) tool_choice: Option<ToolChoice>,
    pub(super) thinking: Option<Thinking>,
    #[serde(borrow)]
    pub(super) output_config: Option<OutputConfig<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ToolChoice {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Thinking {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[derive(Deserialize)]
pub(super) struct OutputConfig<'a> {
    #[serde(borrow)]
    pub(super) format: Option<&'a RawValue>,
}

impl<'a> Request<'a> {
    /// Reads a request and its turns.
    pub(super) fn read(call: &Call<'a>) -> Refused<(Self, Turns<'a>)> {
        if !call.headers.contains_key("anthropic-version") {
            return Err(invalid("anthropic-version: header is required"));
        }
        let request: Self = serde_json::from_slice(call.body)
            .map_err(|error| invalid(&format!("The request body is not valid JSON: {error}")))?;
        let Some(model) = &request.model else { return Err(invalid("model: Field required")) };
        known_model(model)?;
        let Some(messages) = request.messages else { return Err(invalid("messages: Field required")) };
        check(messages)?;
        let turns: Turns<'a> =
            serde_json::from_str(messages.get()).map_err(|error| invalid(&format!("messages: {error}")))?;
        let system = request.system.map_or(0, |system| system.get().len());
        let turns = Turns { bytes: turns.bytes + system, ..turns };
        Ok((request, turns))
    }
}

/// What the API checks of every message, so that a conversion which forgets it is found out here.
fn check(messages: &RawValue) -> Refused<()> {
    let messages: Vec<Value> = serde_json::from_str(messages.get())
        .map_err(|_| invalid("messages: Input should be a valid list"))?;
    if messages.is_empty() {
        return Err(invalid("messages: at least one message is required"));
    }
    for (at, message) in messages.iter().enumerate() {
        if !matches!(message["role"].as_str(), Some("user" | "assistant" | "system")) {
            return Err(invalid(&format!(
                "messages.{at}.role: Input should be 'user', 'assistant' or 'system'"
            )));
        }
        let blank = |text: &Value| text.as_str().is_none_or(|text| text.trim().is_empty());
        let blocks = match &message["content"] {
            Value::String(text) if !text.trim().is_empty() => continue,
            Value::Array(blocks) if !blocks.is_empty() => blocks,
            _ => return Err(invalid(&format!("messages.{at}: all messages must have non-empty content"))),
        };
        for (index, block) in blocks.iter().enumerate() {
            let wrong = match block["type"].as_str() {
                Some("text") if blank(&block["text"]) => {
                    Some("text content blocks must contain non-whitespace text")
                }
                Some("tool_use") if !block["input"].is_object() => {
                    Some("input: Input should be a valid dictionary")
                }
                Some("tool_result") if !block["tool_use_id"].is_string() => {
                    Some("tool_use_id: Field required")
                }
                None => Some("type: Field required"),
                Some(_) => None,
            };
            if let Some(wrong) = wrong {
                return Err(invalid(&format!("messages.{at}.content.{index}: {wrong}")));
            }
        }
    }
    Ok(())
}

pub(super) fn invalid(message: &str) -> Answer {
    failure(StatusCode::BAD_REQUEST, message)
}
