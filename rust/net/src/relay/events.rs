//! An event stream between the provider and the client: whole events out, a decoder beside.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use ferrogate_core::GatewayError;
use ferrogate_core::balance::Class;
use ferrogate_core::convert::Stream;
use ferrogate_core::dialects::openai::{Seen, StreamReader, error_event};
use ferrogate_core::dialects::{Said, Usage};
use ferrogate_core::secret::Secret;
use ferrogate_core::sse::{Found, Splitter};

/// What is shorter is copied: a reference would hold the whole buffer of the read that brought it, and the next read
/// would take another one.
const COPY_BELOW: usize = 4 * 1024;

/// Splits, decodes and queues. The queue holds what one read of the socket brought, and before the commit what is held
/// back.
pub(crate) struct Events {
    source: Source,
    ready: VecDeque<Bytes>,
    held: usize,
    named: bool,
    secret: Option<Arc<Secret>>,
    /// Whose the failure is that the provider told of.
    fault: Option<Class>,
}

/// How events get from the provider to the client.
enum Source {
    /// As they came.
    Relayed { splitter: Splitter, reader: StreamReader },
    /// Into another dialect.
    Converted { stream: Box<Stream>, content: bool },
}

impl Events {
    /// `named` streams say `event: error`; `secret` is what an error of the provider must not show.
    pub(crate) fn new(named: bool, secret: Option<&Arc<Secret>>) -> Self {
        let source = Source::Relayed { splitter: Splitter::default(), reader: StreamReader::default() };
        Self::of(source, named, secret)
    }

    /// Events of a provider of another dialect.
    pub(crate) fn converted(stream: Stream, secret: Option<&Arc<Secret>>) -> Self {
        Self::of(Source::Converted { stream: Box::new(stream), content: false }, false, secret)
    }

    fn of(source: Source, named: bool, secret: Option<&Arc<Secret>>) -> Self {
        Self { source, ready: VecDeque::new(), held: 0, named, secret: secret.cloned(), fault: None }
    }

    /// Takes bytes of the provider; says the most telling thing that whole events in them were.
    pub(crate) fn push(&mut self, data: Bytes) -> Option<Seen> {
        let Self { source, ready, held, secret, fault, .. } = self;
        let before = ready.len();
        let most = match source {
            Source::Relayed { splitter, reader } => {
                let mut most = None;
                splitter.push(
                    data,
                    |event| {
                        let seen = reader.found(event);
                        note_fault(fault, seen, event);
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
                most
            }
            Source::Converted { stream, content } => {
                let mut out = Vec::new();
                let most = stream.push(&data, &mut out);
                *content |= most == Some(Seen::Content);
                queue_converted(out, most, ready, held, fault);
                most
            }
        };
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
        let Self { source, ready, secret, held, fault, .. } = self;
        let before = ready.len();
        let failed = match source {
            Source::Relayed { splitter, reader } => {
                let mut failed = false;
                let rest = splitter.finish(|event| {
                    let seen = reader.found(event);
                    note_fault(fault, seen, event);
                    failed |= seen == Seen::Error;
                });
                ready.extend(rest.filter(|_| reader.is_complete() || reader.failed));
                failed
            }
            Source::Converted { stream, .. } => {
                let mut out = Vec::new();
                let most = stream.end(&mut out);
                queue_converted(out, most, ready, held, fault);
                most == Some(Seen::Error)
            }
        };
        if let (true, Some(secret)) = (failed, secret) {
            for bytes in ready.range_mut(before..) {
                *bytes = secret.mask(std::mem::take(bytes));
            }
        }
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
        match &self.source {
            Source::Relayed { reader, .. } => reader.is_complete(),
            Source::Converted { stream, .. } => stream.is_complete(),
        }
    }

    /// Whether the provider said in the stream that it failed.
    pub(crate) fn has_failed(&self) -> bool {
        match &self.source {
            Source::Relayed { reader, .. } => reader.failed,
            Source::Converted { stream, .. } => stream.has_failed(),
        }
    }

    /// Whether the stream has said how it ended.
    pub(super) fn has_ended(&self) -> bool {
        match &self.source {
            Source::Relayed { reader, .. } => reader.has_ended(),
            Source::Converted { stream, .. } => stream.is_complete() || stream.has_failed(),
        }
    }

    /// Whether content was seen.
    pub(super) fn has_content(&self) -> bool {
        match &self.source {
            Source::Relayed { reader, .. } => reader.content,
            Source::Converted { content, .. } => *content,
        }
    }

    /// Whose the failure is that the provider told of.
    pub(crate) fn fault(&self) -> Class {
        self.fault.unwrap_or(Class::Lane)
    }

    /// Token counts so far.
    pub(super) fn usage(&self) -> Option<Usage> {
        match &self.source {
            Source::Relayed { reader, .. } => reader.usage,
            Source::Converted { stream, .. } => stream.usage(),
        }
    }

    /// How many tokens were put out, by the provider's count or by the number of events: most bring one.
    pub(super) fn tokens(&self) -> u32 {
        let events = match &self.source {
            Source::Relayed { reader, .. } => reader.events(),
            Source::Converted { .. } => 0,
        };
        u32::try_from(self.usage().map_or(events, |usage| usage.output)).unwrap_or(u32::MAX)
    }

    /// Why the answer ended.
    pub(super) fn take_finish(&mut self) -> Option<Box<str>> {
        match &mut self.source {
            Source::Relayed { reader, .. } => reader.finish.take(),
            Source::Converted { stream, .. } => stream.finish().map(Into::into),
        }
    }

    /// What could not be carried into the client's dialect.
    pub(super) fn dropped(&self) -> Option<String> {
        match &self.source {
            Source::Converted { stream, .. } => {
                Some(stream.dropped().header()).filter(|dropped| !dropped.is_empty())
            }
            Source::Relayed { .. } => None,
        }
    }

    /// Queues the event that tells the client of a cut, where an event can still be told from what went before.
    pub(super) fn push_error(&mut self, error: &GatewayError) {
        let is_flowing = matches!(&self.source, Source::Relayed { splitter, .. } if splitter.is_flowing());
        if !is_flowing {
            self.ready.push_back(error_event(error, self.named).into());
        }
    }
}

fn note_fault(fault: &mut Option<Class>, seen: Seen, event: Found<'_>) {
    if seen == Seen::Error && fault.is_none() {
        let (Found::Whole(bytes) | Found::Long { start: bytes, .. }) = event;
        *fault = Some(class_of(bytes));
    }
}

fn class_of(event: &[u8]) -> Class {
    Class::of_events(Said::read_event(event).codes.iter().map(|code| &**code))
}

/// Queues what events became. An error is the last of them, and says in the client's words what the provider said.
fn queue_converted(
    out: Vec<u8>,
    most: Option<Seen>,
    ready: &mut VecDeque<Bytes>,
    held: &mut usize,
    fault: &mut Option<Class>,
) {
    if most == Some(Seen::Error) && fault.is_none() {
        let last = memchr::memmem::rfind(&out, b"data: ").unwrap_or(0);
        *fault = Some(class_of(&out[last..]));
    }
    if !out.is_empty() {
        *held += out.len();
        ready.push_back(out.into());
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
