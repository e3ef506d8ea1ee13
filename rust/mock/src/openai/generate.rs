//! What a model would say: the echo, filler, a document for a schema, or a tool call; and what it would have cost.

use bytes::BytesMut;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Refused, schema};
use crate::reply::{Answer, Failure};
use crate::script::{Script, Usage};
use crate::text::{Content, Json, tokens};

/// Content events where nothing says otherwise.
const PIECES: u32 = 20;
/// The least filler that an event carries, however small events are to be.
const LEAST_PIECE: usize = 8;

/// What the request says about the answer.
#[derive(Default)]
pub(crate) struct Wish<'a> {
    pub(crate) model: &'a str,
    pub(crate) last_user: &'a str,
    /// Bytes of a content event around its text.
    pub(crate) framing: usize,
    pub(crate) tools: Option<&'a RawValue>,
    pub(crate) tool_choice: Option<&'a RawValue>,
    pub(crate) format: Option<&'a RawValue>,
}

/// The answer, before a dialect frames it.
pub(crate) enum Reply {
    Text(Content),
    Tool { name: String, arguments: Content },
}

impl Reply {
    pub(crate) fn content(&self) -> &Content {
        match self {
            Self::Text(content) | Self::Tool { arguments: content, .. } => content,
        }
    }
}

/// Decides what to answer.
pub(crate) fn reply(script: &Script, wish: &Wish<'_>) -> Refused<Reply> {
    if let Some(choice) = wish.tool_choice
        && let Some(reply) = tool_call(script, wish.tools, &value(choice))?
    {
        return Ok(reply);
    }
    if let Some(document) = wish.format.and_then(|format| structured(&value(format))) {
        return Ok(Reply::Text(text(script, document)));
    }
    if let Some(kilobytes) = script.body_kb {
        let pieces = script.chunks.unwrap_or(PIECES).max(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded when it was read"
        )]
        let size = (kilobytes * 1024.0) as usize;
        return Ok(Reply::Text(Content::Filler { piece: size.div_ceil(pieces as usize), pieces }));
    }
    if wish.model.contains("echo") {
        return Ok(Reply::Text(text(script, wish.last_user.to_owned())));
    }
    let event = script.chunk_bytes.unwrap_or(0) as usize;
    let piece = event.saturating_sub(wish.framing).max(LEAST_PIECE);
    Ok(Reply::Text(Content::Filler { piece, pieces: script.chunks.unwrap_or(PIECES) }))
}

/// The token counts, unless the script keeps them back.
pub(crate) fn usage(script: &Script, input_bytes: usize, content: &Content) -> Option<Usage> {
    if script.no_usage == Some(true) {
        return None;
    }
    let counted = Usage { input: tokens(input_bytes).max(1), output: tokens(content.len()), cached: 0 };
    Some(script.usage.unwrap_or(counted))
}

/// Appends the usage object of chat and completions.
pub(super) fn push_usage(usage: &Usage, out: &mut BytesMut) {
    out.raw(r#"{"prompt_tokens":"#).number(usage.input);
    out.raw(r#","completion_tokens":"#).number(usage.output);
    out.raw(r#","total_tokens":"#).number(usage.input.saturating_add(usage.output));
    out.raw(r#","prompt_tokens_details":{"cached_tokens":"#).number(usage.cached);
    out.raw(r#","audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"#);
    out.raw(r#""accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#);
}

fn text(script: &Script, text: String) -> Content {
    let natural = u32::try_from(tokens(text.len())).unwrap_or(PIECES).min(PIECES);
    Content::Text { pieces: script.chunks.unwrap_or(natural).max(1), text }
}

fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

fn structured(format: &Value) -> Option<String> {
    match format.get("type").and_then(Value::as_str)? {
        "json_object" => Some("{}".to_owned()),
        "json_schema" => {
            let holder = format.get("json_schema").unwrap_or(format);
            Some(holder.get("schema").map_or(Value::Null, schema::minimal).to_string())
        }
        _ => None,
    }
}

/// A call of the function that must be called, if one must.
fn tool_call(script: &Script, tools: Option<&RawValue>, choice: &Value) -> Refused<Option<Reply>> {
    let name = match choice {
        Value::String(mode) if mode == "required" => None,
        Value::Object(named) => match function(named.get("function").unwrap_or(choice)) {
            Some(name) => Some(name),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let tools = tools.map(value).unwrap_or_default();
    let functions = tools.as_array().into_iter().flatten().map(|tool| tool.get("function").unwrap_or(tool));
    let mut callable = functions.filter_map(|tool| Some((function(tool)?, tool)));
    let Some((name, tool)) = callable.find(|(known, _)| name.is_none_or(|name| name == *known)) else {
        let message = "Invalid value for 'tool_choice': it asks for a function that is not in 'tools'.";
        return Err(Answer::from(Failure::invalid(message, "tool_choice", "invalid_value")));
    };
    let arguments =
        tool.get("parameters").map_or_else(|| "{}".to_owned(), |schema| schema::minimal(schema).to_string());
    Ok(Some(Reply::Tool { name: name.to_owned(), arguments: text(script, arguments) }))
}

fn function(holder: &Value) -> Option<&str> {
    holder.get("name").and_then(Value::as_str)
}
