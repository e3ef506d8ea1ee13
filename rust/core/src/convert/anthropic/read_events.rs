//! Reads a stream, event by event.
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>

use super::super::wire::{Object, utf8};
use super::super::{Dropped, Refusal};
use super::{stop, usage};
use crate::conversation::{Block, Event, Text};
use crate::dialects::anthropic::{Tokens, status_of};

/// Follows one stream.
#[derive(Debug, Default)]
pub(in super::super) struct Reader {
    tokens: Tokens,
    /// Open blocks of a kind that has no place in the model.
    skipped: Vec<u64>,
}

impl Reader {
    /// Token counts so far.
    pub(in super::super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Reads the data of one event. Events, blocks and deltas of other types are skipped and named.
    pub(in super::super) fn read<'a>(
        &mut self,
        name: &[u8],
        data: &'a [u8],
        dropped: &mut Dropped,
        emit: &mut dyn FnMut(Event<'a>, &mut Dropped),
    ) -> Result<(), Refusal> {
        let event = utf8(data).and_then(Object::read);
        let mut event = event.ok_or_else(|| Refusal::invalid("an event is not a JSON object"))?;
        let kind = event.text("type").and_then(Text::into_plain);
        let kind = kind.unwrap_or_else(|| String::from_utf8_lossy(name));
        match kind.as_ref() {
            "message_start" => {
                let mut message = event.object("message").unwrap_or_default();
                self.count(&mut message);
                emit(Event::Start { id: message.text("id"), model: message.text("model") }, dropped);
            }
            "content_block_start" => self.open(&mut event, dropped, emit)?,
            "content_block_delta" => self.delta(&mut event, dropped, emit)?,
            "content_block_stop" => {
                let index = index(&mut event)?;
                if let Some(at) = self.skipped.iter().position(|skipped| *skipped == index) {
                    self.skipped.swap_remove(at);
                } else {
                    emit(Event::Close { index }, dropped);
                }
            }
            "message_delta" => {
                self.count(&mut event);
                let mut delta = event.object("delta").unwrap_or_default();
                if let Some(stop) = stop(&mut delta, dropped) {
                    emit(Event::Stop(stop), dropped);
                }
            }
            "message_stop" => emit(Event::End(usage(&self.tokens)), dropped),
            "error" => {
                let mut error = event.object("error").unwrap_or_default();
                let message = error.text("message");
                let message = message.unwrap_or_else(|| Text::of("The provider failed in its stream."));
                let kind = error.text("type");
                let status = kind.as_ref().and_then(Text::plain).map_or(500, |kind| status_of(&kind));
                emit(Event::Error { status, kind, message }, dropped);
            }
            "ping" => {}
            other => dropped.push(format!("event.{other}")),
        }
        Ok(())
    }

    fn count(&mut self, holder: &mut Object<'_>) {
        if let Some(raw) = holder.take("usage") {
            self.tokens.merge(raw.as_bytes());
        }
    }

    fn open<'a>(
        &mut self,
        event: &mut Object<'a>,
        dropped: &mut Dropped,
        emit: &mut dyn FnMut(Event<'a>, &mut Dropped),
    ) -> Result<(), Refusal> {
        let index = index(event)?;
        let mut block = event.object("content_block").ok_or_else(|| missing("content_block"))?;
        let kind = block.text("type").ok_or_else(|| missing("content_block.type"))?;
        let kind = kind.plain().unwrap_or_default();
        match kind.as_ref() {
            "text" => {
                emit(Event::Open { index, block: Block::Text }, dropped);
                emit_text(block.text("text"), Event::Text, dropped, emit);
            }
            "thinking" => {
                emit(Event::Open { index, block: Block::Reasoning }, dropped);
                emit_text(block.text("thinking"), Event::Reasoning, dropped, emit);
                emit_text(block.text("signature"), Event::Signature, dropped, emit);
            }
            "redacted_thinking" => {
                emit(Event::Open { index, block: Block::Reasoning }, dropped);
                emit_text(block.text("data"), Event::Redacted, dropped, emit);
            }
            "tool_use" => {
                let id = block.text("id").ok_or_else(|| missing("content_block.id"))?;
                let name = block.text("name").ok_or_else(|| missing("content_block.name"))?;
                emit(Event::Open { index, block: Block::ToolCall { id, name } }, dropped);
                // Empty, as documented: the arguments come in deltas. Servers that copy the API send them here.
                if let Some(input) = block.take("input").filter(|input| *input != "{}") {
                    emit(Event::Arguments { index, piece: Text::of(input) }, dropped);
                }
            }
            other => {
                dropped.push(format!("content.{other}"));
                self.skipped.push(index);
            }
        }
        Ok(())
    }

    fn delta<'a>(
        &mut self,
        event: &mut Object<'a>,
        dropped: &mut Dropped,
        emit: &mut dyn FnMut(Event<'a>, &mut Dropped),
    ) -> Result<(), Refusal> {
        let index = index(event)?;
        if self.skipped.contains(&index) {
            return Ok(());
        }
        let mut delta = event.object("delta").ok_or_else(|| missing("delta"))?;
        let kind = delta.text("type").ok_or_else(|| missing("delta.type"))?;
        match kind.plain().as_deref().unwrap_or_default() {
            "text_delta" => emit_text(delta.text("text"), Event::Text, dropped, emit),
            "thinking_delta" => emit_text(delta.text("thinking"), Event::Reasoning, dropped, emit),
            "signature_delta" => emit_text(delta.text("signature"), Event::Signature, dropped, emit),
            "input_json_delta" => {
                let piece = delta.text("partial_json");
                emit_text(piece, |piece| Event::Arguments { index, piece }, dropped, emit);
            }
            "citations_delta" => dropped.push("citation"),
            other => dropped.push(format!("delta.{other}")),
        }
        Ok(())
    }
}

/// Emits a piece, unless there is nothing in it.
fn emit_text<'a>(
    piece: Option<Text<'a>>,
    event: impl FnOnce(Text<'a>) -> Event<'a>,
    dropped: &mut Dropped,
    emit: &mut dyn FnMut(Event<'a>, &mut Dropped),
) {
    if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
        emit(event(piece), dropped);
    }
}

fn index(event: &mut Object<'_>) -> Result<u64, Refusal> {
    event.number("index").and_then(crate::conversation::Number::whole).ok_or_else(|| missing("index"))
}

fn missing(what: &str) -> Refusal {
    Refusal::invalid(format!("an event has no `{what}`"))
}
