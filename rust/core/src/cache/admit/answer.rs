//! Which answers may be stored.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::super::key::Form;

/// What may be stored beside plain answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Whether answers that call tools may be. What a tool does can depend on the moment, so somebody must have said that
    /// here it does not.
    pub tool_calls: bool,
}

/// Why an answer is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The status is not 200.
    Status,
    /// It is not of the form that was asked for, or says that it is an error.
    Malformed,
    /// It was cut off: a limit of tokens, a full context, a pause.
    Truncated,
    /// It was filtered, or the model refused.
    Filtered,
    /// It calls tools, and the rules say no.
    ToolCalls,
    /// It says nothing.
    Empty,
    /// It ended for a reason that is not known here.
    Unknown,
}

impl Refused {
    /// The name in headers and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::Filtered => "filtered",
            Self::ToolCalls => "tool_calls",
            Self::Empty => "empty",
            Self::Unknown => "unknown_end",
        }
    }
}

/// What an answer said of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Why the first of its choices ended, in the provider's words.
    pub finish: Option<Box<str>>,
    /// The model that answered.
    pub model: Option<Box<str>>,
    /// Unix time in seconds.
    pub created: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer<'a> {
    model: Option<String>,
    created: Option<u64>,
    created_at: Option<f64>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    choices: Option<Vec<Choice<'a>>>,
    // Responses.
    status: Option<String>,
    #[serde(borrow)]
    output: Option<Vec<Item<'a>>>,
    // Messages.
    stop_reason: Option<String>,
    #[serde(borrow)]
    content: Option<Vec<Item<'a>>>,
    // Embeddings, moderations.
    data: Option<Vec<IgnoredAny>>,
    results: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Choice<'a> {
    finish_reason: Option<String>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    audio: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Item<'a> {
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<String>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Inner {
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Whether a whole answer may be stored: the JSON document that came, or what [`super::super::replay::whole`] made of a
/// stream that said of itself that it was complete. With several choices each of them has to do.
pub fn judge(form: Form, status: u16, body: &[u8], rules: Rules) -> Result<Facts, Refused> {
    if status != 200 {
        return Err(Refused::Status);
    }
    let body = crate::sse::without_mark(body);
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| Refused::Malformed)?;
    if has(answer.error) {
        return Err(Refused::Malformed);
    }
    match form {
        Form::Chat | Form::Completions => choices(answer.choices.as_deref(), form, rules)?,
        Form::Responses => response(&answer, rules)?,
        Form::Messages => message(&answer, rules)?,
        Form::Embeddings => some(answer.data.as_deref())?,
        Form::Moderations => some(answer.results.as_deref())?,
    }
    let of_choice = answer.choices.and_then(|choices| choices.into_iter().next()?.finish_reason);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time that is not negative"
    )]
    let created_at = answer.created_at.filter(|time| *time >= 0.0).map(|time| time as u64);
    Ok(Facts {
        finish: of_choice.or(answer.stop_reason).or(answer.status).map(Into::into),
        model: answer.model.map(Into::into),
        created: answer.created.or(created_at),
    })
}

/// Whether there is a value that says something.
fn has(value: Option<&RawValue>) -> bool {
    value.is_some_and(|value| !matches!(value.get(), "null" | "\"\"" | "[]" | "{}"))
}

fn some<T>(list: Option<&[T]>) -> Result<(), Refused> {
    if list.ok_or(Refused::Malformed)?.is_empty() { Err(Refused::Empty) } else { Ok(()) }
}

fn choices(choices: Option<&[Choice<'_>]>, form: Form, rules: Rules) -> Result<(), Refused> {
    some(choices)?;
    for choice in choices.unwrap_or_default() {
        match choice.finish_reason.as_deref() {
            Some("stop") => {}
            Some("tool_calls" | "function_call") => allow_calls(rules)?,
            Some("length") => return Err(Refused::Truncated),
            Some("content_filter") => return Err(Refused::Filtered),
            _ => return Err(Refused::Unknown),
        }
        if form == Form::Completions {
            if !has(choice.text) {
                return Err(Refused::Empty);
            }
            continue;
        }
        let message = choice.message.as_ref().ok_or(Refused::Malformed)?;
        if has(message.refusal) {
            return Err(Refused::Filtered);
        }
        let calls = has(message.tool_calls) || has(message.function_call);
        if calls {
            allow_calls(rules)?;
        } else if !(has(message.content) || has(message.audio)) {
            return Err(Refused::Empty);
        }
    }
    Ok(())
}

fn allow_calls(rules: Rules) -> Result<(), Refused> {
    if rules.tool_calls { Ok(()) } else { Err(Refused::ToolCalls) }
}

fn response(answer: &Answer<'_>, rules: Rules) -> Result<(), Refused> {
    match answer.status.as_deref() {
        Some("completed") => {}
        Some("incomplete") => return Err(Refused::Truncated),
        _ => return Err(Refused::Unknown),
    }
    let output = answer.output.as_deref().ok_or(Refused::Malformed)?;
    let mut says = false;
    for item in output {
        let kind = item.kind.as_deref().unwrap_or_default();
        if matches!(item.status.as_deref(), Some("incomplete" | "in_progress")) {
            return Err(Refused::Truncated);
        }
        if kind == "message" {
            let content = item.content.map_or("[]", RawValue::get);
            let inner: Vec<Inner> = serde_json::from_str(content).map_err(|_| Refused::Malformed)?;
            if inner.iter().any(|inner| inner.kind.as_deref() == Some("refusal")) {
                return Err(Refused::Filtered);
            }
            says |= !inner.is_empty();
        } else if kind != "reasoning" {
            // A function's call, or that of a tool which the provider ran.
            allow_calls(rules)?;
            says = true;
        }
    }
    if says { Ok(()) } else { Err(Refused::Empty) }
}

fn message(answer: &Answer<'_>, rules: Rules) -> Result<(), Refused> {
    match answer.stop_reason.as_deref() {
        Some("end_turn" | "stop_sequence") => {}
        Some("tool_use") => allow_calls(rules)?,
        Some("max_tokens" | "model_context_window_exceeded" | "pause_turn") => {
            return Err(Refused::Truncated);
        }
        Some("refusal") => return Err(Refused::Filtered),
        _ => return Err(Refused::Unknown),
    }
    let content = answer.content.as_deref().ok_or(Refused::Malformed)?;
    let is = |kinds: &[&str]| {
        content.iter().any(|block| block.kind.as_deref().is_some_and(|kind| kinds.contains(&kind)))
    };
    if is(&["tool_use", "server_tool_use", "mcp_tool_use"]) {
        return allow_calls(rules);
    }
    if is(&["text"]) { Ok(()) } else { Err(Refused::Empty) }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
