//! Writes a stream of events.
//!
//! The counts of the prompt stand in `message_start`, before a source of another dialect knows them: there they are 0,
//! and `message_delta`, whose counts are cumulative, has all of them.

use super::super::write::Object;
use super::super::{Dropped, Fault, Stamp};
use super::{stop_reason, write_usage};
use crate::conversation::{Block, Event, Stop, Text, Usage};

/// Writes one stream.
#[derive(Debug)]
pub(in super::super) struct Writer {
    id: Box<str>,
    model: Box<str>,
    /// The number of the open block.
    open: u64,
    stop: Option<Stop<'static>>,
}

impl Writer {
    pub(in super::super) fn new(stamp: &Stamp<'_>) -> Self {
        Self { id: stamp.id.into(), model: stamp.model.into(), open: 0, stop: None }
    }

    /// The stop reason, once it is known.
    pub(in super::super) fn finish(&self) -> Option<&'static str> {
        self.stop.as_ref().map(|stop| stop_reason(stop).0)
    }

    /// Appends the events of one event.
    pub(in super::super) fn write(&mut self, event: Event<'_>, out: &mut Vec<u8>, dropped: &mut Dropped) {
        match event {
            Event::Start { model, .. } => self.start(model.as_ref(), out),
            Event::Open { index, block } => self.open(index, &block, out),
            Event::Text(text) | Event::Refusal(text) => self.delta(out, "text_delta", "text", &text),
            Event::Reasoning(text) => self.delta(out, "thinking_delta", "thinking", &text),
            Event::Signature(text) => self.delta(out, "signature_delta", "signature", &text),
            // It would have to be the whole of a block, and the block is open.
            Event::Redacted(_) => dropped.push("thinking_blocks"),
            Event::Arguments { piece, .. } => self.delta(out, "input_json_delta", "partial_json", &piece),
            Event::Close { index } => event_of(out, "content_block_stop", |event| {
                event.number("index", index);
            }),
            Event::Stop(stop) => self.stop = Some(stop.into_owned()),
            Event::End(usage) => self.end(usage.as_ref(), out, dropped),
            Event::Error { status, kind, message } => {
                out.extend_from_slice(b"event: error\ndata: ");
                super::write_error(&Fault::of(kind.as_ref(), &message), status, out);
                out.extend_from_slice(b"\n\n");
            }
        }
    }

    fn start(&mut self, model: Option<&Text<'_>>, out: &mut Vec<u8>) {
        event_of(out, "message_start", |event| {
            let mut message = event.object("message");
            message.string("id", &self.id).string("type", "message").string("role", "assistant");
            match model {
                Some(model) => message.text("model", model),
                None => message.string("model", &self.model),
            };
            message.raw("content", "[]").raw("stop_reason", "null").raw("stop_sequence", "null");
            let mut usage = message.object("usage");
            write_usage(&mut usage, &Usage::default());
            usage.end();
            message.end();
        });
    }

    fn open(&mut self, index: u64, block: &Block<'_>, out: &mut Vec<u8>) {
        self.open = index;
        event_of(out, "content_block_start", |event| {
            event.number("index", index);
            let mut object = event.object("content_block");
            match block {
                Block::Text => object.string("type", "text").string("text", ""),
                Block::Reasoning => {
                    object.string("type", "thinking").string("thinking", "").string("signature", "")
                }
                Block::ToolCall { id, name } => {
                    object.string("type", "tool_use").text("id", id).text("name", name).raw("input", "{}")
                }
            };
            object.end();
        });
    }

    fn delta(&mut self, out: &mut Vec<u8>, kind: &str, name: &str, text: &Text<'_>) {
        event_of(out, "content_block_delta", |event| {
            event.number("index", self.open);
            let mut delta = event.object("delta");
            delta.string("type", kind).text(name, text);
            delta.end();
        });
    }

    fn end(&mut self, usage: Option<&Usage>, out: &mut Vec<u8>, dropped: &mut Dropped) {
        let stop = self.stop.take().unwrap_or_else(|| Stop::Other(Text::of("")));
        let (reason, is_all) = stop_reason(&stop);
        if !is_all {
            dropped.push("finish_reason");
        }
        event_of(out, "message_delta", |event| {
            let mut delta = event.object("delta");
            delta.string("stop_reason", reason);
            match &stop {
                Stop::Sequence(Some(sequence)) => delta.text("stop_sequence", sequence),
                _ => delta.raw("stop_sequence", "null"),
            };
            delta.end();
            let mut object = event.object("usage");
            write_usage(&mut object, &usage.copied().unwrap_or_default());
            object.end();
        });
        self.stop = Some(stop);
        event_of(out, "message_stop", |_| {});
    }
}

/// One event, whose type stands in its name and in its data.
fn event_of(out: &mut Vec<u8>, kind: &str, write: impl FnOnce(&mut Object<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let mut object = Object::begin(out);
    object.string("type", kind);
    write(&mut object);
    object.end();
    out.extend_from_slice(b"\n\n");
}
