//! Writes the tools of a request, and which of them are to be called.

use super::super::write::Object;
use super::super::{Dropped, Target};
use super::write_blocks::cache_control;
use crate::conversation::{Request, Tool, ToolChoice};

pub(super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    object: &mut Object<'_>,
    dropped: &mut Dropped,
) {
    if request.tools.is_empty() {
        if matches!(&request.tool_choice, Some(choice) if *choice != ToolChoice::None) {
            dropped.push("tool_choice");
        }
        return;
    }
    let mut list = object.array("tools");
    for tool in request.tools.iter().filter(|tool| is_allowed(tool, request.tool_choice.as_ref())) {
        let mut item = list.object();
        one(tool, target, &mut item, dropped);
        item.end();
    }
    list.end();
    choice(request, object);
}

/// Anthropic has no list of the tools that may be called now: the others are left away.
fn is_allowed(tool: &Tool<'_>, choice: Option<&ToolChoice<'_>>) -> bool {
    match choice {
        Some(ToolChoice::Allowed { names, .. }) => names.iter().any(|name| name.plain() == tool.name.plain()),
        _ => true,
    }
}

fn one(tool: &Tool<'_>, target: &Target<'_>, item: &mut Object<'_>, dropped: &mut Dropped) {
    item.text("name", &tool.name);
    if let Some(description) = &tool.description {
        item.text("description", description);
    }
    match tool.parameters {
        Some(schema) if has_type(schema) => item.raw("input_schema", schema),
        // The schema of a tool must say that it is an object's.
        Some(schema) => {
            let members = schema[1..].trim_start();
            let comma = if members.starts_with('}') { "" } else { "," };
            item.raw("input_schema", &format!("{{\"type\":\"object\"{comma}{members}"))
        }
        None => item.raw("input_schema", r#"{"type":"object","properties":{}}"#),
    };
    match tool.strict {
        Some(true) if target.traits.structured => {
            item.flag("strict", true);
        }
        Some(true) => dropped.push(format!("tools[{}].strict", tool.at)),
        _ => {}
    }
    if let Some(mark) = &tool.mark {
        cache_control(item, mark, dropped);
    }
}

fn has_type(schema: &str) -> bool {
    super::super::wire::Object::read(schema).is_some_and(|object| object.has("type"))
}

fn choice(request: &Request<'_>, object: &mut Object<'_>) {
    let single = request.parallel_tool_calls == Some(false);
    let kind = match &request.tool_choice {
        None if !single => return,
        None | Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => "auto",
        Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => "any",
        Some(ToolChoice::Named(_)) => "tool",
        Some(ToolChoice::None) => "none",
    };
    let mut field = object.object("tool_choice");
    field.string("type", kind);
    if let Some(ToolChoice::Named(name)) = &request.tool_choice {
        field.text("name", name);
    }
    if single && kind != "none" {
        field.flag("disable_parallel_tool_use", true);
    }
    field.end();
}
