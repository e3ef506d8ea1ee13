//! One attempt while it runs: its lane, its clocks, and what it has found out.

use std::time::Instant;

use bytes::Bytes;
use ferrogate_core::balance::{Class, Hints, LaneFailure, LaneGuard};
use ferrogate_core::convert::{Dropped, Pair};
use ferrogate_core::dialects::Usage;
use ferrogate_core::snapshot::Choice;
use ferrogate_core::{GatewayError, Kind};
use http::response;

use super::kept::Kept;
use crate::clock::{self, moment};
use crate::observe::{Outcome, Ticket};
use crate::relay::Running;

/// One attempt.
pub(super) struct Trial {
    pub(super) choice: Choice,
    /// Where the provider speaks another dialect.
    pub(super) pair: Option<Pair>,
    pub(super) guard: LaneGuard,
    /// Its place among the ticket's attempts.
    pub(super) at: usize,
    pub(super) begun: Instant,
    /// The deadline over all attempts.
    pub(super) until: Instant,
    /// No other lane is left, and none runs beside.
    pub(super) is_last: bool,
    pub(super) sent: Option<Instant>,
    pub(super) headers: Option<Instant>,
    pub(super) first_content: Option<Instant>,
    /// Whether the answer is a stream of events.
    pub(super) stream: bool,
    pub(super) usage: Option<Usage>,
    pub(super) finish: Option<Box<str>>,
    /// What the provider said about its limits.
    pub(super) hints: Hints,
    /// What could not be carried over to it, or back.
    pub(super) dropped: Dropped,
}

/// An answer that is good to be committed.
pub(super) struct Committed {
    pub(super) head: response::Parts,
    pub(super) body: Body,
}

pub(super) enum Body {
    /// Whole and checked.
    Whole(Bytes, Outcome),
    /// To be relayed.
    Running(Box<Running>),
}

/// Why a lane did not answer.
pub(super) struct Failure {
    pub(super) error: GatewayError,
    /// Whose failure it is.
    pub(super) class: Class,
    /// What the provider said, to be relayed where nobody says better.
    pub(super) answer: Option<Box<Kept>>,
    /// Nothing of the request had left.
    pub(super) unsent: bool,
    /// The lane was not asked at all.
    pub(super) unasked: bool,
    /// It cannot serve the request, which is nobody's fault: another one may.
    pub(super) elsewhere: bool,
}

impl Failure {
    /// Of a kind that says whose it is.
    pub(super) fn of(error: GatewayError) -> Self {
        let class = Class::of_kind(error.kind);
        Self { error, class, answer: None, unsent: false, unasked: false, elsewhere: false }
    }

    /// The lane was not asked; another one may serve where it is not the request that is wrong.
    pub(super) fn unasked(error: GatewayError, elsewhere: bool) -> Self {
        Self { unsent: true, unasked: true, elsewhere, ..Self::of(error) }
    }

    /// Whether another lane may be tried, as far as this failure says.
    pub(super) fn goes_on(&self) -> bool {
        self.elsewhere || self.class.retries()
    }

    /// The provider's status; 0 where it gave none.
    pub(super) fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        Self::of(error)
    }
}

impl Trial {
    /// The first content is here.
    pub(super) fn content(&mut self, now: Instant) {
        self.first_content = Some(now);
        self.guard.first_token(moment(now));
    }

    /// It is over without an answer for the client: the lane hears of it, and the ticket.
    pub(super) fn fail(self, failure: &Failure, ticket: &mut Ticket) {
        let status = failure.status();
        let kind = failure.error.kind;
        if let Some(attempt) = ticket.attempts.get_mut(self.at) {
            attempt.end(status, Some(kind), Some(failure.class));
        }
        (ticket.sent, ticket.headers) = (self.sent, self.headers);
        if failure.class.retries() {
            ticket.attempt_failed(&self.choice.provider.name, kind);
        }
        if failure.unasked {
            self.guard.withdraw();
        } else if kind == Kind::DeadlineExceeded {
            self.guard.late(clock::now());
        } else {
            self.guard.failure(clock::now(), LaneFailure { kind, status }, failure.class, &self.hints);
        }
    }

    /// Its answer goes to the client: what it found out is the request's.
    pub(super) fn win(&mut self, status: u16, ticket: &mut Ticket) {
        if let Some(attempt) = ticket.attempts.get_mut(self.at) {
            attempt.end(status, None, None);
            if !self.dropped.is_empty() {
                attempt.lost_on_the_way(&self.dropped.header());
            }
        }
        // The row and the headers name the last one.
        if let Some(last) = ticket.attempts.len().checked_sub(1).filter(|last| *last > self.at) {
            ticket.attempts.swap(self.at, last);
        }
        (ticket.sent, ticket.headers) = (self.sent, self.headers);
        ticket.first_content = self.first_content;
        ticket.stream |= self.stream;
        ticket.usage = self.usage.take();
        ticket.finish = self.finish.take();
    }
}
