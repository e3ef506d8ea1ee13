//! An answer that comes from a call which others may share.

use std::task::{Context, Poll};

use bytes::Bytes;
use ferrogate_core::Kind;
use ferrogate_core::balance::Class;

use super::Cut;
use crate::cache::{End, Rider};
use crate::observe::{Outcome, Ticket};

/// One rider's way through the answer.
pub(crate) struct Riding {
    rider: Rider,
    /// Of one who joined; the call keeps its own.
    ticket: Option<Ticket>,
    /// Bytes that are to come, where the head says so: nobody asks for more than these.
    left: Option<u64>,
    end: Option<End>,
}

impl Riding {
    pub(super) fn new(rider: Rider, ticket: Option<Ticket>, length: Option<u64>) -> Self {
        Self { rider, ticket, left: length, end: None }
    }

    pub(super) fn is_over(&self) -> bool {
        self.end == Some(End::Landed)
    }

    /// The next bytes for the client.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        if let Some(end) = self.end {
            return Poll::Ready((end != End::Landed).then_some(Err(Cut)));
        }
        match std::task::ready!(self.rider.poll_next(cx)) {
            Ok(bytes) => {
                if let Some(ticket) = &mut self.ticket {
                    ticket.first_content.get_or_insert_with(std::time::Instant::now);
                    ticket.answered_more(&bytes);
                }
                self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
                if self.left == Some(0) {
                    self.land(End::Landed);
                }
                Poll::Ready(Some(Ok(bytes)))
            }
            Err(end) => {
                self.land(end);
                Poll::Ready((end != End::Landed).then_some(Err(Cut)))
            }
        }
    }

    fn land(&mut self, end: End) {
        self.end = Some(end);
        let Some(mut ticket) = self.ticket.take() else { return };
        if end == End::Landed {
            ticket.finish(Outcome::Ok);
        } else {
            ticket.fail(Kind::UpstreamCut, Class::Lane);
            ticket.finish(Outcome::Cut);
        }
    }
}
