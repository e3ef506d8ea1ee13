//! An event stream between the provider and the client: whole events out, a decoder beside.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use ferrogate_core::GatewayError;
use ferrogate_core::dialects::openai::{Seen, StreamReader, error_event};
use ferrogate_core::secret::Secret;
use ferrogate_core::sse::Splitter;

/// What is shorter is copied: a reference would hold the whole buffer of the read that brought it, and the next read
/// would take another one.
const COPY_BELOW: usize = 4 * 1024;

/// Splits, decodes and queues. The queue holds what one read of the socket brought, and before the commit what is held
/// back.
pub(crate) struct Events {
    splitter: Splitter,
    pub(super) reader: StreamReader,
    ready: VecDeque<Bytes>,
    held: usize,
    named: bool,
    secret: Option<Arc<Secret>>,
}

impl Events {
    /// `named` streams say `event: error`; `secret` is what an error of the provider must not show.
    pub(crate) fn new(named: bool, secret: Option<&Arc<Secret>>) -> Self {
        Self {
            splitter: Splitter::default(),
            reader: StreamReader::default(),
            ready: VecDeque::new(),
            held: 0,
            named,
            secret: secret.cloned(),
        }
    }

    /// Takes bytes of the provider; says the most telling thing that whole events in them were.
    pub(crate) fn push(&mut self, data: Bytes) -> Option<Seen> {
        let Self { splitter, reader, ready, held, secret, .. } = self;
        let (mut most, before) = (None, ready.len());
        splitter.push(
            data,
            |event| {
                let seen = reader.found(event);
                if most.is_none_or(|most| telling(seen) > telling(most)) {
                    most = Some(seen);
                }
            },
            |bytes| {
                *held += bytes.len();
                ready.push_back(if bytes.len() < COPY_BELOW {
                    Bytes::copy_from_slice(&bytes)
                } else {
                    bytes
                });
            },
        );
        if let (Some(Seen::Error), Some(secret)) = (most, secret) {
            for bytes in ready.range_mut(before..) {
                *bytes = secret.mask(std::mem::take(bytes));
            }
        }
        most
    }

    /// The provider ended its stream in order. Half an event at the end of a stream that did not say that it is whole
    /// is dropped: it would run into the event that tells of the cut.
    pub(crate) fn end(&mut self) {
        let Self { splitter, reader, ready, secret, .. } = self;
        let mut failed = false;
        let rest = splitter.finish(|event| failed |= reader.found(event) == Seen::Error);
        let rest = rest.filter(|_| reader.is_complete() || reader.failed);
        ready.extend(match secret {
            Some(secret) if failed => rest.map(|rest| secret.mask(rest)),
            _ => rest,
        });
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

    /// What waits for the client, what ended the stream included.
    pub(super) fn queued(&self) -> impl Iterator<Item = &Bytes> {
        self.ready.iter()
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
