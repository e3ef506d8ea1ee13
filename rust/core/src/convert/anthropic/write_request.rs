//! Writes a request for `POST /v1/messages`.

use super::super::write::Object;
use super::super::{Dropped, Refusal, Target};
use super::{think, write_tools, write_turns};
use crate::conversation::{Format, Request, Sampling, Text};

/// Appends the request to `out`; what Anthropic cannot be told is named in `dropped`.
pub(in super::super) fn write(
    request: &Request<'_>,
    target: &Target<'_>,
    out: &mut Vec<u8>,
    dropped: &mut Dropped,
) -> Result<(), Refusal> {
    let max_tokens = request.max_tokens.unwrap_or(target.max_tokens);
    let thinking = think::decide(request, target, max_tokens, dropped);
    let draw = think::draw(request, target, &thinking, dropped);
    name_the_rest(&request.sampling, dropped);

    let mut object = Object::begin(out);
    object.string("model", target.model).number("max_tokens", max_tokens);
    write_turns::write(request, target, &mut object, dropped)?;
    write_tools::write(request, target, &mut object, dropped);
    for (name, number) in [("temperature", draw.temperature), ("top_p", draw.top_p), ("top_k", draw.top_k)] {
        if let Some(number) = number {
            object.raw(name, number.raw());
        }
    }
    stop(&request.stop, &mut object, dropped);
    if let Some(form) = thinking.form {
        let mut field = object.object("thinking");
        field.string("type", form);
        if let Some(budget) = thinking.budget {
            field.number("budget_tokens", budget);
        }
        field.end();
    }
    let schema = schema(request, target, dropped);
    if schema.is_some() || thinking.effort.is_some() {
        let mut config = object.object("output_config");
        if let Some(effort) = thinking.effort {
            config.string("effort", effort);
        }
        if let Some(schema) = schema {
            let mut format = config.object("format");
            format.string("type", "json_schema").raw("schema", schema);
            format.end();
        }
        config.end();
    }
    if let Some(user) = &request.user {
        let mut metadata = object.object("metadata");
        metadata.text("user_id", user);
        metadata.end();
    }
    match request.service_tier.as_ref().and_then(Text::plain).as_deref() {
        Some("auto") => {
            object.string("service_tier", "auto");
        }
        Some("default") => {
            object.string("service_tier", "standard_only");
        }
        Some(_) => dropped.push("service_tier"),
        None => {}
    }
    if request.stream {
        object.flag("stream", true);
    }
    object.end();
    Ok(())
}

fn name_the_rest(sampling: &Sampling<'_>, dropped: &mut Dropped) {
    for (name, is_there) in [
        ("seed", sampling.seed.is_some()),
        ("frequency_penalty", sampling.frequency_penalty.is_some()),
        ("presence_penalty", sampling.presence_penalty.is_some()),
        ("logit_bias", sampling.logit_bias.is_some()),
        ("logprobs", sampling.logprobs),
        ("top_logprobs", sampling.top_logprobs.is_some()),
    ] {
        if is_there {
            dropped.push(name);
        }
    }
}

/// Sequences of white space are refused by Anthropic.
fn stop(sequences: &[Text<'_>], object: &mut Object<'_>, dropped: &mut Dropped) {
    let (kept, blank): (Vec<_>, Vec<_>) = sequences.iter().partition(|sequence| !sequence.is_blank());
    if !blank.is_empty() {
        dropped.push("stop");
    }
    if kept.is_empty() {
        return;
    }
    let mut list = object.array("stop_sequences");
    for sequence in kept {
        list.item().extend_from_slice(sequence.raw().as_bytes());
    }
    list.end();
}

/// The schema of a structured output. JSON without a schema is something that Anthropic does not have.
fn schema<'a>(request: &Request<'a>, target: &Target<'_>, dropped: &mut Dropped) -> Option<&'a str> {
    match request.format.as_ref()? {
        Format::Schema { schema, description, .. } if target.traits.structured => {
            if description.is_some() {
                dropped.push("response_format.json_schema.description");
            }
            Some(schema)
        }
        _ => {
            dropped.push("response_format");
            None
        }
    }
}
