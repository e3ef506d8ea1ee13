//! One attempt: send to one lane, and wait for what may be committed.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ferrogate_core::balance::Hints;
use ferrogate_core::dialects::{Dialect, Operation};
use ferrogate_core::snapshot::{Choice, Snapshot};
use ferrogate_core::{GatewayError, Kind};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Version};

use super::carry::Carried;
use super::fault;
use super::headers;
use super::kept::{Kept, mask_headers, masked};
use super::opening::{self, Opening};
use super::query;
use super::read::Payload;
use super::trial::{Body, Committed, Failure, Trial};
use super::verdict::{Verdict, judge};
use super::wishes::Wishes;
use crate::observe::Outcome;
use crate::relay::{Events, Running};
use crate::shard::Shard;
use crate::upstream::{Answer, Outbound, send};

/// A request that is ready to be sent.
pub(super) struct Job<'a> {
    pub(super) shard: &'a Rc<Shard>,
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) head: &'a Parts,
    pub(super) dialect: Dialect,
    pub(super) operation: Operation,
    pub(super) rest: &'a str,
    pub(super) payload: Payload,
    pub(super) wishes: Wishes,
    /// The gateway's id of the request.
    pub(super) id: [u8; 26],
    /// Whether its answer may be kept, so that whom it came from must be known.
    pub(super) keeps: bool,
}

impl Job<'_> {
    /// Sends to one lane and waits for what may be committed.
    pub(super) async fn attempt(&self, trial: &mut Trial) -> Result<Committed, Failure> {
        if !self.payload.stream {
            trial.guard.in_one_piece();
        }
        let carried = match trial.pair {
            Some(pair) => Some(self.carry(pair, trial)?),
            None => None,
        };
        let fitted = if carried.is_none() { self.fit(trial)? } else { None };
        let answer = self.exchange(trial, carried.as_ref(), fitted.as_ref()).await?;
        trial.headers = Some(Instant::now());
        let Answer { mut head, body } = answer;
        trial.hints = fault::hints(&head.headers, self.shard);
        let nothing = HeaderMap::new();
        let client = if carried.is_some() { &nothing } else { &self.head.headers };
        let verdict = judge(&head, self.operation, client)?;
        let secret = trial.choice.key().secret.clone();
        // HTTP/1.0 has no chunks, and without them the client could not tell a cut from an end.
        head.version = Version::HTTP_11;
        headers::down(&mut head.headers, &trial.choice.provider.target);
        mask_headers(&mut head.headers, secret.as_ref());
        if verdict == Verdict::Refused {
            let reads = self.operation.is_inference();
            let kept = Kept::read(head, body, &trial.choice, trial.until, reads).await;
            return Err(self.refused(kept, trial));
        }
        if trial.hints != Hints::default() {
            trial.guard.lane().hear(crate::clock::now(), &trial.hints);
        }
        let until = self.stream_deadline(trial.until);
        let running = match verdict {
            Verdict::Unread | Verdict::Refused => Running::opaque(body, &trial.choice, until),
            Verdict::Events => {
                trial.stream = true;
                // A cut may add an event.
                head.headers.remove(CONTENT_LENGTH);
                let events = match &carried {
                    Some(carried) => Events::converted(carried.stream(&trial.choice), secret.as_ref()),
                    None => Events::new(self.operation == Operation::Responses, secret.as_ref()),
                };
                Opening::new(events, trial).run(body, until, trial).await?
            }
            Verdict::Json => {
                let patience = trial.until.min(trial.begun + trial.choice.provider.timeouts.json);
                if let Some(carried) = &carried {
                    return self.carry_back(carried, head, body, patience, trial).await;
                }
                let cap = self.snapshot.limits.answer_bytes;
                match opening::whole_json(body, cap, patience).await? {
                    opening::Json::Whole(bytes, answer) => {
                        (trial.usage, trial.finish) = (answer.usage, answer.finish);
                        let body = Body::Whole(masked(bytes, secret.as_ref()), Outcome::Ok);
                        return Ok(Committed { head, body });
                    }
                    opening::Json::Large(start, body) => Running::large(start, body, &trial.choice, until),
                }
            }
        };
        Ok(Committed { head, body: Body::Running(Box::new(running)) })
    }

    /// The provider said no: whose failure that is.
    fn refused(&self, kept: Kept, trial: &mut Trial) -> Failure {
        let reads = self.operation.is_inference();
        let class = fault::class(kept.status, kept.text(), reads, &mut trial.hints);
        let message = format!("The provider answered {}.", kept.head.status);
        let kept = match trial.pair {
            Some(pair) => kept.converted(pair),
            None => kept,
        };
        let error = GatewayError::new(class.kind(), message);
        Failure { class, answer: Some(Box::new(kept)), ..Failure::of(error) }
    }

    /// Sends the request; a reused connection that had closed is replaced once.
    async fn exchange(
        &self,
        trial: &mut Trial,
        carried: Option<&Carried>,
        fitted: Option<&Bytes>,
    ) -> Result<Answer, Failure> {
        let provider = Arc::clone(&trial.choice.provider);
        let mut fresh = false;
        loop {
            let request = self.request(&trial.choice, carried, fitted)?;
            trial.sent = Some(Instant::now());
            let sending = send(
                &self.shard.connector,
                &self.shard.pool,
                &provider.target,
                request,
                &provider.timeouts,
                fresh,
                Some(trial.until),
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
                return Err(Failure { unsent: fault.unsent, ..Failure::of(fault.error) });
            }
            fresh = true;
        }
    }

    /// Whether sending it twice does nothing twice.
    pub(super) fn is_repeatable(&self) -> bool {
        self.operation.is_inference() || self.head.method.is_safe()
    }

    fn request(
        &self,
        choice: &Choice,
        carried: Option<&Carried>,
        fitted: Option<&Bytes>,
    ) -> Result<Request<Outbound>, Failure> {
        let provider = &choice.provider;
        let own = self.models_path(choice);
        let rest = match carried {
            Some(carried) => carried.pair.path(),
            None => own.as_deref().unwrap_or(self.rest),
        };
        let query = query::up(self.head.uri.query());
        let uri = provider.uri(self.operation, rest, query.as_deref(), &choice.model);
        let uri = uri.ok_or_else(|| {
            Failure::unasked(GatewayError::new(Kind::InvalidRequest, "The path is not valid."), false)
        })?;
        let body = match carried.map(|carried| &carried.body).or(fitted) {
            Some(body) => Outbound::whole(Bytes::clone(body)),
            None => self.payload.outbound(&choice.model),
        };
        let mut request = Request::new(body);
        *request.method_mut() = self.head.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = headers::up(
            &self.head.headers,
            self.payload.added.as_deref(),
            provider,
            choice.key(),
            self.operation.is_inference(),
        );
        if carried.is_some()
            || (self.head.method == Method::POST && !request.headers().contains_key(CONTENT_TYPE))
        {
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
}
