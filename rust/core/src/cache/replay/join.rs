//! From events to a whole answer.

use super::value::Object;
use super::{Unjoined, inner, items, members};
use crate::convert::decoder::Decoder;

/// Joins the chunks of a chat completion or a text completion.
pub(super) fn chunks(stream: &[u8]) -> Result<Vec<u8>, Unjoined> {
    let mut joined = Joined::default();
    let mut failed = None;
    let mut take = |name: &[u8], data: &[u8]| {
        if failed.is_none() {
            failed = joined.event(name, data).err();
        }
    };
    let mut decoder = Decoder::default();
    decoder.push(stream, &mut take).map_err(|_| Unjoined::Broken)?;
    decoder.finish(&mut take);
    failed.map_or_else(|| joined.finish(), Err)
}

/// Takes the response out of the last event of its stream.
pub(super) fn response(stream: &[u8]) -> Result<Vec<u8>, Unjoined> {
    let mut found = Err(Unjoined::Broken);
    let mut take = |_: &[u8], data: &[u8]| {
        let event = std::str::from_utf8(data).ok().and_then(members);
        let kind = |name| event.as_ref().and_then(|event| super::member(event, name));
        if kind("type") == Some("\"response.completed\"")
            && let Some(response) = kind("response")
        {
            found = Ok(response.as_bytes().to_vec());
        }
    };
    let mut decoder = Decoder::default();
    decoder.push(stream, &mut take).map_err(|_| Unjoined::Broken)?;
    decoder.finish(&mut take);
    found
}

/// One of the answers.
#[derive(Debug, Default)]
struct Choice {
    index: u64,
    /// What stands beside the message, the text of a text completion too.
    around: Object,
    /// None for a text completion.
    message: Option<Object>,
    finish: Option<Box<str>>,
}

#[derive(Debug, Default)]
struct Joined {
    top: Object,
    choices: Vec<Choice>,
    usage: Option<Box<str>>,
    done: bool,
}

impl Joined {
    fn event(&mut self, name: &[u8], data: &[u8]) -> Result<(), Unjoined> {
        if self.done {
            return Ok(());
        }
        if data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let chunk = std::str::from_utf8(data).ok().and_then(members).ok_or(Unjoined::Broken)?;
        if name == b"error" {
            return Err(Unjoined::Broken);
        }
        for (key, value) in chunk {
            match (key.as_ref(), value) {
                ("choices", choices) => {
                    for choice in items(choices).ok_or(Unjoined::Broken)? {
                        self.choice(choice)?;
                    }
                }
                // Obfuscation is padding against those who measure events.
                ("usage" | "error", "null") | ("obfuscation", _) => {}
                ("error", _) => return Err(Unjoined::Broken),
                ("usage", usage) => self.usage = Some(usage.into()),
                ("object", kind) => {
                    let is_chat = inner(kind) == Some("chat.completion.chunk");
                    self.top.set("object", if is_chat { "\"chat.completion\"" } else { kind });
                }
                // What is said of the whole answer is said again with every chunk.
                (key, value) => {
                    if self.top.is_silent(key) {
                        self.top.set(key, value);
                    }
                }
            }
        }
        Ok(())
    }

    fn choice(&mut self, raw: &str) -> Result<(), Unjoined> {
        let members = members(raw).ok_or(Unjoined::Broken)?;
        let index = super::member(&members, "index").and_then(|index| index.parse().ok()).unwrap_or(0);
        let at = self.choices.iter().position(|choice| choice.index == index);
        let at = at.unwrap_or_else(|| {
            self.choices.push(Choice { index, ..Choice::default() });
            self.choices.len() - 1
        });
        let choice = &mut self.choices[at];
        for (key, value) in members {
            match (key.as_ref(), value) {
                ("index", _) | ("finish_reason", "null") => {}
                ("finish_reason", reason) => choice.finish = Some(reason.into()),
                ("delta", delta) => choice.message.get_or_insert_default().join(delta)?,
                ("text" | "logprobs", value) => choice.around.add(&key, value)?,
                (key, "null") if choice.around.has(key) => {}
                (key, value) => choice.around.set(key, value),
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<u8>, Unjoined> {
        let whole = !self.choices.is_empty() && self.choices.iter().all(|choice| choice.finish.is_some());
        if !whole {
            return Err(Unjoined::Broken);
        }
        self.choices.sort_by_key(|choice| choice.index);
        let mut choices = vec![b'['];
        for choice in self.choices {
            if choices.len() > 1 {
                choices.push(b',');
            }
            choice.write(&mut choices);
        }
        choices.push(b']');
        self.top.set("choices", &String::from_utf8(choices).map_err(|_| Unjoined::Broken)?);
        if let Some(usage) = self.usage {
            self.top.set("usage", &usage);
        }
        let mut out = Vec::new();
        self.top.write(&mut out);
        Ok(out)
    }
}

impl Choice {
    fn write(self, out: &mut Vec<u8>) {
        let mut whole = Object::default();
        whole.set("index", &self.index.to_string());
        if let Some(mut message) = self.message {
            if message.is_silent("content") && message.has("tool_calls") {
                message.set("content", "null");
            }
            for name in ["content", "refusal"] {
                if !message.has(name) {
                    message.set(name, "null");
                }
            }
            let mut written = Vec::new();
            message.write(&mut written);
            whole.set("message", &String::from_utf8(written).unwrap_or_default());
        }
        whole.set("finish_reason", self.finish.as_deref().unwrap_or("null"));
        whole.extend(self.around);
        whole.write(out);
    }
}
