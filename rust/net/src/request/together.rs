//! A call that is made for all who ask for the same.
//!
//! It runs in a task of its own, whoever leaves; see [`crate::cache::Flight`]. Where it brings no answer, each of those
//! who joined makes a call of its own.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ferrogate_core::cache::store::Hit;
use ferrogate_core::dialects::{Dialect, Operation};
use ferrogate_core::snapshot::{Principal, Snapshot};
use ferrogate_core::{GatewayError, Kind};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Response, StatusCode};
use http_body::Body;
use tokio::task::spawn_local;
use tokio::time::timeout_at;

use super::attempt::Job;
use super::cut::unless_cut;
use super::keep::{self, Named, Origin};
use super::own::Call;
use super::plan::Plan;
use super::read::Payload;
use super::respond::{self, gateway_headers};
use super::run::Run;
use super::verify::Check;
use super::wishes::Wishes;
use crate::cache::{Boarding, End, Flight, Flights, Head, Rider};
use crate::observe::Ticket;
use crate::relay::Relay;
use crate::shard::Shard;

/// A request that owns all it needs, so that its call may outlive the client that asked.
pub(super) struct Owned {
    pub(super) shard: Rc<Shard>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) head: Parts,
    pub(super) dialect: Dialect,
    pub(super) operation: Operation,
    pub(super) rest: Box<str>,
    pub(super) payload: Payload,
    pub(super) wishes: Wishes,
    pub(super) plan: Plan,
}

impl Owned {
    /// The kept answer to a question that means the same, or else a call; whether it is a new answer.
    async fn answer(self, named: &Named, mut ticket: Ticket) -> (Response<Relay>, bool) {
        if let Some(hit) =
            named.find_meant(&self.shard, &self.snapshot, self.wishes.timeout, &mut ticket).await
            && let Some(body) = named.body(&hit, &self.payload)
        {
            self.shard.shared.cache.saved(hit.entry.usage);
            let (principal, similarity) = (ticket.principal.clone(), ticket.similarity);
            let response = keep::serve(&hit, &body, named.stream, &self.snapshot, ticket);
            self.verify(named, &hit, similarity.unwrap_or_default(), principal);
            return (response, false);
        }
        ticket.cache = "miss";
        (self.alone(ticket, true).await, true)
    }

    /// Asks for the answer to a hit all the same, now and then, where the route wants to know how right it is.
    fn verify(mut self, named: &Named, hit: &Hit, similarity: f32, principal: Option<Arc<Principal>>) {
        let Some((verifier, sample)) = named.sample(&self.shard) else { return };
        let Some(body) = self.payload.bytes().cloned() else { return };
        self.head.headers.extend(self.payload.added.take().into_iter().flat_map(|added| *added));
        let call = Call { head: self.head, operation: self.operation, rest: self.rest, body, principal };
        let check = Check {
            verifier,
            sample,
            similarity,
            form: named.form,
            stream: named.stream,
            served: hit.entry.body.clone(),
            call,
        };
        spawn_local(check.run(self.shard, self.snapshot));
    }

    /// The call by itself.
    async fn alone(self, ticket: Ticket, keeps: bool) -> Response<Relay> {
        let Self { shard, snapshot, head, dialect, operation, rest, payload, wishes, plan } = self;
        let job = Job {
            shard: &shard,
            snapshot: &snapshot,
            head: &head,
            dialect,
            operation,
            rest: &rest,
            payload,
            wishes,
            id: ticket.id,
            keeps,
        };
        Run::new(&job, plan, ticket).answer().await
    }

    /// The call for all who ask for `named` meanwhile.
    pub(super) async fn together(self, named: Named, mut ticket: Ticket) -> Response<Relay> {
        let (shard, snapshot) = (Rc::clone(&self.shard), Arc::clone(&self.snapshot));
        let flights = &shard.shared.cache.flights;
        let boarding =
            if named.may_share() { flights.board(named.key, named.stream) } else { Flights::alone() };
        let rider = match boarding {
            Boarding::First(rider, flight) => {
                launch(self, named, ticket, &flight);
                let head = {
                    let waiting = pin!(head_of(&rider));
                    unless_cut(&shard, waiting).await
                };
                return match head {
                    Ok(Some(head)) => respond(head, rider, None),
                    Ok(None) => respond::plain_error(&GatewayError::new(
                        Kind::Internal,
                        "The call for this answer ended before it began.",
                    )),
                    Err(error) => respond::plain_error(&error),
                };
            }
            Boarding::Joined(rider) => rider,
        };
        let deadline = self.wishes.timeout.map(|limit| ticket.arrived + limit);
        let head = {
            let waiting = pin!(until(deadline, head_of(&rider)));
            unless_cut(&shard, waiting).await
        };
        match head {
            Ok(Some(Some(mut head))) if head.status.is_success() => {
                ticket.cache = "joined";
                ticket.status = head.status.as_u16();
                shard.shared.cache.joined();
                gateway_headers(&mut head.headers, &snapshot, &ticket);
                ticket.capture.answer_begins(&head.headers);
                respond(head, rider, Some(ticket))
            }
            Ok(Some(_)) => {
                drop(rider);
                self.alone(ticket, false).await
            }
            Ok(None) => {
                let error =
                    GatewayError::new(Kind::DeadlineExceeded, "The deadline over all attempts passed.");
                respond::error(&snapshot, &error, ticket)
            }
            Err(error) => respond::error(&snapshot, &error, ticket),
        }
    }
}

async fn head_of(rider: &Rider) -> Option<Head> {
    poll_fn(|cx| rider.poll_head(cx)).await
}

/// None where `deadline` passed.
async fn until<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => timeout_at(deadline.into(), work).await.ok(),
        None => Some(work.await),
    }
}

fn respond(head: Head, rider: Rider, ticket: Option<Ticket>) -> Response<Relay> {
    let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let mut response = Response::new(Relay::riding(rider, ticket, length));
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    response
}

/// Makes the call in a task of its own.
fn launch(owned: Owned, named: Named, ticket: Ticket, flight: &Arc<Flight>) {
    let shard = Rc::clone(&owned.shard);
    let flown = Arc::clone(flight);
    let task = spawn_local(async move {
        let _landing = Landing { shard: Rc::clone(&shard), flight: Arc::clone(&flown), named: &named };
        let (response, is_new) = owned.answer(&named, ticket).await;
        let (head, mut body) = response.into_parts();
        let status = head.status;
        flown.begin(Head { status, headers: head.headers.clone() });
        let end = fly(&mut body, &flown).await;
        let pieces = flown.end(end);
        if let (true, End::Landed, StatusCode::OK, Some(pieces)) = (is_new, end, status, pieces) {
            let body = Bytes::from(pieces.concat());
            let origin = head.extensions.get::<Origin>().map(|origin| &origin.0);
            named.put(&shard, &head.headers, origin, body);
        }
    });
    flight.flown_by(task.abort_handle());
}

/// Carries the answer into the flight, as fast as the fastest rider reads.
async fn fly(body: &mut Relay, flight: &Flight) -> End {
    loop {
        poll_fn(|cx| flight.poll_room(cx)).await;
        match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            None => return End::Landed,
            Some(Err(_)) => return End::Crashed,
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    flight.push(data);
                }
            }
        }
    }
}

/// However the task ends, nobody joins it any more and nobody waits for it.
struct Landing<'a> {
    shard: Rc<Shard>,
    flight: Arc<Flight>,
    named: &'a Named,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.flight.end(End::Grounded);
        self.shard.shared.cache.flights.forget(self.named.key, self.named.stream, &self.flight);
    }
}
