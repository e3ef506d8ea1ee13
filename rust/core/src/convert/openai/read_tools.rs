//! Reads the tools of a request, and which of them are to be called.

use super::super::wire::{Object, required};
use super::super::{Dropped, Refusal};
use super::read_messages::mark;
use crate::conversation::{Part, Text, Tool, ToolChoice};

pub(super) fn read<'a>(top: &mut Object<'a>, dropped: &mut Dropped) -> Result<Vec<Tool<'a>>, Refusal> {
    if !top.has("tools") {
        return Ok(Vec::new());
    }
    let items =
        top.objects("tools").ok_or_else(|| Refusal::malformed("tools", "must be a list of objects"))?;
    let mut tools = Vec::with_capacity(items.len());
    for (at, mut item) in items.into_iter().enumerate() {
        let path = format!("tools[{at}].");
        let kind = item.text("type");
        if kind.is_some_and(|kind| !kind.is("function")) {
            // Free-form tools have a grammar where functions have a schema.
            dropped.push(format!("tools[{at}]"));
            continue;
        }
        let mark = mark(&mut item, &path, dropped).and_then(|part| match part {
            Part::CacheMark(mark) => Some(mark),
            _ => None,
        });
        let mut function = item
            .object("function")
            .ok_or_else(|| Refusal::malformed(format!("{path}function"), "must be an object"))?;
        let below = format!("{path}function.");
        let parameters = function.take("parameters");
        if parameters.is_some_and(|schema| !schema.starts_with('{')) {
            return Err(Refusal::malformed(format!("{below}parameters"), "must be a JSON Schema"));
        }
        tools.push(Tool {
            at,
            name: required(&mut function, &below, "name")?,
            description: function.text("description"),
            parameters,
            strict: function.flag("strict"),
            mark,
        });
        function.drop_rest(&below, dropped);
        item.drop_rest(&path, dropped);
    }
    Ok(tools)
}

pub(super) fn choice<'a>(
    top: &mut Object<'a>,
    dropped: &mut Dropped,
) -> Result<Option<ToolChoice<'a>>, Refusal> {
    const FIELD: &str = "tool_choice";
    if !top.has(FIELD) {
        return Ok(None);
    }
    if let Some(word) = top.text(FIELD) {
        return match word.plain().as_deref() {
            Some("auto") => Ok(Some(ToolChoice::Auto)),
            Some("none") => Ok(Some(ToolChoice::None)),
            Some("required") => Ok(Some(ToolChoice::Required)),
            _ => Err(Refusal::malformed(FIELD, "must be auto, none, required or an object")),
        };
    }
    let mut choice =
        top.object(FIELD).ok_or_else(|| Refusal::malformed(FIELD, "must be a string or an object"))?;
    let kind = choice.text("type").and_then(Text::into_plain).unwrap_or_default();
    let read = match kind.as_ref() {
        "function" => {
            let mut function = choice.object("function").unwrap_or_default();
            ToolChoice::Named(required(&mut function, "tool_choice.function.", "name")?)
        }
        "allowed_tools" => {
            let mut allowed = choice.object("allowed_tools").unwrap_or_default();
            let required_one = allowed.text("mode").is_some_and(|mode| mode.is("required"));
            let tools = allowed.objects("tools").unwrap_or_default();
            let names = tools.into_iter().map(|mut tool| {
                let mut function = tool.object("function").unwrap_or_default();
                required(&mut function, "tool_choice.allowed_tools.tools.function.", "name")
            });
            ToolChoice::Allowed { required: required_one, names: names.collect::<Result<_, _>>()? }
        }
        _ => return Err(Refusal::unservable("tool_choice.type", "must be `function` or `allowed_tools`")),
    };
    choice.drop_rest("tool_choice.", dropped);
    Ok(Some(read))
}
