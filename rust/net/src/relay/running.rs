//! An answer that is being relayed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_core::balance::{LaneFailure, LaneGuard};
use ferrogate_core::snapshot::Provider;
use ferrogate_core::{GatewayError, Kind};
use http_body::SizeHint;
use tokio::time::{Sleep, sleep_until};

use super::events::Events;
use super::tail::Tail;
use super::{Cut, Relay};
use crate::observe::{Outcome, Ticket};
use crate::request::Choice;
use crate::server::Watch;
use crate::upstream::AnswerBody;

/// One answer on its way.
pub(crate) struct Running {
    content: Content,
    body: Option<AnswerBody>,
    provider: Arc<Provider>,
    idle: Duration,
    until: Option<Instant>,
    last: Instant,
    timer: Pin<Box<Sleep>>,
    ending: Ending,
    ticket: Option<Ticket>,
    guard: Option<LaneGuard>,
}

enum Content {
    /// Whole events, decoded beside.
    Events(Box<Events>),
    /// Bytes as they come, and the end kept for its usage. The start waits to be sent first.
    Bytes(Option<Bytes>, Option<Tail>),
}

/// How far the end has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    /// In order.
    Over,
    /// Broken: what is queued goes out first.
    Cutting,
    /// Broken: what went out before must reach the socket; the flush counted here does not count.
    Flushing(u64),
    /// Broken, and said so.
    Cut,
}

impl Running {
    fn new(content: Content, body: AnswerBody, choice: &Choice, until: Option<Instant>) -> Self {
        let idle = choice.provider.timeouts.idle;
        let last = Instant::now();
        let wake = until.map_or(last + idle, |until| until.min(last + idle));
        Self {
            content,
            body: Some(body),
            provider: Arc::clone(&choice.provider),
            idle,
            until,
            last,
            timer: Box::pin(sleep_until(wake.into())),
            ending: Ending::Open,
            ticket: None,
            guard: None,
        }
    }

    /// A stream of events after its commit.
    pub(crate) fn events(events: Events, body: AnswerBody, choice: &Choice, until: Option<Instant>) -> Self {
        Self::new(Content::Events(Box::new(events)), body, choice, until)
    }

    /// An answer that is not read.
    pub(crate) fn opaque(body: AnswerBody, choice: &Choice, until: Option<Instant>) -> Self {
        Self::new(Content::Bytes(None, None), body, choice, until)
    }

    /// A JSON answer that is too large to hold.
    pub(crate) fn large(start: Bytes, body: AnswerBody, choice: &Choice, until: Option<Instant>) -> Self {
        let mut tail = Tail::default();
        tail.push(&start);
        Self::new(Content::Bytes(Some(start), Some(tail)), body, choice, until)
    }

    /// From here on the ticket and the lane go with the answer.
    pub(crate) fn start(mut self: Box<Self>, ticket: Ticket, guard: LaneGuard) -> Relay {
        self.ticket = Some(ticket);
        self.guard = Some(guard);
        if matches!(self.content, Content::Bytes(None, _))
            && self.body.as_ref().is_some_and(AnswerBody::is_end)
        {
            self.over();
        }
        Relay::running(self)
    }

    pub(super) fn is_over(&self) -> bool {
        self.ending == Ending::Over && !self.has_queued()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match (&self.content, &self.body) {
            (Content::Bytes(None, _), Some(body)) => body.size_hint(),
            _ if self.is_over() => SizeHint::with_exact(0),
            _ => SizeHint::default(),
        }
    }

    fn has_queued(&self) -> bool {
        match &self.content {
            Content::Events(events) => events.has_queued(),
            Content::Bytes(start, _) => start.is_some(),
        }
    }

