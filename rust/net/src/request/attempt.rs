//! One lane after the other, until one answers.
//!
//! Nothing reaches the client before the commit, so until then any lane may fail and the next one is tried, inside one
//! deadline.

use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ferrogate_core::balance::{Dice, Hints, LaneFailure, LaneGuard};
use ferrogate_core::dialects::Operation;
use ferrogate_core::snapshot::{Choice, Snapshot};
use ferrogate_core::{GatewayError, Kind};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, Version, response};

use super::cut::unless_cut;
use super::headers;
use super::kept::{Kept, KeptBody, mask_headers, masked};
use super::opening::{self, Opening};
use super::plan::{Picked, Plan};
use super::query;
use super::read::Payload;
use super::respond::{self, SHOULD_RETRY, gateway_headers};
use super::verdict::{Verdict, judge};
use super::wishes::Wishes;
use crate::clock::{self, moment};
use crate::observe::{Attempt, Outcome, Ticket};
use crate::relay::{Events, Relay, Running};
use crate::shard::Shard;
use crate::upstream::{Answer, Outbound, send};

/// A request that is ready to be sent.
pub(super) struct Job<'a> {
    pub(super) shard: &'a Rc<Shard>,
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) head: &'a Parts,
    pub(super) operation: Operation,
    pub(super) rest: &'a str,
    pub(super) payload: Payload,
    pub(super) wishes: Wishes,
}

/// Why a lane did not answer.
struct Failure {
    error: GatewayError,
    /// What the provider said, to be relayed where nobody says better.
    answer: Option<Box<Kept>>,
    /// Nothing of the request had left.
    unsent: bool,
}

impl From<GatewayError> for Failure {
    fn from(error: GatewayError) -> Self {
        Self { error, answer: None, unsent: false }
    }
}

/// An answer that is good to be committed, and how its record goes on.
type Committed = (response::Parts, Body);

enum Body {
    /// Whole and checked.
    Whole(Bytes, Outcome),
    /// To be relayed.
    Running(Box<Running>),
}

