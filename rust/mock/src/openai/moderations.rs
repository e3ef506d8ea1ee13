//! `POST /moderations`: flags what contains the word `violence`, and nothing else.

use std::borrow::Cow;

use bytes::BytesMut;
use serde::Deserialize;

use super::request::Input;
use super::{Call, Refused, model, parse};
use crate::reply::{Answer, Failure};
use crate::text::Json;

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input: Option<Input<'a>>,
}

pub(super) fn answer(call: &Call<'_>) -> Refused<Answer> {
    let request: Request<'_> = parse(call)?;
    let model = model(call, request.model.or(Some(Cow::Borrowed("omni-moderation-latest"))))?;
    let input = request.input.ok_or_else(|| {
        Failure::invalid("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    })?;
    let mut out = BytesMut::with_capacity(1536);
    out.raw(r#"{"id":"modr-"#).id(call.id).raw(r#"","model":"#).string(&model).raw(r#","results":["#);
    for (index, input) in input.batch().iter().enumerate() {
        out.raw(if index > 0 { "," } else { "" });
        push_result(input.text().contains("violence"), &mut out);
    }
    out.raw("]}");
    Ok(Answer::json(out))
}

fn push_result(flagged: bool, out: &mut BytesMut) {
    out.raw(r#"{"flagged":"#).raw(if flagged { "true" } else { "false" });
    let hit = |name: &str| flagged && name == "violence";
    members("categories", |name| if hit(name) { "true" } else { "false" }, out);
    members("category_scores", |name| if hit(name) { "0.99" } else { "0.0001" }, out);
    members("category_applied_input_types", |_| r#"["text"]"#, out);
    out.raw("}");
}

fn members(name: &str, value: impl Fn(&str) -> &'static str, out: &mut BytesMut) {
    out.raw(",").string(name).raw(":{");
    for (index, category) in CATEGORIES.iter().enumerate() {
        out.raw(if index > 0 { "," } else { "" }).string(category).raw(":").raw(value(category));
    }
    out.raw("}");
}
