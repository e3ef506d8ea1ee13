//! From a whole answer to events.

use super::pieces::pieces;
use super::{Members, inner, items, member, members};
use crate::json::escape_into;

/// Writes a completion as chunks: for each choice its role, its parts one after the other, and why it ended.
pub(super) fn completion(body: &[u8], kind: &str, usage: bool) -> Option<Vec<u8>> {
    let body = std::str::from_utf8(crate::sse::without_mark(body)).ok()?;
    let top = members(body)?;
    let mut prefix = Vec::with_capacity(256);
    for (key, value) in &top {
        match key.as_ref() {
            "choices" | "usage" => continue,
            "object" => push(&mut prefix, key, &format!("\"{kind}\"")),
            _ => push(&mut prefix, key, value),
        }
        prefix.push(b',');
    }
    let mut chunks = Chunks { prefix, usage, out: Vec::with_capacity(body.len() + 2048) };
    for choice in items(member(&top, "choices")?)? {
        chunks.choice(&members(choice)?)?;
    }
    if let Some(counts) = member(&top, "usage").filter(|counts| usage && *counts != "null") {
        chunks.chunk("", counts);
    }
    chunks.out.extend_from_slice(b"data: [DONE]\n\n");
    Some(chunks.out)
}

struct Chunks {
    /// The members of every chunk in front of its choices.
    prefix: Vec<u8>,
    usage: bool,
    out: Vec<u8>,
}

impl Chunks {
    fn choice(&mut self, choice: &Members<'_>) -> Option<()> {
        let index = member(choice, "index").unwrap_or("0");
        let mut around = Vec::new();
        for (key, value) in choice {
            if !matches!(key.as_ref(), "index" | "message" | "text" | "finish_reason") {
                around.push(b',');
                push(&mut around, key, value);
            }
        }
        let around = String::from_utf8(around).ok()?;
        let reason = member(choice, "finish_reason").unwrap_or("null");
        if let Some(text) = member(choice, "text") {
            for piece in pieces(inner(text)?) {
                let said = format!("{{\"index\":{index},\"text\":\"{piece}\",\"finish_reason\":null}}");
                self.chunk(&said, "null");
            }
            let last = format!("{{\"index\":{index},\"text\":\"\",\"finish_reason\":{reason}{around}}}");
            self.chunk(&last, "null");
            return Some(());
        }
        self.message(index, &members(member(choice, "message")?)?)?;
        let last = format!("{{\"index\":{index},\"delta\":{{}},\"finish_reason\":{reason}{around}}}");
        self.chunk(&last, "null");
        Some(())
    }

    fn message(&mut self, index: &str, message: &Members<'_>) -> Option<()> {
        let mut first = Vec::new();
        for (key, value) in message {
            let said = match (key.as_ref(), *value) {
                ("role", role) => role,
                ("content", text) if inner(text).is_some() => "\"\"",
                (_, "null") => "null",
                // Their stream is another one than their whole.
                ("thinking_blocks", blocks) if blocks != "[]" => return None,
                _ => continue,
            };
            if !first.is_empty() {
                first.push(b',');
            }
            push(&mut first, key, said);
        }
        self.delta(index, &String::from_utf8(first).ok()?);
        for (key, value) in message {
            match (key.as_ref(), inner(value)) {
                ("role", _) => {}
                ("tool_calls", _) if *value != "null" => self.calls(index, value)?,
                (_, Some("")) if key != "content" => self.member(index, key, value),
                (_, Some(text)) => {
                    for piece in pieces(text) {
                        self.member(index, key, &format!("\"{piece}\""));
                    }
                }
                _ if *value == "null" => {}
                _ => self.member(index, key, value),
            }
        }
        Some(())
    }

    fn calls(&mut self, index: &str, calls: &str) -> Option<()> {
        let calls = items(calls)?;
        if calls.is_empty() {
            self.member(index, "tool_calls", "[]");
        }
        for (number, call) in calls.into_iter().enumerate() {
            let call = members(call)?;
            let mut begun = format!("\"index\":{number}").into_bytes();
            for (key, value) in &call {
                if key == "index" {
                    continue;
                }
                begun.push(b',');
                if key == "function" {
                    begun.extend_from_slice(b"\"function\":");
                    without_arguments(&mut begun, value)?;
                } else {
                    push(&mut begun, key, value);
                }
            }
            let begun = String::from_utf8(begun).ok()?;
            self.member(index, "tool_calls", &format!("[{{{begun}}}]"));
            let function = member(&call, "function").and_then(members);
            let arguments = function.and_then(|function| member(&function, "arguments").and_then(inner));
            for piece in pieces(arguments.unwrap_or_default()) {
                let said = format!("[{{\"index\":{number},\"function\":{{\"arguments\":\"{piece}\"}}}}]");
                self.member(index, "tool_calls", &said);
            }
        }
        Some(())
    }

    fn member(&mut self, index: &str, key: &str, value: &str) {
        let mut delta = Vec::with_capacity(key.len() + value.len() + 4);
        push(&mut delta, key, value);
        self.delta(index, &String::from_utf8(delta).unwrap_or_default());
    }

    fn delta(&mut self, index: &str, delta: &str) {
        let said = format!("{{\"index\":{index},\"delta\":{{{delta}}},\"finish_reason\":null}}");
        self.chunk(&said, "null");
    }

    fn chunk(&mut self, choice: &str, usage: &str) {
        self.out.extend_from_slice(b"data: {");
        self.out.extend_from_slice(&self.prefix);
        self.out.extend_from_slice(b"\"choices\":[");
        self.out.extend_from_slice(choice.as_bytes());
        self.out.push(b']');
        if self.usage {
            self.out.extend_from_slice(b",\"usage\":");
            in_one_line(&mut self.out, usage);
        }
        self.out.extend_from_slice(b"}\n\n");
    }
}

/// A function whose arguments are still to come.
fn without_arguments(out: &mut Vec<u8>, function: &str) -> Option<()> {
    out.push(b'{');
    for (at, (key, value)) in members(function)?.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push(out, key, if key == "arguments" && inner(value).is_some() { "\"\"" } else { value });
    }
    out.push(b'}');
    Some(())
}

/// A member.
fn push(out: &mut Vec<u8>, key: &str, value: &str) {
    escape_into(out, key);
    out.push(b':');
    in_one_line(out, value);
}

/// A value as it stands, but for line feeds between its tokens, which would end the event.
fn in_one_line(out: &mut Vec<u8>, value: &str) {
    out.extend(value.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
}