impl Job<'_> {
    /// Runs the request to its commit.
    pub(super) async fn run(mut self, mut plan: Plan, mut ticket: Ticket) -> Response<Relay> {
        let mut begun = Instant::now();
        let start = begun;
        let shard = self.shard;
        let mut kept: Option<Box<Kept>> = None;
        let mut deadline: Option<Instant> = self.wishes.timeout.map(|limit| ticket.arrived + limit);
        let error = loop {
            let mut dice = Dice::new(self.shard.random());
            let Some(Picked { choice, guard, .. }) = plan.next(moment(begun), &mut dice) else {
                break GatewayError::new(Kind::Internal, "No lane was left to try.");
            };
            let until = *deadline.get_or_insert(start + choice.provider.timeouts.deadline);
            let is_last = plan.remaining() == 0;
            ticket.attempts.push(Attempt::new(
                Arc::clone(&choice.provider),
                choice.key,
                Arc::clone(&choice.model),
                begun,
            ));
            let tried = {
                let attempt = pin!(self.attempt(&choice, begun, until, is_last, &mut ticket));
                unless_cut(shard, attempt).await.unwrap_or_else(|error| Err(error.into()))
            };
            match tried {
                Ok((head, body)) => {
                    let error = ticket.error;
                    ticket.tried(head.status.as_u16(), error);
                    return self.commit(head, body, ticket, guard);
                }
                Err(failure) => {
                    let status = failure.answer.as_ref().map_or(0, |answer| answer.head.status.as_u16());
                    if failure.error.kind.retry() {
                        let told = LaneFailure { kind: failure.error.kind, status };
                        guard.failure(clock::now(), told, told.class(), &Hints::default());
                    }
                    self.shard.shared.metrics.attempt_failed(&choice.provider.name, failure.error.kind);
                    ticket.tried(status, Some(failure.error.kind));
                    let waited = ticket.sent.take().unwrap_or(begun).elapsed();
                    ticket.waited += waited;
                    ticket.headers = None;
                    let again = failure.error.kind.retry() && (failure.unsent || self.is_repeatable());
                    kept = failure.answer.or(kept);
                    if !(again && self.payload.is_here() && plan.remaining() > 0) {
                        break failure.error;
                    }
                    begun = Instant::now();
                    if begun >= until {
                        break GatewayError::new(
                            Kind::DeadlineExceeded,
                            "The deadline over all attempts passed.",
                        );
                    }
                }
            }
        };
        match kept {
            Some(answer) if error.kind.retry() => self.relay_kept(*answer, &error, ticket),
            _ => respond::error(self.snapshot, &error, ticket),
        }
    }

    /// Sends to one lane and waits for what may be committed.
    async fn attempt(
        &mut self,
        choice: &Choice,
        begun: Instant,
        deadline: Instant,
        is_last: bool,
        ticket: &mut Ticket,
    ) -> Result<Committed, Failure> {
        let timeouts = choice.provider.timeouts;
        let answer = self.exchange(choice, deadline, ticket).await?;
        ticket.headers = Some(Instant::now());
        let Answer { mut head, body } = answer;
        let verdict = judge(&head, self.operation, &self.head.headers)?;
        let secret = choice.key().secret.as_ref();
        // HTTP/1.0 has no chunks, and without them the client could not tell a cut from an end.
        head.version = Version::HTTP_11;
        headers::down(&mut head.headers, &choice.provider.target);
        mask_headers(&mut head.headers, secret);
        let until = self.stream_deadline(deadline);
        let reads = self.operation.is_inference();
        let running = match verdict {
            Verdict::Failed => {
                let message = format!("The provider answered {}.", head.status);
                let kind = Kind::UpstreamStatus;
                let answer = Kept::read(head, body, choice, deadline, reads, kind).await;
                let error = GatewayError::new(kind, message);
                return Err(Failure { error, answer: Some(Box::new(answer)), unsent: false });
            }
            Verdict::Rejected => {
                ticket.error = Some(Kind::UpstreamRejected);
                let kind = Kind::UpstreamRejected;
                let Kept { head, body } = Kept::read(head, body, choice, deadline, reads, kind).await;
                return Ok(match body {
                    KeptBody::Whole(bytes) => (head, Body::Whole(bytes, Outcome::Error)),
                    KeptBody::Longer(running) => (head, Body::Running(running)),
                });
            }
            Verdict::Unread => Running::opaque(body, choice, until),
            Verdict::Events => {
                ticket.stream = true;
                // A cut may add an event.
                head.headers.remove(CONTENT_LENGTH);
                let events = Events::new(self.operation == Operation::Responses, secret);
                let opening = Opening::new(events, is_last, timeouts.idle, deadline);
                opening.run(body, choice, until, ticket).await?
            }
            Verdict::Json => {
                let cap = self.snapshot.limits.answer_bytes;
                match opening::whole_json(body, cap, deadline.min(begun + timeouts.json)).await? {
                    opening::Json::Whole(bytes, answer) => {
                        ticket.usage = answer.usage;
                        ticket.finish = answer.finish;
                        return Ok((head, Body::Whole(masked(bytes, secret), Outcome::Ok)));
                    }
                    opening::Json::Large(start, body) => Running::large(start, body, choice, until),
                }
            }
        };
        Ok((head, Body::Running(Box::new(running))))
    }

    /// Sends the request; a reused connection that had closed is replaced once.
    async fn exchange(
        &mut self,
        choice: &Choice,
        deadline: Instant,
        ticket: &mut Ticket,
    ) -> Result<Answer, Failure> {
        let provider = &choice.provider;
        let mut fresh = false;
        loop {
            let request = self.request(choice)?;
            ticket.sent = Some(Instant::now());
            let sending = send(
                &self.shard.connector,
                &self.shard.pool,
                &provider.target,
                request,
                &provider.timeouts,
                fresh,
                Some(deadline),
            );
            let fault = match sending.await {
                Ok(answer) => return Ok(answer),
                Err(fault) if fault.error.kind == Kind::DeadlineExceeded => return Err(fault.error.into()),
                Err(fault) => fault,
            };
            if let Some(error) = self.payload.fault() {
                return Err(error.into());
            }
            let resend = fault.unsent || self.is_repeatable();
            if fresh || !(fault.stale && resend && self.payload.is_here()) {
                return Err(Failure { error: fault.error, answer: None, unsent: fault.unsent });
            }
            fresh = true;
        }
    }

    /// Whether sending it twice does nothing twice.
    fn is_repeatable(&self) -> bool {
        self.operation.is_inference() || self.head.method.is_safe()
    }

    fn request(&mut self, choice: &Choice) -> Result<Request<Outbound>, Failure> {
        let provider = &choice.provider;
        let rest = self.models_path(choice);
        let uri = provider.uri(
            self.operation,
            rest.as_deref().unwrap_or(self.rest),
            query::up(self.head.uri.query()).as_deref(),
            &choice.model,
        );
        let uri = uri.ok_or_else(|| GatewayError::new(Kind::InvalidRequest, "The path is not valid."))?;
        let mut request = Request::new(self.payload.outbound(&choice.model));
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() =
            headers::up(&self.head.headers, provider, choice.key(), self.operation.is_inference());
        if self.head.method == Method::POST && !request.headers().contains_key(CONTENT_TYPE) {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Ok(request)
    }

    /// `models/{provider}/{name}` at the gateway is `models/{name}` at the provider.
    fn models_path(&self, choice: &Choice) -> Option<String> {
        let name =
            self.rest.strip_prefix("models/")?.strip_prefix(&*choice.provider.name)?.strip_prefix('/')?;
        Some(format!("models/{name}"))
    }

    /// `x-gateway-timeout-ms` covers a stream to its end; the deadline over all attempts ends with the commit.
    fn stream_deadline(&self, deadline: Instant) -> Option<Instant> {
        self.wishes.timeout.map(|_| deadline)
    }

    fn commit(
        &self,
        mut head: response::Parts,
        body: Body,
        mut ticket: Ticket,
        guard: LaneGuard,
    ) -> Response<Relay> {
        gateway_headers(&mut head.headers, self.snapshot, &ticket);
        ticket.status = head.status.as_u16();
        let relay = match body {
            Body::Whole(bytes, outcome) => {
                guard.success(clock::now(), None);
                ticket.first_content = Some(Instant::now());
                ticket.answered(&head.headers, &bytes);
                ticket.finish(outcome);
                Relay::whole(bytes)
            }
            Body::Running(running) => {
                ticket.capture.answer_begins(&head.headers);
                running.start(ticket, Some(guard))
            }
        };
        Response::from_parts(head, relay)
    }

    /// No lane is left: the client gets the last provider's answer as it came.
    fn relay_kept(&self, answer: Kept, error: &GatewayError, mut ticket: Ticket) -> Response<Relay> {
        let Kept { mut head, body } = answer;
        if ticket.attempts.len() > 1 {
            head.headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        gateway_headers(&mut head.headers, self.snapshot, &ticket);
        ticket.status = head.status.as_u16();
        ticket.error = Some(error.kind);
        let relay = match body {
            KeptBody::Whole(bytes) => {
                ticket.answered(&head.headers, &bytes);
                ticket.finish(Outcome::Error);
                Relay::whole(bytes)
            }
            KeptBody::Longer(running) => {
                ticket.capture.answer_begins(&head.headers);
                running.start(ticket, None)
            }
        };
        Response::from_parts(head, relay)
    }
}

impl From<opening::Refused> for Failure {
    fn from(refused: opening::Refused) -> Self {
        refused.0.into()
    }
}
