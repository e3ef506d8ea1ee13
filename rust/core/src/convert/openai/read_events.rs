//! Reads a stream of chunks.
//!
//! Chunks have no blocks: a block begins where the kind of what is said changes, or the number of the tool call.

use super::super::wire::{Object, utf8};
use super::super::{Dropped, Refusal};
use super::{read_stop, read_usage};
use crate::conversation::{Block, Event, Number, Text, Usage};

/// What the open block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Call(u64),
}

type Emit<'e, 'a> = &'e mut dyn FnMut(Event<'a>, &mut Dropped);

/// Follows one stream.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    started: bool,
    stopped: bool,
    ended: bool,
    open: Option<Kind>,
    /// The number of the open block, or of the next.
    index: u64,
    usage: Option<Usage>,
}

impl Reader {
    /// Token counts so far.
    pub(in super::super) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Reads the data of one event.
    pub(in super::super) fn read<'a>(
        &mut self,
        name: &[u8],
        data: &'a [u8],
        dropped: &mut Dropped,
        emit: Emit<'_, 'a>,
    ) -> Result<(), Refusal> {
        if data.trim_ascii() == b"[DONE]" {
            self.end(dropped, emit);
            return Ok(());
        }
        let chunk = utf8(data).and_then(Object::read);
        let mut chunk = chunk.ok_or_else(|| Refusal::invalid("an event is not a JSON object"))?;
        if name == b"error" || chunk.has("error") {
            let mut error = chunk.object("error").unwrap_or_default();
            let message = error.text("message").or_else(|| chunk.text("message"));
            let message = message.unwrap_or_else(|| Text::of("The provider failed in its stream."));
            emit(Event::Error { status: 500, kind: error.text("type"), message }, dropped);
            return Ok(());
        }
        if !self.started {
            self.started = true;
            emit(Event::Start { id: chunk.text("id"), model: chunk.text("model") }, dropped);
        }
        if let Some(usage) = chunk.object("usage") {
            self.usage = Some(read_usage(usage));
        }
        for mut choice in chunk.objects("choices").unwrap_or_default() {
            if choice.number("index").and_then(Number::whole).is_some_and(|index| index > 0) {
                dropped.push("choices[1]");
                continue;
            }
            if let Some(mut delta) = choice.object("delta") {
                self.delta(&mut delta, dropped, emit)?;
            }
            if let Some(reason) = choice.text("finish_reason") {
                self.close(dropped, emit);
                self.stopped = true;
                emit(Event::Stop(read_stop(reason)), dropped);
            }
        }
        Ok(())
    }

    /// The connection ended in order: servers that send no `[DONE]` have ended with their finish reason.
    pub(in super::super) fn finish(&mut self, dropped: &mut Dropped, emit: Emit<'_, '_>) {
        if self.stopped && !self.ended {
            self.end(dropped, emit);
        }
    }

    fn end(&mut self, dropped: &mut Dropped, emit: Emit<'_, '_>) {
        self.close(dropped, emit);
        self.ended = true;
        emit(Event::End(self.usage), dropped);
    }

    fn delta<'a>(
        &mut self,
        delta: &mut Object<'a>,
        dropped: &mut Dropped,
        emit: Emit<'_, 'a>,
    ) -> Result<(), Refusal> {
        let said = |text: Option<Text<'a>>| text.filter(|text| !text.is_empty());
        if let Some(text) = said(delta.text("reasoning_content")) {
            self.open(Kind::Reasoning, Block::Reasoning, dropped, emit);
            emit(Event::Reasoning(text), dropped);
        }
        for mut block in delta.objects("thinking_blocks").unwrap_or_default() {
            self.open(Kind::Reasoning, Block::Reasoning, dropped, emit);
            if let Some(signature) = said(block.text("signature")) {
                emit(Event::Signature(signature), dropped);
            }
            if let Some(data) = said(block.text("data")) {
                emit(Event::Redacted(data), dropped);
            }
        }
        if let Some(text) = said(delta.text("content")) {
            self.open(Kind::Text, Block::Text, dropped, emit);
            emit(Event::Text(text), dropped);
        }
        if let Some(text) = said(delta.text("refusal")) {
            self.open(Kind::Text, Block::Text, dropped, emit);
            emit(Event::Refusal(text), dropped);
        }
        for mut call in delta.objects("tool_calls").unwrap_or_default() {
            self.call(&mut call, dropped, emit)?;
        }
        Ok(())
    }

    fn call<'a>(
        &mut self,
        call: &mut Object<'a>,
        dropped: &mut Dropped,
        emit: Emit<'_, 'a>,
    ) -> Result<(), Refusal> {
        // Some servers send one call and no number.
        let number = call.number("index").and_then(Number::whole).unwrap_or(0);
        let mut function = call.object("function").unwrap_or_default();
        let kind = Kind::Call(number);
        if self.open != Some(kind) {
            let (Some(id), Some(name)) = (call.text("id"), function.text("name")) else {
                return Err(Refusal::invalid("a tool call begins without an id and a name"));
            };
            self.open(kind, Block::ToolCall { id, name }, dropped, emit);
        }
        if let Some(piece) = function.text("arguments").filter(|piece| !piece.is_empty()) {
            emit(Event::Arguments { index: self.index, piece }, dropped);
        }
        Ok(())
    }

    fn open<'a>(&mut self, kind: Kind, block: Block<'a>, dropped: &mut Dropped, emit: Emit<'_, 'a>) {
        if self.open == Some(kind) {
            return;
        }
        self.close(dropped, emit);
        self.open = Some(kind);
        emit(Event::Open { index: self.index, block }, dropped);
    }

    fn close(&mut self, dropped: &mut Dropped, emit: Emit<'_, '_>) {
        if self.open.take().is_some() {
            emit(Event::Close { index: self.index }, dropped);
            self.index += 1;
        }
    }
}
