//! An event stream between the provider and the client: whole events out, a decoder beside.

use std::collections::VecDeque;

use bytes::Bytes;
use ferrogate_core::GatewayError;
use ferrogate_core::dialects::openai::{Seen, StreamReader, error_event};
use ferrogate_core::sse::Splitter;

/// Splits, decodes and queues. The queue holds what one read of the socket brought, and before the commit what is held
/// back.
pub(crate) struct Events {
    splitter: Splitter,
    pub(super) reader: StreamReader,
    ready: VecDeque<Bytes>,
    held: usize,
    named: bool,
}

impl Events {
    /// `named` streams say `event: error`.
    pub(crate) fn new(named: bool) -> Self {
        Self {
            splitter: Splitter::default(),
            reader: StreamReader::default(),
            ready: VecDeque::new(),
            held: 0,
            named,
        }
    }

    /// Takes bytes of the provider; says the most telling thing that whole events in them were.
    pub(crate) fn push(&mut self, data: Bytes) -> Option<Seen> {
        let Self { splitter, reader, ready, held, .. } = self;
        let mut most = None;
        splitter.push(
            data,
            |event| {
                let seen = reader.event(event);
                if most.is_none_or(|most| telling(seen) > telling(most)) {
                    most = Some(seen);
                }
            },
            |bytes| {
                *held += bytes.len();
                ready.push_back(bytes);
            },
        );
        most
    }

    /// The provider ended its stream in order.
    pub(crate) fn end(&mut self) {
        let Self { splitter, reader, ready, .. } = self;
        ready.extend(splitter.finish(|event| {
            reader.event(event);
        }));
    }

    /// The next bytes for the client.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let bytes = self.ready.pop_front()?;
        self.held -= bytes.len().min(self.held);
        Some(bytes)
    }

    /// Whether bytes wait for the client.
    pub(super) fn has_queued(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Bytes that wait for the client, what ended the stream included.
    pub(super) fn queued_bytes(&self) -> u64 {
        self.ready.iter().map(|bytes| bytes.len() as u64).sum()
    }

    /// Bytes that whole events have brought and that wait for the commit.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// Whether the stream said of itself that it is whole.
    pub(crate) fn is_complete(&self) -> bool {
        self.reader.is_complete()
    }

    /// Whether the provider said in the stream that it failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.reader.failed
    }

    /// Queues the event that tells the client of a cut, where an event can still be told from what went before.
    pub(super) fn push_error(&mut self, error: &GatewayError) {
        if !self.splitter.is_flowing() {
            self.ready.push_back(error_event(error, self.named).into());
        }
    }
}

fn telling(seen: Seen) -> u8 {
    match seen {
        Seen::Nothing => 0,
        Seen::Done => 1,
        Seen::Content => 2,
        Seen::Error => 3,
    }
}
