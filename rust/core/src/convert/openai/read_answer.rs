//! Reads a chat completion that came whole.

use super::super::wire::{Object, utf8};
use super::super::{Dropped, Refusal};
use super::read_messages::{arguments, reasoning};
use super::{read_stop, read_usage};
use crate::conversation::{Answer, Citation, Part, Stop, Text, ToolCall};

/// Reads an answer; choices beyond the first, and what the model has no place for, are named.
pub(in super::super) fn read<'a>(body: &'a [u8], dropped: &mut Dropped) -> Result<Answer<'a>, Refusal> {
    let top = utf8(body).and_then(Object::read);
    let mut top = top.ok_or_else(|| Refusal::invalid("it is not a JSON object"))?;
    let choices = top.objects("choices").ok_or_else(|| Refusal::invalid("it has no `choices`"))?;
    let mut choices = choices.into_iter();
    let mut choice = choices.next().ok_or_else(|| Refusal::invalid("it has no choice"))?;
    if choices.next().is_some() {
        dropped.push("choices[1]");
    }
    let mut message = choice.object("message").ok_or_else(|| Refusal::invalid("it has no `message`"))?;
    let mut parts = Vec::with_capacity(2);
    reasoning(&mut message, "message.", &mut parts, dropped)
        .map_err(|_| Refusal::invalid("a thought has no text"))?;
    parts.extend(message.text("content").filter(|text| !text.is_empty()).map(Part::Text));
    for mut annotation in message.objects("annotations").unwrap_or_default() {
        let mut page = annotation.object("url_citation").unwrap_or_default();
        let kind = annotation.text("type").unwrap_or_else(|| Text::of("url_citation"));
        parts.push(Part::Citation(Citation { kind, url: page.text("url"), title: page.text("title") }));
    }
    let refusal = message.text("refusal");
    parts.extend(refusal.map(Part::Refusal));
    for mut call in message.objects("tool_calls").unwrap_or_default() {
        parts.push(Part::ToolCall(tool_call(&mut call)?));
    }
    let _ = message.text("role");
    message.drop_rest("message.", dropped);
    let (_, stop) = (choice.number("index"), choice.text("finish_reason"));
    choice.drop_rest("", dropped);
    let answer = Answer {
        id: top.text("id"),
        model: top.text("model"),
        parts,
        stop: stop.map_or_else(|| Stop::Other(Text::of("")), read_stop),
        usage: top.object("usage").map(read_usage),
        service_tier: top.text("service_tier"),
    };
    let _ = (top.text("object"), top.number("created"), top.text("system_fingerprint"));
    top.drop_rest("", dropped);
    Ok(answer)
}

fn tool_call<'a>(call: &mut Object<'a>) -> Result<ToolCall<'a>, Refusal> {
    let missing = |what: &str| Refusal::invalid(format!("a tool call has no `{what}`"));
    let mut function = call.object("function").ok_or_else(|| missing("function"))?;
    Ok(ToolCall {
        id: call.text("id").ok_or_else(|| missing("id"))?,
        name: function.text("name").ok_or_else(|| missing("name"))?,
        arguments: arguments(function.text("arguments").unwrap_or_else(|| Text::of(""))),
    })
}
