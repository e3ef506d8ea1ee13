//! An answer that is being relayed.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_core::balance::{Class, Hints, LaneFailure, LaneGuard};
use ferrogate_core::snapshot::{Choice, Provider};
use ferrogate_core::{GatewayError, Kind};
use http_body::SizeHint;
use tokio::time::{Sleep, sleep_until};

use super::breaking::Breaking;
use super::events::Events;
use super::plain::Plain;
use super::{Cut, Relay};
use crate::clock::{self, moment};
use crate::observe::{Outcome, Ticket};
use crate::server::Client;
use crate::upstream::{AnswerBody, Broken};

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
    /// Reads that found something, and those of them that the provider was waited for.
    reads: u32,
    waits: u32,
    waiting: bool,
}

enum Content {
    /// Whole events, decoded beside.
    Events(Box<Events>),
    /// Bytes as they come.
    Bytes(Plain),
}

/// How far the end has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    /// In order.
    Over,
    /// Broken: what is queued goes out first.
    Breaking(Breaking),
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
            reads: 0,
            waits: 0,
            waiting: false,
        }
    }

    /// A stream of events after its commit.
    pub(crate) fn events(events: Events, body: AnswerBody, choice: &Choice, until: Option<Instant>) -> Self {
        Self::new(Content::Events(Box::new(events)), body, choice, until)
    }

    /// An answer that is not read.
    pub(crate) fn opaque(body: AnswerBody, choice: &Choice, until: Option<Instant>) -> Self {
        Self::new(Content::Bytes(Plain::default()), body, choice, until)
    }

    /// A JSON answer that is too large to hold, or a failing one: its start, and the rest to come.
    pub(crate) fn large(start: Bytes, body: AnswerBody, choice: &Choice, until: Option<Instant>) -> Self {
        let mut plain = Plain::read(choice.key().secret.as_ref());
        plain.push(start);
        Self::new(Content::Bytes(plain), body, choice, until)
    }

    /// From here on the ticket goes with the answer, and the lane where it has not been told yet.
    pub(crate) fn start(mut self: Box<Self>, ticket: Ticket, guard: Option<LaneGuard>) -> Relay {
        self.ticket = Some(ticket);
        self.guard = guard;
        self.last = Instant::now();
        if matches!(self.content, Content::Bytes(_)) && self.body.as_ref().is_some_and(AnswerBody::is_end) {
            self.over();
        }
        Relay::running(self)
    }

    pub(super) fn is_over(&self) -> bool {
        self.ending == Ending::Over && !self.has_queued()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match (&self.content, &self.body) {
            (Content::Bytes(plain), Some(body)) if plain.queued().is_empty() => body.size_hint(),
            _ if self.is_over() => SizeHint::with_exact(0),
            _ => SizeHint::default(),
        }
    }

    fn has_queued(&self) -> bool {
        match &self.content {
            Content::Events(events) => events.has_queued(),
            Content::Bytes(plain) => !plain.queued().is_empty(),
        }
    }

    /// The next bytes for the client.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        client: Option<&Client>,
    ) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            if let Some(bytes) = self.queued() {
                if let Some(ticket) = &mut self.ticket {
                    ticket.answered_more(&bytes);
                }
                return Poll::Ready(Some(Ok(bytes)));
            }
            match &mut self.ending {
                Ending::Open => std::task::ready!(self.read(cx)),
                Ending::Over => return Poll::Ready(None),
                Ending::Breaking(breaking) => return breaking.poll(client).map(Some),
            }
        }
    }

    fn queued(&mut self) -> Option<Bytes> {
        match &mut self.content {
            Content::Events(events) => events.pop(),
            Content::Bytes(plain) => plain.pop(),
        }
    }

    /// Reads once from the provider; ready when something changed.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ticket.as_ref().is_some_and(Ticket::must_end) {
            self.cut(
                Kind::Draining,
                "The gateway is shutting down and could not wait for the end of this answer.",
            );
            return Poll::Ready(());
        }
        let Some(body) = &mut self.body else {
            self.over();
            return Poll::Ready(());
        };
        match body.poll_frame(cx) {
            Poll::Pending => {
                self.waiting = true;
                return self.check_clocks(cx);
            }
            Poll::Ready(None) => self.ended(),
            Poll::Ready(Some(Err(Broken))) if self.has_ended() => self.over(),
            Poll::Ready(Some(Err(Broken))) => {
                self.cut(Kind::UpstreamCut, "The provider's answer broke off.");
            }
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
        self.reads += 1;
        self.waits += u32::from(std::mem::take(&mut self.waiting));
        let is_content = match &mut self.content {
            Content::Events(events) => {
                let _ = events.push(data);
                events.has_content()
            }
            Content::Bytes(plain) => {
                plain.push(data);
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
            if let (Content::Events(_), Some(guard)) = (&self.content, &mut self.guard) {
                guard.first_token(moment(self.last));
            }
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

    /// Whether the stream has said how it ended; its connection may then do what it likes.
    fn has_ended(&self) -> bool {
        matches!(&self.content, Content::Events(events) if events.has_ended())
    }

    fn over(&mut self) {
        self.ending = Ending::Over;
        self.body = None;
        if let Content::Bytes(plain) = &mut self.content {
            plain.end();
        }
        let failed = match &self.content {
            Content::Events(events) => events.has_failed().then(|| events.fault()),
            Content::Bytes(_) => None,
        };
        if let Some(class) = failed {
            self.lane_failed(Kind::UpstreamErrorEvent, class);
        } else if let Some(guard) = self.guard.take() {
            guard.success(clock::now(), self.tokens());
        }
        let Some(mut ticket) = self.settle() else { return };
        if let Some(class) = failed {
            ticket.fail(Kind::UpstreamErrorEvent, class);
        }
        let outcome = if ticket.error.is_some() { Outcome::Error } else { Outcome::Ok };
        ticket.finish(outcome);
    }

    fn cut(&mut self, kind: Kind, message: &'static str) {
        self.ending = Ending::Breaking(Breaking::Begun);
        self.body = None;
        if let Content::Events(events) = &mut self.content {
            events.push_error(&GatewayError::new(kind, message));
        }
        let class = Class::of_kind(kind);
        if class.retries() {
            self.lane_failed(kind, class);
        }
        if let Some(mut ticket) = self.settle() {
            ticket.fail(kind, class);
            ticket.finish(Outcome::Cut);
        }
    }

    fn lane_failed(&mut self, kind: Kind, class: Class) {
        if let Some(guard) = self.guard.take() {
            guard.failure(clock::now(), LaneFailure { kind, status: 200 }, class, &Hints::default());
        }
        if let Some(ticket) = self.ticket.as_ref().filter(|_| class.retries()) {
            ticket.attempt_failed(&self.provider.name, kind);
        }
    }

    /// Tokens that were put out, where they came as fast as the provider sent them: a client that reads slowly says
    /// nothing about the lane.
    fn tokens(&self) -> Option<u32> {
        match &self.content {
            Content::Events(events) if self.waits * 2 >= self.reads => Some(events.tokens()),
            _ => None,
        }
    }

    /// Takes the ticket with all that the answer said.
    fn settle(&mut self) -> Option<Ticket> {
        let mut ticket = self.ticket.take()?;
        match &mut self.content {
            Content::Events(events) => {
                ticket.usage = events.usage();
                ticket.finish = events.take_finish();
                if let (Some(dropped), Some(attempt)) = (events.dropped(), ticket.attempts.last_mut()) {
                    attempt.lost_on_the_way(&dropped);
                }
                events.queued().for_each(|bytes| ticket.answered_more(bytes));
            }
            Content::Bytes(plain) => {
                ticket.usage = plain.usage();
                ticket.answered_more(plain.queued());
            }
        }
        Some(ticket)
    }

    fn check_clocks(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        std::task::ready!(self.timer.as_mut().poll(cx));
        let now = Instant::now();
        if self.until.is_some_and(|until| now >= until) {
            self.cut(Kind::DeadlineExceeded, "The deadline of the request passed.");
        } else if now >= self.last + self.idle && self.has_ended() {
            self.over();
        } else if now >= self.last + self.idle {
            self.cut(Kind::UpstreamTimeout, "The provider's answer stood still.");
        } else {
            let next = self.until.map_or(self.last + self.idle, |until| until.min(self.last + self.idle));
            self.timer.as_mut().reset(next.into());
        }
        Poll::Ready(())
    }
}