    /// The next bytes for the client.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        watch: Option<&Watch>,
    ) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            if let Some(bytes) = self.queued() {
                if let Some(ticket) = &mut self.ticket {
                    ticket.response_bytes += bytes.len() as u64;
                }
                return Poll::Ready(Some(Ok(bytes)));
            }
            match self.ending {
                Ending::Open => std::task::ready!(self.read(cx)),
                Ending::Over => return Poll::Ready(None),
                Ending::Cutting => match watch {
                    Some(watch) => self.ending = Ending::Flushing(watch.await_flush()),
                    None => self.ending = Ending::Cut,
                },
                Ending::Flushing(before) => match watch {
                    Some(watch) if watch.flushes() == before => return Poll::Pending,
                    _ => self.ending = Ending::Cut,
                },
                Ending::Cut => return Poll::Ready(Some(Err(Cut))),
            }
        }
    }

    fn queued(&mut self) -> Option<Bytes> {
        match &mut self.content {
            Content::Events(events) => events.pop(),
            Content::Bytes(start, _) => start.take(),
        }
    }

    /// Reads once from the provider; ready when something changed.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(body) = &mut self.body else {
            self.over();
            return Poll::Ready(());
        };
        match body.poll_frame(cx) {
            Poll::Pending => return self.check_clocks(cx),
            Poll::Ready(None) => self.ended(),
            Poll::Ready(Some(Err(_))) => self.cut(Kind::UpstreamCut, "The provider's answer broke off."),
            Poll::Ready(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    self.data(data);
                }
            }
        }
        Poll::Ready(())
    }

    fn data(&mut self, data: Bytes) {
        self.last = Instant::now();
        let is_content = match &mut self.content {
            Content::Events(events) => {
                let _ = events.push(data);
                events.reader.content
            }
            Content::Bytes(start, tail) => {
                if let Some(tail) = tail {
                    tail.push(&data);
                }
                *start = Some(data);
                if self.body.as_ref().is_some_and(AnswerBody::is_end) {
                    // As long as its Content-Length said: nobody will ask for more.
                    self.over();
                }
                true
            }
        };
        if is_content
            && let Some(ticket) = &mut self.ticket
            && ticket.first_content.is_none()
        {
            ticket.first_content = Some(self.last);
        }
    }

    /// The provider ended its answer in order; a stream that did not say that it is whole is a cut all the same.
    fn ended(&mut self) {
        self.body = None;
        let Content::Events(events) = &mut self.content else {
            self.over();
            return;
        };
        events.end();
        if events.is_complete() || events.has_failed() {
            self.over();
        } else {
            self.cut(Kind::UpstreamCut, "The provider ended its stream before the answer was complete.");
        }
    }

    fn over(&mut self) {
        self.ending = Ending::Over;
        let failed = matches!(&self.content, Content::Events(events) if events.has_failed());
        if failed {
            self.lane_failed(Kind::UpstreamErrorEvent);
        } else if let Some(guard) = self.guard.take() {
            guard.success();
        }
        let Some(mut ticket) = self.settle() else { return };
        if failed {
            ticket.error = Some(Kind::UpstreamErrorEvent);
        }
        let outcome = if ticket.error.is_some() { Outcome::Error } else { Outcome::Ok };
        ticket.finish(outcome);
    }

    fn cut(&mut self, kind: Kind, message: &'static str) {
        self.ending = Ending::Cutting;
        self.body = None;
        if let Content::Events(events) = &mut self.content {
            events.push_error(&GatewayError::new(kind, message));
        }
        if kind.retry() {
            self.lane_failed(kind);
        }
        if let Some(mut ticket) = self.settle() {
            ticket.error = Some(kind);
            ticket.finish(Outcome::Cut);
        }
    }

    fn lane_failed(&mut self, kind: Kind) {
        if let Some(guard) = self.guard.take() {
            guard.failure(LaneFailure { kind, status: 200 });
        }
        if let Some(ticket) = &self.ticket {
            ticket.attempt_failed(&self.provider.name, kind);
        }
    }

    /// Takes the ticket with all that the answer said.
    fn settle(&mut self) -> Option<Ticket> {
        let mut ticket = self.ticket.take()?;
        match &mut self.content {
            Content::Events(events) => {
                ticket.usage = events.reader.usage;
                ticket.finish = events.reader.finish.take();
                ticket.response_bytes += events.queued_bytes();
            }
            Content::Bytes(start, tail) => {
                ticket.usage = tail.as_ref().and_then(Tail::usage);
                ticket.response_bytes += start.as_ref().map_or(0, |start| start.len() as u64);
            }
        }
        Some(ticket)
    }

    fn check_clocks(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        std::task::ready!(self.timer.as_mut().poll(cx));
        let now = Instant::now();
        if self.until.is_some_and(|until| now >= until) {
            self.cut(Kind::DeadlineExceeded, "The deadline of the request passed.");
        } else if now >= self.last + self.idle {
            self.cut(Kind::UpstreamTimeout, "The provider's answer stood still.");
        } else {
            let next = self.until.map_or(self.last + self.idle, |until| until.min(self.last + self.idle));
            self.timer.as_mut().reset(next.into());
        }
        Poll::Ready(())
    }
}
