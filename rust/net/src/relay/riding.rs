//! An answer that comes from a call which others may share.

use std::task::{Context, Poll};

use bytes::Bytes;
use ferrogate_core::Kind;
use ferrogate_core::balance::Class;

use super::Cut;
use super::breaking::Breaking;
use crate::cache::{End, Rider};
use crate::observe::{Outcome, Ticket};
use crate::server::Client;

/// One rider's way through the answer.
pub(crate) struct Riding {
    rider: Rider,
    /// Of one who joined; the call keeps its own.
    ticket: Option<Ticket>,
    /// Bytes that are to come, where the head says so: nobody asks for more than these.
    left: Option<u64>,
    ending: Ending,
}

/// How far the end has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    /// In order.
    Landed,
    /// Broken.
    Breaking(Breaking),
}

impl Riding {
    pub(super) fn new(rider: Rider, ticket: Option<Ticket>, length: Option<u64>) -> Self {
        Self { rider, ticket, left: length, ending: Ending::Open }
    }

    pub(super) fn is_over(&self) -> bool {
        self.ending == Ending::Landed
    }

    /// The next bytes for the client.
    pub(super) fn poll(
        &mut self,
        cx: &Context<'_>,
        client: Option<&Client>,
    ) -> Poll<Option<Result<Bytes, Cut>>> {
        loop {
            match &mut self.ending {
                Ending::Open => match std::task::ready!(self.rider.poll_next(cx)) {
                    Ok(bytes) => {
                        self.passed(&bytes);
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                    Err(end) => self.land(end),
                },
                Ending::Landed => return Poll::Ready(None),
                Ending::Breaking(breaking) => return breaking.poll(client).map(Some),
            }
        }
    }

    fn passed(&mut self, bytes: &Bytes) {
        if let Some(ticket) = &mut self.ticket {
            ticket.first_content.get_or_insert_with(std::time::Instant::now);
            ticket.answered_more(bytes);
        }
        self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
        if self.left == Some(0) {
            self.land(End::Landed);
        }
    }

    fn land(&mut self, end: End) {
        let is_whole = end == End::Landed;
        self.ending = if is_whole { Ending::Landed } else { Ending::Breaking(Breaking::Begun) };
        let Some(mut ticket) = self.ticket.take() else { return };
        if is_whole {
            ticket.finish(Outcome::Ok);
        } else {
            ticket.fail(Kind::UpstreamCut, Class::Lane);
            ticket.finish(Outcome::Cut);
        }
    }
}
