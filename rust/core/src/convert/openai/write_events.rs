//! Writes a stream of chunks.
//!
//! The chunk with the finish reason waits for the end of the source's stream: a client takes it for the end, and a
//! stream that broke must not look like one that finished. `[DONE]` follows it, and nothing else does.

use super::super::write::{Object, push_number};
use super::super::{Dropped, Fault, Stamp};
use super::{finish_reason, write_thinking, write_usage};
use crate::conversation::{Block, Event, Reasoning, Stop, Text, Usage};
use crate::json::escape_into;

/// A tool call whose block is open.
#[derive(Debug)]
struct Call {
    block: u64,
    index: u64,
    /// Whether a piece of its arguments was written.
    spoke: bool,
}

/// Writes one stream.
#[derive(Debug)]
pub(in super::super) struct Writer {
    id: Box<str>,
    created: u64,
    model: Box<str>,
    /// A chunk up to its choices, once the model is known.
    prefix: Vec<u8>,
    /// Whether the client asked for token counts: every chunk then has `usage`, null in all but the last.
    counted: bool,
    calls: Vec<Call>,
    next_call: u64,
    stop: Option<Stop<'static>>,
}

impl Writer {
    pub(in super::super) fn new(stamp: &Stamp<'_>, counted: bool) -> Self {
        Self {
            id: stamp.id.into(),
            created: stamp.created,
            model: stamp.model.into(),
            prefix: Vec::new(),
            counted,
            calls: Vec::new(),
            next_call: 0,
            stop: None,
        }
    }

    /// The finish reason, once it is known.
    pub(in super::super) fn finish(&self) -> Option<&'static str> {
        self.stop.as_ref().map(|stop| finish_reason(stop).0)
    }

    /// Appends the chunks of one event.
    pub(in super::super) fn write(&mut self, event: Event<'_>, out: &mut Vec<u8>, dropped: &mut Dropped) {
        match event {
            Event::Start { model, .. } => self.start(model.as_ref(), out),
            Event::Open { index, block: Block::ToolCall { id, name } } => self.call(index, &id, &name, out),
            Event::Open { .. } => {}
            Event::Text(text) => self.delta(out, |delta| {
                delta.text("content", &text);
            }),
            Event::Refusal(text) => self.delta(out, |delta| {
                delta.text("refusal", &text);
            }),
            Event::Reasoning(text) => self.delta(out, |delta| {
                delta.text("reasoning_content", &text);
            }),
            Event::Signature(signature) => {
                let text = Text::of("");
                self.thinking(&Reasoning::Thought { text, signature: Some(signature) }, out);
            }
            Event::Redacted(data) => self.thinking(&Reasoning::Redacted(data), out),
            Event::Arguments { index, piece } => self.arguments(index, &piece, out),
            Event::Close { index } => self.close(index, out),
            Event::Stop(stop) => self.stop = Some(stop.into_owned()),
            Event::End(usage) => self.end(usage.as_ref(), out, dropped),
            Event::Error { status, kind, message } => {
                out.extend_from_slice(b"data: ");
                super::write_error(&Fault::of(kind.as_ref(), &message), status, out);
                out.extend_from_slice(b"\n\n");
            }
        }
    }

    fn start(&mut self, model: Option<&Text<'_>>, out: &mut Vec<u8>) {
        if !self.prefix.is_empty() {
            return;
        }
        let prefix = &mut self.prefix;
        prefix.extend_from_slice(b"data: {\"id\":");
        escape_into(prefix, &self.id);
        prefix.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        push_number(prefix, self.created);
        prefix.extend_from_slice(b",\"model\":");
        match model {
            Some(model) => prefix.extend_from_slice(model.raw().as_bytes()),
            None => escape_into(prefix, &self.model),
        }
        prefix.extend_from_slice(b",\"choices\":[");
        self.delta(out, |delta| {
            delta.string("role", "assistant").string("content", "");
        });
    }

    /// One chunk with one choice.
    fn chunk(&mut self, out: &mut Vec<u8>, finish: Option<&str>, write: impl FnOnce(&mut Object<'_>)) {
        if self.prefix.is_empty() {
            // A source that began without saying so.
            self.start(None, out);
        }
        out.extend_from_slice(&self.prefix);
        let mut choice = Object::begin(out);
        choice.number("index", 0);
        let mut delta = choice.object("delta");
        write(&mut delta);
        delta.end();
        match finish {
            Some(reason) => choice.string("finish_reason", reason),
            None => choice.raw("finish_reason", "null"),
        };
        choice.end();
        out.extend_from_slice(if self.counted { b"],\"usage\":null}\n\n" } else { b"]}\n\n" });
    }

    fn delta(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Object<'_>)) {
        self.chunk(out, None, write);
    }

    fn thinking(&mut self, reasoning: &Reasoning<'_>, out: &mut Vec<u8>) {
        self.delta(out, |delta| {
            let mut blocks = delta.array("thinking_blocks");
            let mut block = blocks.object();
            write_thinking(&mut block, reasoning);
            block.end();
            blocks.end();
        });
    }

    fn call(&mut self, block: u64, id: &Text<'_>, name: &Text<'_>, out: &mut Vec<u8>) {
        let index = self.next_call;
        self.next_call += 1;
        self.calls.push(Call { block, index, spoke: false });
        self.delta(out, |delta| {
            let mut calls = delta.array("tool_calls");
            let mut call = calls.object();
            call.number("index", index).text("id", id).string("type", "function");
            let mut function = call.object("function");
            function.text("name", name).string("arguments", "");
            function.end();
            call.end();
            calls.end();
        });
    }

    fn arguments(&mut self, block: u64, piece: &Text<'_>, out: &mut Vec<u8>) {
        let Some(call) = self.calls.iter_mut().find(|call| call.block == block) else { return };
        call.spoke = true;
        let index = call.index;
        self.delta(out, |delta| {
            let mut calls = delta.array("tool_calls");
            let mut call = calls.object();
            call.number("index", index);
            let mut function = call.object("function");
            function.text("arguments", piece);
            function.end();
            call.end();
            calls.end();
        });
    }

    /// A call without arguments comes without a piece of them, but clients parse what they have joined.
    fn close(&mut self, block: u64, out: &mut Vec<u8>) {
        let Some(at) = self.calls.iter().position(|call| call.block == block) else { return };
        if !self.calls[at].spoke {
            self.arguments(block, &Text::of("{}"), out);
        }
        self.calls.swap_remove(at);
    }

    fn end(&mut self, usage: Option<&Usage>, out: &mut Vec<u8>, dropped: &mut Dropped) {
        let stop = self.stop.take().unwrap_or_else(|| Stop::Other(Text::of("")));
        if let Stop::Filter(Some(explanation)) = &stop {
            self.delta(out, |delta| {
                delta.text("refusal", explanation);
            });
        }
        let (reason, unsaid) = finish_reason(&stop);
        if let Some(name) = unsaid {
            dropped.push(name);
        }
        self.chunk(out, Some(reason), |_| {});
        self.stop = Some(stop);
        if let Some(usage) = usage.filter(|_| self.counted) {
            out.extend_from_slice(&self.prefix);
            out.extend_from_slice(b"],\"usage\":");
            let mut object = Object::begin(out);
            write_usage(&mut object, usage);
            object.end();
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}
