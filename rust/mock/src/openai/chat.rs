//! `POST /chat/completions`, whole and streamed.
//! <https://platform.openai.com/docs/api-reference/chat>

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::generate::{self, Reply, Wish, push_usage};
use super::request::Turns;
use super::{Call, Refused, model, parse};
use crate::body::Events;
use crate::reply::{Answer, Failure};
use crate::script::Usage;
use crate::text::Json;

/// Bytes of a content event beside its text and the model's name.
const FRAMING: usize = 206;
pub(super) const ERROR_EVENT: &str = concat!(
    r#"data: {"error":{"message":"The server had an error while processing your request. Sorry about that!","#,
    r#""type":"server_error","param":null,"code":null}}"#,
    "\n\n"
);

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    messages: Option<Turns<'a>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow)]
    response_format: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
}

pub(super) fn answer(call: &Call<'_>) -> Refused<Answer> {
    let request: Request<'_> = parse(call)?;
    let model = model(call, request.model)?;
    let turns = request.messages.ok_or_else(|| {
        Failure::invalid("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    })?;
    let wish = Wish {
        model: &model,
        last_user: &turns.last_user,
        framing: FRAMING + model.len(),
        tools: request.tools,
        tool_choice: request.tool_choice,
        format: request.response_format,
    };
    let reply = generate::reply(call.script, &wish)?;
    let usage = generate::usage(call.script, turns.bytes, reply.content());
    let tokens = usage.map_or(0, |usage| usage.output);
    if !request.stream.unwrap_or(false) {
        return Ok(Answer::generated(whole(call, &model, &reply, usage), tokens));
    }
    let counted = request.stream_options.is_some_and(|options| options.include_usage);
    let mut prefix = BytesMut::with_capacity(192 + model.len());
    prefix.raw(r#"data: {"id":"chatcmpl-"#).id(call.id);
    prefix.raw(r#"","object":"chat.completion.chunk","created":"#).number(call.created);
    prefix.raw(r#","model":"#).string(&model).raw(r#","system_fingerprint":"fp_mock","choices":["#);
    let usage = usage.filter(|_| counted);
    Ok(Answer::Stream(Box::new(ChatEvents {
        id: call.id,
        prefix: prefix.freeze(),
        reply,
        counted,
        usage,
        tokens,
    })))
}

fn whole(call: &Call<'_>, model: &str, reply: &Reply, usage: Option<Usage>) -> Bytes {
    let content = reply.content();
    let mut out = BytesMut::with_capacity(640 + model.len() + content.len() + content.len() / 8);
    out.raw(r#"{"id":"chatcmpl-"#).id(call.id);
    out.raw(r#"","object":"chat.completion","created":"#).number(call.created);
    out.raw(r#","model":"#).string(model);
    out.raw(r#","choices":[{"index":0,"message":{"role":"assistant","content":"#);
    let finish = match reply {
        Reply::Text(_) => {
            out.raw("\"");
            content.push_all(&mut out);
            out.raw(r#"","refusal":null,"annotations":[]}"#);
            "stop"
        }
        Reply::Tool { name, .. } => {
            out.raw(r#"null,"tool_calls":[{"id":"call_"#).id(call.id);
            out.raw(r#"","type":"function","function":{"name":"#).string(name).raw(r#","arguments":""#);
            content.push_all(&mut out);
            out.raw(r#""}}],"refusal":null,"annotations":[]}"#);
            "tool_calls"
        }
    };
    out.raw(r#","logprobs":null,"finish_reason":"#).string(finish).raw("}]");
    if let Some(usage) = usage {
        out.raw(r#","usage":"#);
        push_usage(&usage, &mut out);
    }
    out.raw(r#","service_tier":"default","system_fingerprint":"fp_mock"}"#);
    out.freeze()
}

struct ChatEvents {
    id: u64,
    /// All of an event up to its choices.
    prefix: Bytes,
    reply: Reply,
    /// Whether the request asked for usage: every chunk then carries `"usage":null` but the last.
    counted: bool,
    usage: Option<Usage>,
    tokens: u64,
}

impl ChatEvents {
    fn event(&self, delta: impl FnOnce(&mut BytesMut), finish: &str, out: &mut BytesMut) {
        out.extend_from_slice(&self.prefix);
        out.raw(r#"{"index":0,"delta":"#);
        delta(out);
        out.raw(r#","finish_reason":"#).raw(finish).raw("}]");
        out.raw(if self.counted { ",\"usage\":null}\n\n" } else { "}\n\n" });
    }
}

impl Events for ChatEvents {
    fn chunks(&self) -> u32 {
        self.reply.content().pieces()
    }

    fn tokens(&self) -> u64 {
        self.tokens
    }

    fn open(&mut self, out: &mut BytesMut) {
        let delta = |out: &mut BytesMut| match &self.reply {
            Reply::Text(_) => {
                out.raw(r#"{"role":"assistant","content":"","refusal":null}"#);
            }
            Reply::Tool { name, .. } => {
                out.raw(r#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_"#)
                    .id(self.id);
                out.raw(r#"","type":"function","function":{"name":"#)
                    .string(name)
                    .raw(r#","arguments":""}}]}"#);
            }
        };
        self.event(delta, "null", out);
    }

    fn chunk(&mut self, index: u32, out: &mut BytesMut) {
        let (before, after) = match &self.reply {
            Reply::Text(_) => (r#"{"content":""#, "\"}"),
            Reply::Tool { .. } => (r#"{"tool_calls":[{"index":0,"function":{"arguments":""#, "\"}}]}"),
        };
        let delta = |out: &mut BytesMut| {
            out.raw(before);
            self.reply.content().push_piece(index, out);
            out.raw(after);
        };
        self.event(delta, "null", out);
    }

    fn close(&mut self, out: &mut BytesMut) {
        let finish = if matches!(self.reply, Reply::Text(_)) { "\"stop\"" } else { "\"tool_calls\"" };
        let delta = |out: &mut BytesMut| {
            out.raw("{}");
        };
        self.event(delta, finish, out);
        if let Some(usage) = &self.usage {
            out.extend_from_slice(&self.prefix);
            out.raw(r#"],"usage":"#);
            push_usage(usage, out);
            out.raw("}\n\n");
        }
        out.raw("data: [DONE]\n\n");
    }

    fn error(&mut self, out: &mut BytesMut) {
        out.raw(ERROR_EVENT);
    }
}
