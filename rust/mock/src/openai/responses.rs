//! `POST /responses`, whole and streamed, and the stored ones.
//! <https://platform.openai.com/docs/api-reference/responses-streaming>

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::generate::{self, Reply, Wish};
use super::request::Turns;
use super::{Call, Refused, model, not_allowed, not_found, parse, unknown_url};
use crate::body::Events;
use crate::reply::{Answer, Failure};
use crate::script::Usage;
use crate::shelf::{Item, Shelf};
use crate::text::{self, Content, Json};

/// Bytes of a content event beside its text.
const FRAMING: usize = 193;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input: Option<Turns<'a>>,
    stream: Option<bool>,
    store: Option<bool>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    instructions: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    previous_response_id: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct TextConfig<'a> {
    #[serde(borrow)]
    format: Option<&'a RawValue>,
}

pub(super) fn answer(call: &Call<'_>) -> Refused<Answer> {
    let request: Request<'_> = parse(call)?;
    let model = model(call, request.model)?;
    let turns = request.input.ok_or_else(|| {
        Failure::invalid("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    })?;
    let format =
        request.text.and_then(|text| serde_json::from_str::<TextConfig<'_>>(text.get()).ok()?.format);
    let wish = Wish {
        model: &model,
        last_user: &turns.last_user,
        framing: FRAMING,
        tools: request.tools,
        tool_choice: request.tool_choice,
        format,
    };
    let reply = generate::reply(call.script, &wish)?;
    let usage = generate::usage(call.script, turns.bytes, reply.content());
    let tokens = usage.map_or(0, |usage| usage.output);
    let given = |raw: Option<&RawValue>, default: &str| raw.map_or(default, RawValue::get).to_owned();
    let mut settings = BytesMut::with_capacity(512);
    settings.raw(
        r#","parallel_tool_calls":true,"temperature":1.0,"top_p":1.0,"truncation":"disabled","user":null,"#,
    );
    settings
        .raw(r#""reasoning":{"effort":null,"summary":null},"service_tier":"default","background":false,"#);
    settings.raw(r#""max_output_tokens":null,"instructions":"#).raw(&given(request.instructions, "null"));
    settings.raw(r#","metadata":"#).raw(&given(request.metadata, "{}"));
    settings.raw(r#","previous_response_id":"#).raw(&given(request.previous_response_id, "null"));
    settings.raw(r#","text":"#).raw(&given(request.text, r#"{"format":{"type":"text"}}"#));
    settings.raw(r#","tools":"#).raw(&given(request.tools, "[]"));
    settings.raw(r#","tool_choice":"#).raw(&given(request.tool_choice, "\"auto\""));
    settings.raw(if request.store == Some(false) { r#","store":false"# } else { r#","store":true"# });
    let shelf = (request.store != Some(false)).then(|| Arc::clone(&call.store.responses));
    let (model, settings) = (model.into_owned(), settings.freeze());
    let made = Made { id: call.id, created: call.created, model, settings, reply, usage, shelf };
    if request.stream.unwrap_or(false) {
        return Ok(Answer::Stream(Box::new(ResponseEvents { made, tokens, sequence: 0 })));
    }
    Ok(Answer::generated(made.finished(), tokens))
}

/// `GET` and `DELETE /responses/{id}`.
pub(super) fn stored(call: &Call<'_>, id: &str) -> Refused<Answer> {
    if id.contains('/') {
        return Err(unknown_url(call));
    }
    let missing =
        || Failure::new(http::StatusCode::NOT_FOUND, &format!("Response with id '{id}' not found.")).into();
    if call.method == Method::GET {
        return call.store.responses.get(id).map(|item| Answer::json(item.object)).ok_or_else(missing);
    }
    if call.method != Method::DELETE {
        return Err(not_allowed(call));
    }
    if !call.store.responses.remove(id) {
        return Err(not_found("response", id));
    }
    let mut out = BytesMut::new();
    out.raw(r#"{"id":"#).string(id).raw(r#","object":"response","deleted":true}"#);
    Ok(Answer::json(out))
}

/// A response and all that its object says.
struct Made {
    id: u64,
    created: u64,
    model: String,
    /// Members that only repeat the request.
    settings: Bytes,
    reply: Reply,
    usage: Option<Usage>,
    shelf: Option<Arc<Shelf>>,
}

impl Made {
    fn push_object(&self, done: bool, out: &mut BytesMut) {
        out.raw(r#"{"id":"resp_"#)
            .id(self.id)
            .raw(r#"","object":"response","created_at":"#)
            .number(self.created);
        out.raw(if done { r#","status":"completed""# } else { r#","status":"in_progress""# });
        out.raw(r#","error":null,"incomplete_details":null,"model":"#).string(&self.model);
        out.extend_from_slice(&self.settings);
        out.raw(r#","output":["#);
        if done {
            self.push_item(true, out);
        }
        out.raw(r#"],"usage":"#);
        match self.usage.filter(|_| done) {
            Some(usage) => push_usage(&usage, out),
            None => {
                out.raw("null");
            }
        }
        out.raw("}");
    }

    fn push_item(&self, done: bool, out: &mut BytesMut) {
        let status = if done { "completed" } else { "in_progress" };
        match &self.reply {
            Reply::Text(content) => {
                out.raw(r#"{"id":"msg_"#).id(self.id);
                out.raw(r#"","type":"message","status":""#)
                    .raw(status)
                    .raw(r#"","role":"assistant","content":["#);
                if done {
                    push_part(Some(content), out);
                }
                out.raw("]}");
            }
            Reply::Tool { name, arguments } => {
                out.raw(r#"{"id":"fc_"#)
                    .id(self.id)
                    .raw(r#"","type":"function_call","status":""#)
                    .raw(status);
                out.raw(r#"","call_id":"call_"#)
                    .id(self.id)
                    .raw(r#"","name":"#)
                    .string(name)
                    .raw(r#","arguments":""#);
                if done {
                    arguments.push_all(out);
                }
                out.raw("\"}");
            }
        }
    }

    /// The finished object, which is also put on the shelf.
    fn finished(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(768 + self.settings.len() + self.reply.content().len());
        self.push_object(true, &mut out);
        let object = out.freeze();
        if let Some(shelf) = &self.shelf {
            let id = text::identifier("resp_", self.id);
            shelf.put(Item { id, object: object.clone(), content: Bytes::new() });
        }
        object
    }
}

fn push_part(content: Option<&Content>, out: &mut BytesMut) {
    out.raw(r#"{"type":"output_text","annotations":[],"logprobs":[],"text":""#);
    if let Some(content) = content {
        content.push_all(out);
    }
    out.raw("\"}");
}

fn push_usage(usage: &Usage, out: &mut BytesMut) {
    out.raw(r#"{"input_tokens":"#).number(usage.input);
    out.raw(r#","input_tokens_details":{"cached_tokens":"#).number(usage.cached);
    out.raw(r#","cache_write_tokens":0},"output_tokens":"#).number(usage.output);
    out.raw(r#","output_tokens_details":{"reasoning_tokens":0},"total_tokens":"#);
    out.number(usage.input.saturating_add(usage.output)).raw("}");
}

struct ResponseEvents {
    made: Made,
    tokens: u64,
    sequence: u64,
}

impl ResponseEvents {
    /// One event: its name twice, its number, and its members.
    fn event(&mut self, name: &str, out: &mut BytesMut, members: impl FnOnce(&Made, &mut BytesMut)) {
        out.raw("event: ").raw(name).raw("\ndata: {\"type\":\"").raw(name);
        out.raw(r#"","sequence_number":"#).number(self.sequence);
        self.sequence += 1;
        members(&self.made, out);
        out.raw("}\n\n");
    }

    fn is_text(&self) -> bool {
        matches!(self.made.reply, Reply::Text(_))
    }

    /// An event about the one item, or about its one content part.
    fn about(&mut self, name: &str, out: &mut BytesMut, members: impl FnOnce(&Content, &mut BytesMut)) {
        let text = self.is_text();
        self.event(name, out, |made, out| {
            out.raw(if text { r#","item_id":"msg_"# } else { r#","item_id":"fc_"# }).id(made.id);
            out.raw(if text { r#"","output_index":0,"content_index":0"# } else { r#"","output_index":0"# });
            members(made.reply.content(), out);
        });
    }
}

impl Events for ResponseEvents {
    fn chunks(&self) -> u32 {
        self.made.reply.content().pieces()
    }

    fn tokens(&self) -> u64 {
        self.tokens
    }

    fn open(&mut self, out: &mut BytesMut) {
        for name in ["response.created", "response.in_progress"] {
            self.event(name, out, |made, out| made.push_object(false, out.raw(r#","response":"#)));
        }
        self.event("response.output_item.added", out, |made, out| {
            made.push_item(false, out.raw(r#","output_index":0,"item":"#));
        });
        if self.is_text() {
            self.about("response.content_part.added", out, |_, out| push_part(None, out.raw(r#","part":"#)));
        }
    }

    fn chunk(&mut self, index: u32, out: &mut BytesMut) {
        let text = self.is_text();
        let name = if text { "response.output_text.delta" } else { "response.function_call_arguments.delta" };
        self.about(name, out, |content, out| {
            content.push_piece(index, out.raw(r#","delta":""#));
            out.raw(if text { r#"","logprobs":[]"# } else { "\"" });
        });
    }

    fn close(&mut self, out: &mut BytesMut) {
        if self.is_text() {
            self.about("response.output_text.done", out, |content, out| {
                content.push_all(out.raw(r#","text":""#));
                out.raw(r#"","logprobs":[]"#);
            });
            self.about("response.content_part.done", out, |content, out| {
                push_part(Some(content), out.raw(r#","part":"#));
            });
        } else {
            self.about("response.function_call_arguments.done", out, |content, out| {
                content.push_all(out.raw(r#","arguments":""#));
                out.raw("\"");
            });
        }
        self.event("response.output_item.done", out, |made, out| {
            made.push_item(true, out.raw(r#","output_index":0,"item":"#));
        });
        let object = self.made.finished();
        self.event("response.completed", out, |_, out| out.raw(r#","response":"#).extend_from_slice(&object));
    }

    fn error(&mut self, out: &mut BytesMut) {
        self.event("error", out, |_, out| {
            out.raw(r#","code":"server_error","message":"The server had an error while processing your request. "#);
            out.raw(r#"Sorry about that!","param":null"#);
        });
    }
}
