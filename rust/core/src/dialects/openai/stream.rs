//! What a stream has said so far.
//!
//! Most events of a stream carry a bit of text and nothing that the gateway must know, so after the first content an
//! event is searched for four words and parsed only where one of them stands with a value. A quote inside text is
//! escaped, so the words cannot match there.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::Usage;
use super::answer::finish_reason;
use crate::sse::{self, Found};

/// What one event was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A comment, a role, an empty delta: nothing that commits.
    Nothing,
    /// Text, a tool call, reasoning, a refusal, or the end of a choice.
    Content,
    /// The provider said in the stream that it failed.
    Error,
    /// The terminator.
    Done,
}

/// What is looked for in every event; built once, for their tables are large.
static WORDS: LazyLock<[Finder<'static>; 4]> =
    LazyLock::new(|| ["\"finish_reason\"", "\"usage\"", "\"error\"", "\"response\""].map(Finder::new));

/// Follows one stream.
#[derive(Debug, Default)]
pub struct StreamReader {
    /// The last token counts seen.
    pub usage: Option<Usage>,
    /// The last finish reason seen.
    pub finish: Option<Box<str>>,
    /// Whether content was seen.
    pub content: bool,
    /// Whether the last event of its kind was seen: the terminator, or the one that holds a whole response.
    pub done: bool,
    /// Whether an error event was seen.
    pub failed: bool,
    events: u64,
}

#[derive(Deserialize, Default)]
struct Chunk<'a> {
    #[serde(default, rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    /// `error` in an error of Mistral's, vLLM's and `SGLang`'s.
    #[serde(default, borrow)]
    object: Option<Cow<'a, str>>,
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(default, borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default, borrow)]
    usage: Option<&'a serde_json::value::RawValue>,
    #[serde(default, borrow)]
    response: Option<ResponseBody<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default, borrow)]
    finish_reason: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    delta: Option<std::collections::HashMap<Cow<'a, str>, &'a serde_json::value::RawValue>>,
    #[serde(default, borrow)]
    text: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct ResponseBody<'a> {
    #[serde(default, borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    usage: Option<&'a serde_json::value::RawValue>,
}

impl StreamReader {
    /// Takes one event.
    pub fn found(&mut self, event: Found<'_>) -> Seen {
        match event {
            Found::Whole(raw) => self.event(raw),
            Found::Long { start, end } => self.long_event(start, end),
        }
    }

    /// Takes one whole event.
    pub fn event(&mut self, raw: &[u8]) -> Seen {
        self.events += 1;
        let raw = if self.events > 1 { raw } else { sse::without_mark(raw) };
        if self.content && raw.starts_with(b"data: {") && !says_something(raw) {
            return Seen::Content;
        }
        let event = sse::parse(raw);
        let Some(data) = event.data else { return Seen::Nothing };
        if data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Seen::Done;
        }
        if event.name == b"error" {
            self.failed = true;
            return Seen::Error;
        }
        let Ok(chunk) = serde_json::from_slice::<Chunk<'_>>(&data) else {
            // Not a shape that is known here: it is the client's to read.
            self.content = true;
            return Seen::Content;
        };
        self.chunk(&chunk)
    }

    /// Whether the stream said of itself that it is whole.
    pub fn is_complete(&self) -> bool {
        !self.failed && (self.done || self.finish.is_some())
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Whether the stream said that nothing more will come, whatever its connection does now.
    pub fn has_ended(&self) -> bool {
        self.done || self.failed
    }

    /// Takes an event that was too long to be held. Its ends tell what must be known: a response's last event holds
    /// the whole response, and a chat's longest may be its only one.
    fn long_event(&mut self, start: &[u8], end: &[u8]) -> Seen {
        self.events += 1;
        self.content = true;
        let event = sse::parse(start);
        let data = event.data.unwrap_or_default();
        let kind = if event.name.is_empty() { first_type(&data) } else { event.name };
        if matches!(kind, b"error" | b"response.failed") || data.starts_with(b"{\"error\"") {
            self.failed = true;
            return Seen::Error;
        }
        self.usage = Usage::last_in(end).or(self.usage);
        let finish = match kind {
            b"response.completed" => Some("completed".into()),
            b"response.incomplete" => Some("incomplete".into()),
            _ => finish_reason(end).or_else(|| finish_reason(start)),
        };
        self.done |= kind.starts_with(b"response.") && finish.is_some();
        self.finish = finish.or(self.finish.take());
        Seen::Content
    }

    fn chunk(&mut self, chunk: &Chunk<'_>) -> Seen {
        let kind = chunk.kind.as_deref().unwrap_or_default();
        let is_error = chunk.error.is_some() || chunk.object.as_deref() == Some("error");
        if is_error || matches!(kind, "error" | "response.failed") {
            self.failed = true;
            return Seen::Error;
        }
        self.read_usage(chunk.usage);
        if let Some(response) = &chunk.response {
            self.read_usage(response.usage);
            if matches!(kind, "response.completed" | "response.incomplete") {
                self.finish = response.status.as_deref().or(kind.strip_prefix("response.")).map(Into::into);
                self.content = true;
                self.done = true;
            }
        }
        if matches!(kind.rsplit('.').next(), Some("delta" | "done")) {
            self.content = true;
        }
        for choice in chunk.choices.iter().flatten() {
            if let Some(reason) = &choice.finish_reason {
                self.finish = Some(reason.as_ref().into());
                self.content = true;
            }
            let has =
                |value: &serde_json::value::RawValue| !matches!(value.get(), "null" | "\"\"" | "[]" | "{}");
            let spoke = choice.delta.iter().flatten().any(|(key, value)| key != "role" && has(value));
            if spoke || choice.text.is_some_and(has) {
                self.content = true;
            }
        }
        if self.content { Seen::Content } else { Seen::Nothing }
    }

    fn read_usage(&mut self, value: Option<&serde_json::value::RawValue>) {
        if let Some(usage) = value.and_then(|raw| Usage::parse(raw.get().as_bytes())) {
            self.usage = Some(usage);
        }
    }
}

/// The value of a `type` that stands first in an object.
fn first_type(data: &[u8]) -> &[u8] {
    let value = data.strip_prefix(b"{\"type\":\"").unwrap_or_default();
    &value[..value.iter().position(|&byte| byte == b'"').unwrap_or(0)]
}

/// Whether one of the words stands in the event with a value other than null.
fn says_something(raw: &[u8]) -> bool {
    WORDS.iter().any(|word| {
        word.find_iter(raw).any(|at| {
            let rest = raw[at + word.needle().len()..].trim_ascii_start();
            let value = rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start();
            !value.starts_with(b"null")
        })
    })
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
