//! A stream on its way from one dialect to another.

use super::decoder::Decoder;
use super::{Dropped, Pair, Refusal, Stamp, Tongue, anthropic, openai};
use crate::conversation::{Event, Text};
use crate::dialects::Usage;
use crate::dialects::openai::Seen;

/// Converts one stream, event by event: nothing waits but an event that has not ended, and the chunk that says how the
/// answer ended, which waits for the end of the source.
#[derive(Debug)]
pub struct Stream {
    decoder: Decoder,
    reader: Reader,
    writer: Writer,
    dropped: Dropped,
    state: State,
}

/// Readers, one a dialect.
#[derive(Debug)]
enum Reader {
    OpenAi(openai::EventReader),
    Anthropic(anthropic::EventReader),
}

/// Writers, one a dialect.
#[derive(Debug)]
enum Writer {
    OpenAi(openai::EventWriter),
    Anthropic(anthropic::EventWriter),
}

impl Reader {
    fn read<'a>(
        &mut self,
        name: &[u8],
        data: &'a [u8],
        dropped: &mut Dropped,
        emit: &mut dyn FnMut(Event<'a>, &mut Dropped),
    ) -> Result<(), Refusal> {
        match self {
            Self::OpenAi(reader) => reader.read(name, data, dropped, emit),
            Self::Anthropic(reader) => reader.read(name, data, dropped, emit),
        }
    }
}

impl Writer {
    fn write(&mut self, event: Event<'_>, out: &mut Vec<u8>, dropped: &mut Dropped) {
        match self {
            Self::OpenAi(writer) => writer.write(event, out, dropped),
            Self::Anthropic(writer) => writer.write(event, out, dropped),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Done,
    Failed,
}

impl Stream {
    /// A stream for a client that asked, or did not ask, for token counts at its end.
    pub fn new(pair: Pair, stamp: &Stamp<'_>, usage: bool) -> Self {
        Self {
            decoder: Decoder::default(),
            reader: match pair.provider() {
                Tongue::OpenAi => Reader::OpenAi(openai::EventReader::default()),
                Tongue::Anthropic => Reader::Anthropic(anthropic::EventReader::default()),
            },
            writer: match pair.client() {
                Tongue::OpenAi => Writer::OpenAi(openai::EventWriter::new(stamp, usage)),
                Tongue::Anthropic => Writer::Anthropic(anthropic::EventWriter::new(stamp)),
            },
            dropped: Dropped::default(),
            state: State::Open,
        }
    }

    /// Takes bytes of the provider, cut anywhere, and appends what they are to the client. Says the most telling thing
    /// that events in them were; None where none ended.
    ///
    /// What follows the end, or a failure, is not looked at.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Option<Seen> {
        let mut most = None;
        let Self { decoder, reader, writer, dropped, state } = self;
        let mut step = Step { reader, writer, dropped, state, out };
        let pushed = decoder.push(bytes, |name, data| {
            if let Err(refusal) = step.event(name, data, &mut most) {
                step.fail(&refusal, &mut most);
            }
        });
        if pushed.is_err() && *step.state == State::Open {
            step.fail(&Refusal::invalid("an event is too long"), &mut most);
        }
        most
    }

    /// The provider closed its stream. What is left counts where it is a whole event; half of one is dropped.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Option<Seen> {
        let mut most = None;
        let Self { decoder, reader, writer, dropped, state } = self;
        let mut step = Step { reader, writer, dropped, state, out };
        decoder.finish(|name, data| {
            if (data == b"[DONE]" || crate::json::validate(data).is_ok())
                && let Err(refusal) = step.event(name, data, &mut most)
            {
                step.fail(&refusal, &mut most);
            }
        });
        step.finish(&mut most);
        most
    }

    /// Whether the stream said of itself that it is whole. A client must not be told so otherwise.
    pub fn is_complete(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the provider said that it failed, or sent what is not its dialect.
    pub fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Token counts so far.
    pub fn usage(&self) -> Option<Usage> {
        match &self.reader {
            Reader::OpenAi(reader) => reader.usage().map(|usage| Usage {
                input: usage.input,
                output: usage.output,
                cached: usage.cache_read,
            }),
            Reader::Anthropic(reader) => reader.tokens().usage(),
        }
    }

    /// Why the answer ended, in the client's words.
    pub fn finish(&self) -> Option<&'static str> {
        match &self.writer {
            Writer::OpenAi(writer) => writer.finish(),
            Writer::Anthropic(writer) => writer.finish(),
        }
    }

    /// What could not be carried over so far. The headers are gone by then: it is for the log.
    pub fn dropped(&self) -> &Dropped {
        &self.dropped
    }
}

/// All of a stream but its decoder, for the time of one push.
struct Step<'s> {
    reader: &'s mut Reader,
    writer: &'s mut Writer,
    dropped: &'s mut Dropped,
    state: &'s mut State,
    out: &'s mut Vec<u8>,
}

impl Step<'_> {
    fn event(&mut self, name: &[u8], data: &[u8], most: &mut Option<Seen>) -> Result<(), Refusal> {
        if *self.state != State::Open {
            return Ok(());
        }
        let Self { reader, writer, dropped, state, out } = self;
        note(most, Seen::Nothing);
        reader.read(name, data, dropped, &mut |event, dropped| {
            follow(&event, state, most);
            writer.write(event, out, dropped);
        })
    }

    /// A source that does not say that it has ended may have ended all the same.
    fn finish(&mut self, most: &mut Option<Seen>) {
        let Self { reader, writer, dropped, state, out } = self;
        if let (State::Open, Reader::OpenAi(reader)) = (**state, &mut **reader) {
            reader.finish(dropped, &mut |event, dropped| {
                follow(&event, state, most);
                writer.write(event, out, dropped);
            });
        }
    }

    fn fail(&mut self, refusal: &Refusal, most: &mut Option<Seen>) {
        let event = Event::Error { status: 502, kind: None, message: Text::of(refusal.message()) };
        follow(&event, self.state, most);
        self.writer.write(event, self.out, self.dropped);
    }
}

/// Keeps the state of the stream and the most telling thing that was seen.
fn follow(event: &Event<'_>, state: &mut State, most: &mut Option<Seen>) {
    let seen = seen(event);
    note(most, seen);
    match seen {
        Seen::Done => *state = State::Done,
        Seen::Error => *state = State::Failed,
        Seen::Nothing | Seen::Content => {}
    }
}

fn seen(event: &Event<'_>) -> Seen {
    use crate::conversation::Block;
    match event {
        Event::Start { .. }
        | Event::Open { block: Block::Text | Block::Reasoning, .. }
        | Event::Close { .. } => Seen::Nothing,
        Event::End(_) => Seen::Done,
        Event::Error { .. } => Seen::Error,
        _ => Seen::Content,
    }
}

/// Keeps the more telling of two.
fn note(most: &mut Option<Seen>, seen: Seen) {
    let rank = |seen: Seen| match seen {
        Seen::Nothing => 0,
        Seen::Done => 1,
        Seen::Content => 2,
        Seen::Error => 3,
    };
    if most.is_none_or(|most| rank(seen) > rank(most)) {
        *most = Some(seen);
    }
}
