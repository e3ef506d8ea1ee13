//! `POST /completions`, whole and streamed; both have one shape.
//! <https://platform.openai.com/docs/api-reference/completions>

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;

use super::chat::{ERROR_EVENT, StreamOptions};
use super::generate::{self, Reply, Wish, push_usage};
use super::request::Input;
use super::{Call, Refused, model, parse};
use crate::body::Events;
use crate::reply::Answer;
use crate::script::Usage;
use crate::text::Json;

/// Bytes of a content event beside its text and the model's name.
const FRAMING: usize = 199;

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    prompt: Option<Input<'a>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
}

pub(super) fn answer(call: &Call<'_>) -> Refused<Answer> {
    let request: Request<'_> = parse(call)?;
    let model = model(call, request.model)?;
    let prompt = request.prompt.map(|prompt| prompt.text()).unwrap_or_default();
    let wish = Wish { model: &model, last_user: &prompt, framing: FRAMING + model.len(), ..Wish::default() };
    let reply = generate::reply(call.script, &wish)?;
    let usage = generate::usage(call.script, prompt.len(), reply.content());
    let tokens = usage.map_or(0, |usage| usage.output);
    let mut prefix = BytesMut::with_capacity(160 + model.len());
    prefix.raw(r#"{"id":"cmpl-"#).id(call.id);
    prefix.raw(r#"","object":"text_completion","created":"#).number(call.created);
    prefix.raw(r#","model":"#).string(&model).raw(r#","system_fingerprint":"fp_mock","choices":["#);
    if request.stream.unwrap_or(false) {
        let counted = request.stream_options.is_some_and(|options| options.include_usage);
        let usage = usage.filter(|_| counted);
        return Ok(Answer::Stream(Box::new(TextEvents {
            prefix: prefix.freeze(),
            reply,
            counted,
            usage,
            tokens,
        })));
    }
    let mut out = prefix;
    push_choice(|out| reply.content().push_all(out), "\"stop\"", &mut out);
    out.raw("]");
    if let Some(usage) = usage {
        out.raw(r#","usage":"#);
        push_usage(&usage, &mut out);
    }
    out.raw("}");
    Ok(Answer::generated(out, tokens))
}

fn push_choice(text: impl FnOnce(&mut BytesMut), finish: &str, out: &mut BytesMut) {
    out.raw(r#"{"text":""#);
    text(out);
    out.raw(r#"","index":0,"logprobs":null,"finish_reason":"#).raw(finish).raw("}");
}

struct TextEvents {
    prefix: Bytes,
    reply: Reply,
    counted: bool,
    usage: Option<Usage>,
    tokens: u64,
}

impl TextEvents {
    fn event(&self, text: impl FnOnce(&mut BytesMut), finish: &str, out: &mut BytesMut) {
        out.raw("data: ").extend_from_slice(&self.prefix);
        push_choice(text, finish, out);
        out.raw(if self.counted { "],\"usage\":null}\n\n" } else { "]}\n\n" });
    }
}

impl Events for TextEvents {
    fn chunks(&self) -> u32 {
        self.reply.content().pieces()
    }

    fn tokens(&self) -> u64 {
        self.tokens
    }

    fn open(&mut self, _: &mut BytesMut) {}

    fn chunk(&mut self, index: u32, out: &mut BytesMut) {
        self.event(|out| self.reply.content().push_piece(index, out), "null", out);
    }

    fn close(&mut self, out: &mut BytesMut) {
        self.event(|_| {}, "\"stop\"", out);
        if let Some(usage) = &self.usage {
            out.raw("data: ").extend_from_slice(&self.prefix);
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
