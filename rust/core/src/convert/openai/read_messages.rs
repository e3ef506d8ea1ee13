//! Reads the messages of a request.

use std::borrow::Cow;

use super::super::wire::{Object, required};
use super::super::{Dropped, Refusal, data_url};
use crate::conversation::{
    Arguments, Audio, CacheMark, File, Image, Part, Reasoning, Role, Source, Text, ToolCall, ToolResult, Turn,
};
use crate::json;

/// Reads all messages.
pub(super) fn read<'a>(messages: Vec<Object<'a>>, dropped: &mut Dropped) -> Result<Vec<Turn<'a>>, Refusal> {
    messages.into_iter().enumerate().map(|(at, message)| turn(at, message, dropped)).collect()
}

fn turn<'a>(at: usize, mut message: Object<'a>, dropped: &mut Dropped) -> Result<Turn<'a>, Refusal> {
    let path = format!("messages[{at}].");
    let role = message.text("role").and_then(Text::into_plain).unwrap_or_default();
    let role = match role.as_ref() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        "function" => {
            return Err(Refusal::unservable(
                format!("{path}role"),
                "`function` is not converted; send `tool`",
            ));
        }
        _ => {
            let what = "must be system, developer, user, assistant or tool";
            return Err(Refusal::malformed(format!("{path}role"), what));
        }
    };
    let mut parts = Vec::with_capacity(2);
    if role == Role::Assistant {
        reasoning(&mut message, &path, &mut parts, dropped)?;
    }
    content(&mut message, &path, role, &mut parts, dropped)?;
    if role == Role::Assistant {
        parts.extend(message.text("refusal").map(Part::Refusal));
        calls(&mut message, &path, &mut parts, dropped)?;
    }
    if role == Role::Tool {
        let call = required(&mut message, &path, "tool_call_id")?;
        let (marks, parts_of_result) = parts.into_iter().partition(|part| matches!(part, Part::CacheMark(_)));
        parts = vec![Part::ToolResult(ToolResult { call, parts: parts_of_result, is_error: false })];
        parts.extend::<Vec<Part<'_>>>(marks);
    }
    parts.extend(mark(&mut message, &path, dropped));
    message.drop_rest(&path, dropped);
    Ok(Turn { role, at, parts })
}

fn content<'a>(
    message: &mut Object<'a>,
    path: &str,
    role: Role,
    parts: &mut Vec<Part<'a>>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    if let Some(text) = message.text("content") {
        parts.push(Part::Text(text));
        return Ok(());
    }
    if !message.has("content") && role == Role::Assistant {
        return Ok(());
    }
    let items = message
        .objects("content")
        .ok_or_else(|| Refusal::malformed(format!("{path}content"), "must be a string or a list of parts"))?;
    for (at, mut item) in items.into_iter().enumerate() {
        let below = format!("{path}content[{at}].");
        let kind = required(&mut item, &below, "type")?;
        match kind.plain().as_deref() {
            Some("text") => parts.push(Part::Text(required(&mut item, &below, "text")?)),
            Some("refusal") => parts.push(Part::Refusal(required(&mut item, &below, "refusal")?)),
            Some("image_url") => parts.push(image(&mut item, &below, dropped)?),
            Some("input_audio") => parts.push(audio(&mut item, &below, dropped)?),
            Some("file") => parts.push(file(&mut item, &below, dropped)?),
            other => {
                // A kind of a later day: named as a whole.
                dropped.push(format!("{path}{}", other.unwrap_or("content")));
                continue;
            }
        }
        parts.extend(mark(&mut item, &below, dropped));
        item.drop_rest(&below, dropped);
    }
    Ok(())
}

fn image<'a>(item: &mut Object<'a>, path: &str, dropped: &mut Dropped) -> Result<Part<'a>, Refusal> {
    // Some clients give the URL itself.
    let (url, detail) = if let Some(url) = item.text("image_url") {
        (url, None)
    } else {
        let below = format!("{path}image_url.");
        let mut image = item.object("image_url").unwrap_or_default();
        let url = required(&mut image, &below, "url")?;
        let detail = image.text("detail").filter(|detail| !detail.is("auto"));
        image.drop_rest(below, dropped);
        (url, detail)
    };
    Ok(Part::Image(Image { source: source(url), detail }))
}

/// What a URL holds, or where it leads.
fn source(url: Text<'_>) -> Source<'_> {
    let kept = url.clone();
    let found = url.into_plain().and_then(|plain| data_url::split(&plain));
    found.map_or(Source::Url(kept), |(media_type, data)| Source::Base64 { media_type, data })
}

fn audio<'a>(item: &mut Object<'a>, path: &str, dropped: &mut Dropped) -> Result<Part<'a>, Refusal> {
    let mut audio = item.object("input_audio").unwrap_or_default();
    let format = audio.text("format");
    let data = audio.text("data");
    let data =
        data.ok_or_else(|| Refusal::malformed(format!("{path}input_audio.data"), "must be a string"))?;
    audio.drop_rest(format!("{path}input_audio."), dropped);
    Ok(Part::Audio(Audio { format, data }))
}

