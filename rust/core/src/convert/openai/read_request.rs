//! Reads a request for a chat completion.

use super::super::wire::{Object, utf8};
use super::super::{Dropped, Refusal};
use super::{read_messages, read_tools};
use crate::conversation::{Effort, Format, Number, Request, Sampling, Text};

/// Reads a request. What has no place in the model is named in `dropped`.
pub(in super::super) fn read<'a>(body: &'a [u8], dropped: &mut Dropped) -> Result<Request<'a>, Refusal> {
    let top = utf8(body).and_then(Object::read);
    let mut top = top.ok_or_else(|| Refusal::Malformed("The body is not a JSON object.".to_owned()))?;
    refuse_other_answers(&mut top)?;
    let messages: Vec<Object<'_>> =
        top.objects("messages").ok_or_else(|| Refusal::malformed("messages", "must be a list of objects"))?;
    let max_tokens = limit(&mut top)?;
    let request = Request {
        model: top.text("model"),
        turns: read_messages::read(messages, dropped)?,
        tools: read_tools::read(&mut top, dropped)?,
        tool_choice: read_tools::choice(&mut top, dropped)?,
        parallel_tool_calls: top.flag("parallel_tool_calls"),
        max_tokens,
        sampling: sampling(&mut top),
        stop: stop(&mut top)?,
        format: format(&mut top, dropped)?,
        effort: effort(&mut top)?,
        user: user(&mut top),
        service_tier: top.text("service_tier"),
        stream: top.flag("stream").unwrap_or(false),
        stream_usage: stream_usage(&mut top, dropped),
    };
    if top.flag("store") == Some(true) {
        dropped.push("store");
    }
    top.drop_rest("", dropped);
    Ok(request)
}

/// Several answers, audio, and the calls that came before tools cannot be made of one answer of another provider.
fn refuse_other_answers(top: &mut Object<'_>) -> Result<(), Refusal> {
    let n = top.number("n").and_then(Number::whole);
    if top.has("n") || n.is_some_and(|n| n != 1) {
        return Err(Refusal::unservable("n", "must be 1: this provider gives one answer"));
    }
    let spoken = top.texts("modalities").is_some_and(|kinds| kinds.iter().any(|kind| !kind.is("text")));
    if spoken || top.has("audio") {
        return Err(Refusal::unservable(
            "modalities",
            "asks for more than text, which this provider cannot answer",
        ));
    }
    for name in ["functions", "function_call"] {
        if top.has(name) {
            return Err(Refusal::unservable(name, "is not converted; send `tools` and `tool_choice`"));
        }
    }
    if top.has("web_search_options") {
        return Err(Refusal::unservable(
            "web_search_options",
            "asks for a search that this provider does not do",
        ));
    }
    Ok(())
}

/// `max_completion_tokens`, or its older name.
fn limit(top: &mut Object<'_>) -> Result<Option<u64>, Refusal> {
    let mut found = None;
    for name in ["max_completion_tokens", "max_tokens"] {
        if !top.has(name) {
            continue;
        }
        let number = top.number(name).and_then(Number::whole);
        let number = number.ok_or_else(|| Refusal::malformed(name, "must be a whole number from 0"))?;
        found = found.or(Some(number));
    }
    Ok(found)
}

fn sampling<'a>(top: &mut Object<'a>) -> Sampling<'a> {
    let neutral = |number: &Number<'a>| number.value() == 0.0;
    let bias = top.take("logit_bias").filter(|bias| !matches!(*bias, "{}" | "[]"));
    Sampling {
        temperature: top.number("temperature"),
        top_p: top.number("top_p"),
        top_k: top.number("top_k"),
        seed: top.number("seed"),
        frequency_penalty: top.number("frequency_penalty").filter(|number| !neutral(number)),
        presence_penalty: top.number("presence_penalty").filter(|number| !neutral(number)),
        logit_bias: bias,
        logprobs: top.flag("logprobs").unwrap_or(false),
        top_logprobs: top.number("top_logprobs").filter(|number| !neutral(number)),
    }
}

fn stop<'a>(top: &mut Object<'a>) -> Result<Vec<Text<'a>>, Refusal> {
    if let Some(one) = top.text("stop") {
        return Ok(vec![one]);
    }
    if !top.has("stop") {
        return Ok(Vec::new());
    }
    top.texts("stop").ok_or_else(|| Refusal::malformed("stop", "must be a string or a list of strings"))
}

fn format<'a>(top: &mut Object<'a>, dropped: &mut Dropped) -> Result<Option<Format<'a>>, Refusal> {
    const FIELD: &str = "response_format";
    if !top.has(FIELD) {
        return Ok(None);
    }
    let mut format = top.object(FIELD).ok_or_else(|| Refusal::malformed(FIELD, "must be an object"))?;
    let kind = format.text("type").and_then(Text::into_plain).unwrap_or_default();
    let read = match kind.as_ref() {
        "text" => None,
        "json_object" => Some(Format::Json),
        "json_schema" => {
            let mut schema = format.object("json_schema").ok_or_else(|| {
                Refusal::malformed("response_format.json_schema", "must be an object with a `schema`")
            })?;
            let read = Format::Schema {
                name: schema.text("name"),
                description: schema.text("description"),
                strict: schema.flag("strict"),
                schema: schema.take("schema").filter(|schema| schema.starts_with('{')).ok_or_else(|| {
                    Refusal::malformed("response_format.json_schema.schema", "must be a JSON Schema")
                })?,
            };
            schema.drop_rest("response_format.json_schema.", dropped);
            Some(read)
        }
        _ => {
            return Err(Refusal::unservable(
                "response_format.type",
                "must be `text`, `json_object` or `json_schema` for a provider of another dialect",
            ));
        }
    };
    format.drop_rest("response_format.", dropped);
    Ok(read)
}

fn effort(top: &mut Object<'_>) -> Result<Option<Effort>, Refusal> {
    if !top.has("reasoning_effort") {
        return Ok(None);
    }
    let effort = top.text("reasoning_effort").and_then(Text::into_plain).unwrap_or_default();
    Ok(Some(match effort.as_ref() {
        "none" => Effort::None,
        "minimal" => Effort::Minimal,
        "low" => Effort::Low,
        "medium" => Effort::Medium,
        "high" => Effort::High,
        "xhigh" => Effort::XHigh,
        "max" => Effort::Max,
        _ => {
            return Err(Refusal::malformed(
                "reasoning_effort",
                "must be one of none, minimal, low, medium, high, xhigh, max",
            ));
        }
    }))
}

/// `safety_identifier`, or the field that it replaced; where both stand the older one is left over.
fn user<'a>(top: &mut Object<'a>) -> Option<Text<'a>> {
    top.text("safety_identifier").or_else(|| top.text("user"))
}

fn stream_usage(top: &mut Object<'_>, dropped: &mut Dropped) -> bool {
    let Some(mut options) = top.object("stream_options") else { return false };
    let usage = options.flag("include_usage").unwrap_or(false);
    // Padding against those who measure events: another provider sends none, so not wanting it costs nothing.
    if options.flag("include_obfuscation") == Some(true) {
        dropped.push("stream_options.include_obfuscation");
    }
    options.drop_rest("stream_options.", dropped);
    usage
}
