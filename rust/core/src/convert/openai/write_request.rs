//! Writes a request for a chat completion.

use super::super::write::{Array, Object};
use super::super::{Dropped, Refusal, Target};
use super::write_messages;
use crate::conversation::{Effort, Format, Request, Tool, ToolChoice};

/// Appends the request to `out`; what OpenAI cannot be told is named in `dropped`.
pub(in super::super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    out: &mut Vec<u8>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let mut object = Object::begin(out);
    object.string("model", target.model);
    write_messages::write(&request.turns, &mut object, dropped)?;
    tools(request, &mut object, dropped);
    if let Some(limit) = request.max_tokens {
        object.number("max_completion_tokens", limit);
    }
    sampling(request, &mut object, dropped);
    if !request.stop.is_empty() {
        let mut list = object.array("stop");
        for sequence in &request.stop {
            list.item().extend_from_slice(sequence.raw().as_bytes());
        }
        list.end();
    }
    format(request.format.as_ref(), &mut object);
    if let Some(effort) = request.effort {
        object.string("reasoning_effort", word(effort));
    }
    if let Some(user) = &request.user {
        object.text("user", user);
    }
    if let Some(tier) = &request.service_tier {
        object.text("service_tier", tier);
    }
    if request.stream {
        object.flag("stream", true);
        if request.stream_usage {
            let mut options = object.object("stream_options");
            options.flag("include_usage", true);
            options.end();
        }
    }
    object.end();
    Ok(())
}

fn tools(request: &Request<'_>, object: &mut Object<'_>, dropped: &mut Dropped) {
    if request.tools.is_empty() {
        return;
    }
    let mut list = object.array("tools");
    for tool in &request.tools {
        one(tool, &mut list);
        if tool.mark.is_some() {
            dropped.push("cache_control");
        }
    }
    list.end();
    if let Some(choice) = &request.tool_choice {
        tool_choice(choice, object);
    }
    if let Some(parallel) = request.parallel_tool_calls {
        object.flag("parallel_tool_calls", parallel);
    }
}

fn one(tool: &Tool<'_>, list: &mut Array<'_>) {
    let mut item = list.object();
    item.string("type", "function");
    let mut function = item.object("function");
    function.text("name", &tool.name);
    if let Some(description) = &tool.description {
        function.text("description", description);
    }
    if let Some(parameters) = tool.parameters {
        function.raw("parameters", parameters);
    }
    if let Some(strict) = tool.strict {
        function.flag("strict", strict);
    }
    function.end();
    item.end();
}

fn tool_choice(choice: &ToolChoice<'_>, object: &mut Object<'_>) {
    const FIELD: &str = "tool_choice";
    match choice {
        ToolChoice::Auto => {
            object.string(FIELD, "auto");
        }
        ToolChoice::None => {
            object.string(FIELD, "none");
        }
        ToolChoice::Required => {
            object.string(FIELD, "required");
        }
        ToolChoice::Named(name) => {
            let mut field = object.object(FIELD);
            field.string("type", "function");
            let mut function = field.object("function");
            function.text("name", name);
            function.end();
            field.end();
        }
        ToolChoice::Allowed { required, names } => {
            let mut field = object.object(FIELD);
            field.string("type", "allowed_tools");
            let mut allowed = field.object("allowed_tools");
            allowed.string("mode", if *required { "required" } else { "auto" });
            let mut list = allowed.array("tools");
            for name in names {
                let mut tool = list.object();
                tool.string("type", "function");
                let mut function = tool.object("function");
                function.text("name", name);
                function.end();
                tool.end();
            }
            list.end();
            allowed.end();
            field.end();
        }
    }
}

fn sampling(request: &Request<'_>, object: &mut Object<'_>, dropped: &mut Dropped) {
    let sampling = &request.sampling;
    for (name, number) in [
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
        ("seed", sampling.seed),
        ("frequency_penalty", sampling.frequency_penalty),
        ("presence_penalty", sampling.presence_penalty),
        ("top_logprobs", sampling.top_logprobs),
    ] {
        if let Some(number) = number {
            object.raw(name, number.raw());
        }
    }
    if let Some(bias) = sampling.logit_bias {
        object.raw("logit_bias", bias);
    }
    if sampling.logprobs {
        object.flag("logprobs", true);
    }
    if sampling.top_k.is_some() {
        dropped.push("top_k");
    }
}

fn format(format: Option<&Format<'_>>, object: &mut Object<'_>) {
    let Some(format) = format else { return };
    let mut field = object.object("response_format");
    match format {
        Format::Json => {
            field.string("type", "json_object");
        }
        Format::Schema { name, description, schema, strict } => {
            field.string("type", "json_schema");
            let mut holder = field.object("json_schema");
            match name {
                Some(name) => holder.text("name", name),
                // OpenAI asks for a label.
                None => holder.string("name", "answer"),
            };
            if let Some(description) = description {
                holder.text("description", description);
            }
            if let Some(strict) = strict {
                holder.flag("strict", *strict);
            }
            holder.raw("schema", schema);
            holder.end();
        }
    }
    field.end();
}

const fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::None => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::XHigh => "xhigh",
        Effort::Max => "max",
    }
}
