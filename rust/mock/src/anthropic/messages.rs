//! `POST /v1/messages`, whole and streamed, and the count of a request's tokens.

use bytes::{Bytes, BytesMut};
use serde_json::Value;

use super::Refused;
use super::events::MessageEvents;
use super::request::{Request, invalid};
use crate::openai::Call;
use crate::openai::generate::{self, Reply, Wish};
use crate::openai::schema;
use crate::reply::Answer;
use crate::script::Usage;
use crate::text::{Content, Json, tokens};

/// Bytes of a content event beside its text.
const FRAMING: usize = 121;
/// What the model thinks where it is asked to.
pub(super) const THOUGHT: &str = "The scripted provider thinks.";
pub(super) const SIGNATURE: &str = "bW9jay1zaWduYXR1cmU=";

/// What goes into an answer beside its text.
pub(super) struct Frame<'a> {
    pub(super) id: u64,
    pub(super) model: &'a str,
    pub(super) thinks: bool,
    pub(super) usage: Option<Usage>,
}

pub(super) fn answer(call: &Call<'_>) -> Refused<Answer> {
    let (request, turns) = Request::read(call)?;
    if request.max_tokens.is_none() {
        return Err(invalid("max_tokens: Field required"));
    }
    let model = request.model.as_deref().unwrap_or_default();
    let reply = match forced_call(&request)? {
        Some(reply) => reply,
        None => generate::reply(
            call.script,
            &Wish {
                model,
                last_user: &turns.last_user,
                framing: FRAMING,
                format: request.output_config.as_ref().and_then(|config| config.format),
                ..Wish::default()
            },
        )?,
    };
    let usage = generate::usage(call.script, turns.bytes, reply.content());
    let thinks = request
        .thinking
        .as_ref()
        .is_some_and(|thinking| matches!(thinking.kind.as_str(), "enabled" | "adaptive"));
    let frame = Frame { id: call.id, model, thinks, usage };
    if request.stream {
        return Ok(Answer::Stream(Box::new(MessageEvents::new(&frame, reply))));
    }
    Ok(Answer::generated(whole(&frame, &reply), usage.map_or(0, |usage| usage.output)))
}

pub(super) fn count(call: &Call<'_>) -> Refused<Answer> {
    let (_, turns) = Request::read(call)?;
    Ok(Answer::json(format!("{{\"input_tokens\":{}}}", tokens(turns.bytes).max(1))))
}

/// A call of the tool that must be called, if one must.
fn forced_call(request: &Request<'_>) -> Refused<Option<Reply>> {
    let Some(choice) = &request.tool_choice else { return Ok(None) };
    let named = match choice.kind.as_str() {
        "auto" | "none" => return Ok(None),
        "any" => None,
        "tool" => {
            Some(choice.name.as_deref().ok_or_else(|| invalid("tool_choice.tool.name: Field required"))?)
        }
        _ => return Err(invalid("tool_choice: Input tag is not one of 'auto', 'any', 'tool', 'none'")),
    };
    let tools: Value =
        request.tools.map(|raw| serde_json::from_str(raw.get()).unwrap_or_default()).unwrap_or_default();
    let mut tools = tools.as_array().into_iter().flatten();
    let tool = tools.find(|tool| named.is_none_or(|name| tool["name"] == name));
    let tool = tool.ok_or_else(|| invalid("tool_choice: Tool not found in provided tools"))?;
    let name = tool["name"].as_str().unwrap_or_default().to_owned();
    let text = schema::minimal(&tool["input_schema"]).to_string();
    Ok(Some(Reply::Tool { name, arguments: Content::Text { text, pieces: 2 } }))
}

fn whole(frame: &Frame<'_>, reply: &Reply) -> Bytes {
    let content = reply.content();
    let mut out = BytesMut::with_capacity(512 + frame.model.len() + content.len() + content.len() / 8);
    out.raw(r#"{"id":"msg_"#)
        .id(frame.id)
        .raw(r#"","type":"message","role":"assistant","model":"#)
        .string(frame.model);
    out.raw(r#","content":["#);
    if frame.thinks {
        out.raw(r#"{"type":"thinking","thinking":"#)
            .string(THOUGHT)
            .raw(r#","signature":"#)
            .string(SIGNATURE)
            .raw("},");
    }
    match reply {
        Reply::Text(_) => {
            out.raw(r#"{"type":"text","text":""#);
            content.push_all(&mut out);
            out.raw("\"}");
        }
        Reply::Tool { name, arguments } => {
            out.raw(r#"{"type":"tool_use","id":"toolu_"#).id(frame.id).raw(r#"","name":"#).string(name);
            out.raw(r#","input":"#);
            if let Content::Text { text, .. } = arguments {
                out.raw(text);
            }
            out.raw("}");
        }
    }
    out.raw(r#"],"stop_reason":"#).string(stop_reason(reply)).raw(r#","stop_sequence":null,"usage":"#);
    push_usage(frame.usage, &mut out);
    out.raw("}");
    out.freeze()
}

pub(super) const fn stop_reason(reply: &Reply) -> &'static str {
    if matches!(reply, Reply::Text(_)) { "end_turn" } else { "tool_use" }
}

/// The counts as the API has them: what came from the cache is not part of `input_tokens`.
pub(super) fn push_usage(usage: Option<Usage>, out: &mut BytesMut) {
    let Some(usage) = usage else {
        out.raw("null");
        return;
    };
    out.raw(r#"{"input_tokens":"#).number(usage.input.saturating_sub(usage.cached));
    out.raw(r#","cache_creation_input_tokens":0,"cache_read_input_tokens":"#).number(usage.cached);
    out.raw(r#","output_tokens":"#).number(usage.output).raw(r#","service_tier":"standard"}"#);
}