fn file<'a>(item: &mut Object<'a>, path: &str, dropped: &mut Dropped) -> Result<Part<'a>, Refusal> {
    let mut file = item.object("file").unwrap_or_default();
    let name = file.text("filename");
    let source = match (file.text("file_data"), file.text("file_id")) {
        (Some(data), None) => match source(data) {
            // Base64 without a data URL around it: the name is all there is to go by.
            Source::Url(data) if !data.inner().contains("://") => {
                let pdf =
                    name.as_ref().is_some_and(|name| name.inner().to_ascii_lowercase().ends_with(".pdf"));
                let media_type = if pdf { "application/pdf" } else { "application/octet-stream" };
                let data = data.into_plain().unwrap_or_default();
                Source::Base64 { media_type: Cow::Borrowed(media_type), data }
            }
            source => source,
        },
        (None, Some(id)) => Source::Stored(id),
        _ => {
            return Err(Refusal::malformed(
                format!("{path}file"),
                "must have one of `file_data` and `file_id`",
            ));
        }
    };
    file.drop_rest(format!("{path}file."), dropped);
    Ok(Part::File(File { source, name }))
}

/// `cache_control`, or OpenAI's own way of saying it.
pub(super) fn mark<'a>(object: &mut Object<'a>, path: &str, dropped: &mut Dropped) -> Option<Part<'a>> {
    let mut found = None;
    for name in ["cache_control", "prompt_cache_breakpoint"] {
        if let Some(mut mark) = object.object(name) {
            found = Some(Part::CacheMark(CacheMark { ttl: mark.text("ttl") }));
            // There is one kind of mark.
            let _ = (mark.text("type"), mark.text("mode"));
            mark.drop_rest(format!("{path}{name}."), dropped);
        }
    }
    found
}

/// Reads what the model thought: `thinking_blocks`, or `reasoning_content` where there are none.
pub(super) fn reasoning<'a>(
    message: &mut Object<'a>,
    path: &str,
    parts: &mut Vec<Part<'a>>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let told = message.text("reasoning_content");
    let blocks = message.objects("thinking_blocks").filter(|blocks| !blocks.is_empty());
    let Some(blocks) = blocks else {
        let told = told.filter(|text| !text.is_empty());
        parts.extend(told.map(|text| Part::Reasoning(Reasoning::Thought { text, signature: None })));
        return Ok(());
    };
    for (at, mut block) in blocks.into_iter().enumerate() {
        let below = format!("{path}thinking_blocks[{at}].");
        let kind = required(&mut block, &below, "type")?;
        let reasoning = if kind.is("redacted_thinking") {
            Reasoning::Redacted(required(&mut block, &below, "data")?)
        } else {
            Reasoning::Thought {
                text: required(&mut block, &below, "thinking")?,
                signature: block.text("signature"),
            }
        };
        parts.push(Part::Reasoning(reasoning));
        block.drop_rest(&below, dropped);
    }
    Ok(())
}

fn calls<'a>(
    message: &mut Object<'a>,
    path: &str,
    parts: &mut Vec<Part<'a>>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    if !message.has("tool_calls") {
        if message.has("function_call") {
            let what = "is not converted; send `tool_calls`";
            return Err(Refusal::unservable(format!("{path}function_call"), what));
        }
        return Ok(());
    }
    let calls = message
        .objects("tool_calls")
        .ok_or_else(|| Refusal::malformed(format!("{path}tool_calls"), "must be a list of objects"))?;
    for (at, mut call) in calls.into_iter().enumerate() {
        let below = format!("{path}tool_calls[{at}].");
        let id = required(&mut call, &below, "id")?;
        let kind = call.text("type");
        if kind.is_some_and(|kind| !kind.is("function")) {
            return Err(Refusal::unservable(format!("{below}type"), "must be `function`"));
        }
        let mut function = call.object("function").unwrap_or_default();
        let below = format!("{below}function.");
        let name = required(&mut function, &below, "name")?;
        let arguments = arguments(required(&mut function, &below, "arguments")?);
        function.drop_rest(&below, dropped);
        // A number that streams give and some clients keep.
        let _ = call.number("index");
        call.drop_rest(&below, dropped);
        parts.push(Part::ToolCall(ToolCall { id, name, arguments }));
    }
    Ok(())
}

/// The object that a string of arguments holds, byte for byte. Models call a function without arguments with an empty
/// string, and what they write need not be JSON.
pub(super) fn arguments(text: Text<'_>) -> Arguments<'_> {
    if text.is_blank() {
        return Arguments::Object(Cow::Borrowed("{}"));
    }
    let kept = text.clone();
    let plain = text.into_plain().filter(|plain| {
        plain.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{')
            && json::validate(plain.as_bytes()).is_ok()
    });
    plain.map_or(Arguments::Other(kept), Arguments::Object)
}
