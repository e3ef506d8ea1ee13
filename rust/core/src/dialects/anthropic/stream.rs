//! What a stream has said so far.
//!
//! An event is named by its `event:` line and by the `type` of its data; the line is enough for all but four kinds, so
//! the data of a piece of text is not parsed at all.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::Usage;
use super::super::openai::Seen;
use super::Tokens;
use crate::sse::{self, Found};

/// Follows one stream.
#[derive(Debug, Default)]
pub struct StreamReader {
    /// The last stop reason seen.
    pub finish: Option<Box<str>>,
    /// Whether content was seen.
    pub content: bool,
    /// Whether `message_stop` was seen.
    pub done: bool,
    /// Whether an error event was seen.
    pub failed: bool,
    tokens: Tokens,
    events: u64,
}

#[derive(Deserialize, Default)]
struct Wire<'a> {
    #[serde(default, rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    message: Option<Message<'a>>,
    #[serde(default, borrow)]
    content_block: Option<Kind<'a>>,
    #[serde(default, borrow)]
    delta: Option<Delta<'a>>,
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default, borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(default, rename = "type", borrow)]
    kind: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default, borrow)]
    stop_reason: Option<Cow<'a, str>>,
}

impl StreamReader {
    /// Takes one event.
    pub fn found(&mut self, event: Found<'_>) -> Seen {
        match event {
            Found::Whole(raw) => self.event(raw),
            Found::Long { start, .. } => self.long_event(start),
        }
    }

    /// Takes one whole event.
    pub fn event(&mut self, raw: &[u8]) -> Seen {
        self.events += 1;
        let raw = if self.events > 1 { raw } else { sse::without_mark(raw) };
        let event = sse::parse(raw);
        let Some(data) = event.data else { return Seen::Nothing };
        match event.name {
            b"content_block_delta" => return self.spoke(),
            b"ping" | b"content_block_stop" => return self.stands(),
            b"error" => return self.fails(),
            _ => {}
        }
        let Ok(wire) = serde_json::from_slice::<Wire<'_>>(&data) else {
            // Not a shape that is known here: it is the client's to read.
            return self.spoke();
        };
        self.read(&wire)
    }

    /// Token counts so far.
    pub fn usage(&self) -> Option<Usage> {
        self.tokens.usage()
    }

    /// Whether the stream said of itself that it is whole.
    pub fn is_complete(&self) -> bool {
        !self.failed && self.done
    }

    /// Whether the stream said that nothing more will come, whatever its connection does now.
    pub fn has_ended(&self) -> bool {
        self.done || self.failed
    }

    fn read(&mut self, wire: &Wire<'_>) -> Seen {
        match wire.kind.as_deref().unwrap_or_default() {
            "error" => self.fails(),
            "content_block_delta" => self.spoke(),
            "message_start" => {
                if let Some(usage) = wire.message.as_ref().and_then(|message| message.usage) {
                    self.tokens.merge(usage.get().as_bytes());
                }
                self.stands()
            }
            "content_block_start" => {
                match wire.content_block.as_ref().and_then(|block| block.kind.as_deref()) {
                    // These begin empty and are filled by deltas; any other block says something by being there.
                    None | Some("text" | "thinking") => self.stands(),
                    Some(_) => self.spoke(),
                }
            }
            "message_delta" => {
                if let Some(usage) = wire.usage {
                    self.tokens.merge(usage.get().as_bytes());
                }
                if let Some(reason) = wire.delta.as_ref().and_then(|delta| delta.stop_reason.as_deref()) {
                    self.finish = Some(reason.into());
                    return self.spoke();
                }
                self.stands()
            }
            "message_stop" => {
                self.done = true;
                Seen::Done
            }
            _ => self.stands(),
        }
    }

    /// Takes an event that was too long to be held: a piece of an answer, unless it is an error.
    fn long_event(&mut self, start: &[u8]) -> Seen {
        self.events += 1;
        let event = sse::parse(start);
        if event.name == b"error" || event.data.is_some_and(|data| data.starts_with(b"{\"type\":\"error\"")) {
            return self.fails();
        }
        self.spoke()
    }

    fn spoke(&mut self) -> Seen {
        self.content = true;
        Seen::Content
    }

    fn fails(&mut self) -> Seen {
        self.failed = true;
        Seen::Error
    }

    fn stands(&self) -> Seen {
        if self.content { Seen::Content } else { Seen::Nothing }
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
