//! A stream on its way from one dialect to another.

use super::decoder::Decoder;
use super::{Dropped, Pair, Refusal, Stamp, anthropic, openai};
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
    Anthropic(anthropic::EventReader),
}

/// Writers, one a dialect.
#[derive(Debug)]
enum Writer {
    OpenAi(openai::EventWriter),
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
        let Pair::OpenAiToAnthropic = pair;
        Self {
            decoder: Decoder::default(),
            reader: Reader::Anthropic(anthropic::EventReader::default()),
            writer: Writer::OpenAi(openai::EventWriter::new(stamp, usage)),
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
            if crate::json::validate(data).is_ok()
                && let Err(refusal) = step.event(name, data, &mut most)
            {
                step.fail(&refusal, &mut most);
            }
        });
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
        let Reader::Anthropic(reader) = &self.reader;
        reader.tokens().usage()
    }

    /// Why the answer ended, in the client's words.
    pub fn finish(&self) -> Option<&'static str> {
        let Writer::OpenAi(writer) = &self.writer;
        writer.finish()
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
        let Reader::Anthropic(reader) = reader;
        note(most, Seen::Nothing);
        reader.read(name, data, dropped, &mut |event, dropped| {
            let seen = seen(&event);
            note(most, seen);
            match seen {
                Seen::Done => **state = State::Done,
                Seen::Error => **state = State::Failed,
                Seen::Nothing | Seen::Content => {}
            }
            let Writer::OpenAi(writer) = writer;
            writer.write(event, out, dropped);
        })
    }

    fn fail(&mut self, refusal: &Refusal, most: &mut Option<Seen>) {
        *self.state = State::Failed;
        note(most, Seen::Error);
        let Writer::OpenAi(writer) = self.writer;
        let event = Event::Error { kind: None, message: Text::of(refusal.message()) };
        writer.write(event, self.out, self.dropped);
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
