//! Reads a request for `POST /v1/messages`.

use super::super::wire::{Object, required, utf8};
use super::super::{Dropped, Refusal};
use super::read_blocks;
use crate::conversation::{
    CacheMark, Effort, Format, Number, Request, Role, Sampling, Text, Tool, ToolChoice, Turn,
};

/// Reads a request. What has no place in the model is named in `dropped`.
pub(in super::super) fn read<'a>(body: &'a [u8], dropped: &mut Dropped) -> Result<Request<'a>, Refusal> {
    let top = utf8(body).and_then(Object::read);
    let mut top = top.ok_or_else(|| Refusal::Malformed("The body is not a JSON object.".to_owned()))?;
    let mut turns = Vec::new();
    if top.has("system") {
        let parts = read_blocks::content(&mut top, "", "system", dropped)?;
        turns.push(Turn { role: Role::System, at: 0, parts });
    }
    messages(&mut top, &mut turns, dropped)?;
    let (tool_choice, parallel_tool_calls) = choice(&mut top)?;
    let (effort, format) = output(&mut top, dropped)?;
    let effort = thinking(&mut top, dropped).or(effort);
    let mut metadata = top.object("metadata").unwrap_or_default();
    let stream = top.flag("stream").unwrap_or(false);
    let request = Request {
        model: top.text("model"),
        turns,
        tools: tools(&mut top, dropped)?,
        tool_choice,
        parallel_tool_calls,
        max_tokens: top.number("max_tokens").and_then(Number::whole),
        sampling: Sampling {
            temperature: top.number("temperature"),
            top_p: top.number("top_p"),
            top_k: top.number("top_k"),
            ..Sampling::default()
        },
        stop: top.texts("stop_sequences").unwrap_or_default(),
        format,
        effort,
        user: metadata.text("user_id"),
        service_tier: top
            .text("service_tier")
            .map(|tier| if tier.is("standard_only") { Text::of("default") } else { tier }),
        stream,
        // Its streams always end with their counts.
        stream_usage: stream,
    };
    metadata.drop_rest("metadata.", dropped);
    top.drop_rest("", dropped);
    Ok(request)
}

fn messages<'a>(
    top: &mut Object<'a>,
    turns: &mut Vec<Turn<'a>>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let messages =
        top.objects("messages").ok_or_else(|| Refusal::malformed("messages", "must be a list of objects"))?;
    for (at, mut message) in messages.into_iter().enumerate() {
        let path = format!("messages[{at}].");
        let role = required(&mut message, &path, "role")?;
        let role = match role.plain().as_deref() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system") => Role::System,
            _ => return Err(Refusal::malformed(format!("{path}role"), "must be user, assistant or system")),
        };
        let parts = read_blocks::content(&mut message, &path, "content", dropped)?;
        message.drop_rest(&path, dropped);
        turns.push(Turn { role, at, parts });
    }
    Ok(())
}

fn tools<'a>(top: &mut Object<'a>, dropped: &mut Dropped) -> Result<Vec<Tool<'a>>, Refusal> {
    let mut tools = Vec::new();
    for (at, mut item) in top.objects("tools").unwrap_or_default().into_iter().enumerate() {
        let path = format!("tools[{at}].");
        if item.text("type").is_some_and(|kind| !kind.is("custom")) {
            // A tool that Anthropic runs.
            dropped.push(format!("tools[{at}]"));
            continue;
        }
        tools.push(Tool {
            at,
            name: required(&mut item, &path, "name")?,
            description: item.text("description"),
            parameters: item.take("input_schema").filter(|schema| schema.starts_with('{')),
            strict: item.flag("strict"),
            mark: mark(&mut item),
        });
        item.drop_rest(&path, dropped);
    }
    Ok(tools)
}

/// Takes a `cache_control` out.
pub(super) fn mark<'a>(object: &mut Object<'a>) -> Option<CacheMark<'a>> {
    object.object("cache_control").map(|mut control| CacheMark { ttl: control.text("ttl") })
}

type Choice<'a> = (Option<ToolChoice<'a>>, Option<bool>);

fn choice<'a>(top: &mut Object<'a>) -> Result<Choice<'a>, Refusal> {
    let Some(mut choice) = top.object("tool_choice") else { return Ok((None, None)) };
    let kind = required(&mut choice, "tool_choice.", "type")?;
    let read = match kind.plain().as_deref() {
        Some("auto") => ToolChoice::Auto,
        Some("none") => ToolChoice::None,
        Some("any") => ToolChoice::Required,
        Some("tool") => ToolChoice::Named(required(&mut choice, "tool_choice.", "name")?),
        _ => return Err(Refusal::malformed("tool_choice.type", "must be auto, any, tool or none")),
    };
    let single = choice.flag("disable_parallel_tool_use");
    Ok((Some(read), single.map(|single| !single)))
}

type Output<'a> = (Option<Effort>, Option<Format<'a>>);

fn output<'a>(top: &mut Object<'a>, dropped: &mut Dropped) -> Result<Output<'a>, Refusal> {
    let Some(mut config) = top.object("output_config") else { return Ok((None, None)) };
    let effort = match config.text("effort").as_ref().and_then(Text::plain).as_deref() {
        Some("low") => Some(Effort::Low),
        Some("medium") => Some(Effort::Medium),
        Some("high") => Some(Effort::High),
        Some("xhigh") => Some(Effort::XHigh),
        Some("max") => Some(Effort::Max),
        Some(_) => {
            return Err(Refusal::malformed(
                "output_config.effort",
                "must be low, medium, high, xhigh or max",
            ));
        }
        None => None,
    };
    let format = config.object("format").and_then(|mut format| {
        let schema = format.take("schema").filter(|schema| schema.starts_with('{'))?;
        Some(Format::Schema { name: None, description: None, schema, strict: Some(true) })
    });
    config.drop_rest("output_config.", dropped);
    Ok((effort, format))
}

/// Thinking that is turned off is no effort; a budget is the nearest one, and is named; `adaptive` is what an effort
/// means anyway.
fn thinking(top: &mut Object<'_>, dropped: &mut Dropped) -> Option<Effort> {
    let mut thinking = top.object("thinking")?;
    let kind = thinking.text("type")?;
    if kind.is("disabled") || kind.is("between_tools") {
        return Some(Effort::None);
    }
    let budget = thinking.number("budget_tokens").and_then(Number::whole);
    thinking.drop_rest("thinking.", dropped);
    let budget = budget?;
    dropped.push("thinking.budget_tokens");
    Some(match budget {
        0..=2048 => Effort::Low,
        2049..=8192 => Effort::Medium,
        _ => Effort::High,
    })
}
