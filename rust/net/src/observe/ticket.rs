//! One request's story, from its arrival to its record. Whoever holds the ticket may drop it at any time: a request
//! that nobody finished was cancelled by its client.

use std::ops::{Deref, DerefMut};
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_core::Kind;
use ferrogate_core::balance::Class;
use ferrogate_core::dialects::{Operation, Usage};
use ferrogate_core::snapshot::{Choice, Principal};

use super::attempt::attempts_json;
use super::{Attempt, Capture, Parking, Tally, request_id};
use crate::journal::RecordRef;
use crate::shard::Shard;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As it should.
    Ok,
    /// The client was told of an error before anything else.
    Error,
    /// The client saw the answer break off.
    Cut,
    /// The client left.
    Cancelled,
}

impl Outcome {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Cut => "cut",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What is known so far. It goes from hand to hand, so it is held by pointer.
pub(crate) struct Ticket(Box<Story>);

/// One request's facts.
pub(crate) struct Story {
    shard: Rc<Shard>,
    pub(crate) id: [u8; 26],
    pub(crate) arrived: Instant,
    started_ms: u64,
    pub(crate) door: &'static str,
    pub(crate) principal: Option<Arc<Principal>>,
    pub(crate) operation: Operation,
    pub(crate) path: Box<str>,
    pub(crate) model: Arc<str>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) status: u16,
    pub(crate) error: Option<Kind>,
    pub(crate) stream: bool,
    /// What the cache did.
    pub(crate) cache: &'static str,
    /// How near the nearest question was that has an answer, and the rule that forbade to serve it.
    pub(crate) similarity: Option<f32>,
    pub(crate) veto: Option<&'static str>,
    pub(crate) usage: Option<Usage>,
    pub(crate) finish: Option<Box<str>>,
    pub(crate) first_content: Option<Instant>,
    /// When the request that is being answered was sent, and when its headers were here.
    pub(crate) sent: Option<Instant>,
    pub(crate) headers: Option<Instant>,
    /// Time in earlier attempts and between them, so that overhead is the gateway's own.
    pub(crate) waited: Duration,
    pub(crate) queued: Duration,
    /// The event loop that it came from.
    pub(crate) home: Option<RawFd>,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) client_request_id: Option<Box<str>>,
    pub(crate) tags: Option<Box<str>>,
    pub(crate) capture: Capture,
    /// What hooks did, and where the record waits for those of the answer.
    pub(crate) hooks: Option<Rc<Tally>>,
    pub(crate) parking: Option<Rc<Parking>>,
    outcome: Option<Outcome>,
}

impl Ticket {
    pub(crate) fn new(shard: &Rc<Shard>, door: &'static str, arrived: Instant, operation: Operation) -> Self {
        shard.shared.in_flight.add();
        let started_ms = shard.clock.unix_ms(arrived);
        Self(Box::new(Story {
            id: request_id(started_ms, (shard.random(), shard.random())),
            shard: Rc::clone(shard),
            arrived,
            started_ms,
            door,
            principal: None,
            operation,
            path: Box::default(),
            model: Arc::default(),
            attempts: Vec::new(),
            status: Kind::ClientClosed.status(),
            error: None,
            stream: false,
            cache: "off",
            similarity: None,
            veto: None,
            usage: None,
            finish: None,
            first_content: None,
            sent: None,
            headers: None,
            waited: Duration::ZERO,
            queued: Duration::ZERO,
            home: None,
            request_bytes: 0,
            response_bytes: 0,
            client_request_id: None,
            tags: None,
            capture: Capture::default(),
            hooks: None,
            parking: None,
            outcome: None,
        }))
    }

    /// Whether the drain's time for running requests is over.
    pub(crate) fn must_end(&self) -> bool {
        self.shard.shared.cutting.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Says how it ended; the record is written when the ticket is dropped, which is then, or once hooks have seen the
    /// answer.
    pub(crate) fn finish(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        if let Some(parking) = self.parking.clone() {
            drop(parking.take(self));
        }
    }
}

impl Ticket {
    /// The client left, whatever had been said of the answer.
    pub(crate) fn abandon(mut self) {
        self.outcome = None;
    }
}

impl Deref for Ticket {
    type Target = Story;

    fn deref(&self) -> &Story {
        &self.0
    }
}

impl DerefMut for Ticket {
    fn deref_mut(&mut self) -> &mut Story {
        &mut self.0
    }
}

impl Story {
    /// From here on up to `limit` bytes of each body are kept.
    pub(crate) fn keep_bodies(&mut self, limit: usize) {
        let share = if limit > 0 { self.shard.recorder.share() } else { None };
        self.capture.begin(limit, share);
    }

    /// The whole answer goes to the client.
    pub(crate) fn answered(&mut self, headers: &http::HeaderMap, body: &bytes::Bytes) {
        self.response_bytes = body.len() as u64;
        self.capture.answer(headers, body);
    }

    /// More of the answer goes to the client.
    pub(crate) fn answered_more(&mut self, bytes: &[u8]) {
        if self.parking.as_ref().is_some_and(|parking| parking.is_open()) {
            // What comes of them behind the hooks is what the client gets.
            return;
        }
        self.response_bytes += bytes.len() as u64;
        self.capture.chunk(bytes);
    }

    /// The answer failed on its way, and with it the attempt that had brought it.
    pub(crate) fn fail(&mut self, kind: Kind, class: Class) {
        self.error = Some(kind);
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.fail(kind, class);
        }
    }

    /// Another attempt begins at `now`: what went before was waiting.
    pub(crate) fn goes_on(&mut self, now: Instant) {
        self.headers = None;
        if let Some(sent) = self.sent.take() {
            self.waited += now.saturating_duration_since(sent);
        }
    }

    /// Counts a failed attempt.
    pub(crate) fn attempt_failed(&self, provider: &str, kind: Kind) {
        self.shard.shared.metrics.attempt_failed(provider, kind);
    }

    /// The gateway's own share of the time until `now`.
    pub(crate) fn overhead(&self, now: Instant) -> Duration {
        let running = self.attempts.last().filter(|attempt| attempt.duration.is_none());
        let sent = self.sent.or(running.map(|attempt| attempt.begun));
        let current =
            sent.map_or(Duration::ZERO, |sent| self.headers.unwrap_or(now).saturating_duration_since(sent));
        now.saturating_duration_since(self.arrived).saturating_sub(self.waited).saturating_sub(current)
    }

    /// What hooks let through of a stream.
    fn pour(&mut self, parking: &Parking) {
        let (kept, passed) = parking.poured();
        if passed > 0 {
            self.response_bytes = passed;
            self.capture.chunk(&kept);
        }
    }

    fn settle(&mut self) {
        let now = Instant::now();
        let overhead = self.overhead(self.headers.unwrap_or(now));
        let mut outcome = self.outcome.unwrap_or(Outcome::Cancelled);
        if let Some(parking) = self.parking.take() {
            self.pour(&parking);
            if let Some(kind) = parking.failure() {
                self.error = Some(kind);
                outcome = Outcome::Cut;
            }
        }
        if outcome == Outcome::Cancelled {
            self.error = Some(Kind::ClientClosed);
            for running in self.attempts.iter_mut().filter(|attempt| attempt.duration.is_none()) {
                running.end(0, self.error, None);
            }
        }
        let since = |end: Instant| micros(end.saturating_duration_since(self.arrived));
        let last = self.attempts.last().map(|attempt| &attempt.choice);
        let key = last.map(Choice::key);
        let provider = last.map(|last| &last.provider);
        let attempts_json = attempts_json(&self.attempts);
        let upstream =
            self.sent.zip(self.headers).map(|(sent, headers)| headers.saturating_duration_since(sent));
        let duration = now.saturating_duration_since(self.arrived);
        self.shard.shared.metrics.request(
            provider.map(|provider| &*provider.name),
            self,
            outcome,
            duration,
            overhead,
        );
        let (place, payload) = self.capture.finish(self.id);
        let hooks = self.hooks.as_ref().and_then(|tally| tally.json());
        let record = RecordRef {
            request_id: std::str::from_utf8(&self.id).unwrap_or_default(),
            started_ms: self.started_ms,
            door: self.door,
            tenant: self.principal.as_ref().map_or("", |principal| &principal.tenant),
            gateway_key: self.principal.as_ref().map_or("", |principal| &principal.key_id),
            operation: self.operation.name(),
            path: &self.path,
            model: &self.model,
            provider: provider.map_or("", |provider| &provider.name),
            upstream_model: last.map_or("", |last| &last.model),
            key_id: key.map_or("", |key| &key.id),
            key_name: key.map_or("", |key| &key.name),
            status: self.status,
            outcome: outcome.name(),
            error: self.error.map(Kind::id),
            stream: self.stream,
            cache: self.cache,
            attempts: u32::try_from(self.attempts.len()).unwrap_or(u32::MAX),
            attempts_json: attempts_json.as_deref(),
            input_tokens: self.usage.map(|usage| usage.input),
            output_tokens: self.usage.map(|usage| usage.output),
            cached_tokens: self.usage.map(|usage| usage.cached),
            finish_reason: self.finish.as_deref(),
            duration_us: micros(duration),
            ttft_us: self.first_content.map(since),
            overhead_us: micros(overhead),
            queue_us: micros(self.queued),
            upstream_us: upstream.map(micros),
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            client_request_id: self.client_request_id.as_deref(),
            tags: self.tags.as_deref(),
            similarity: self.similarity,
            veto: self.veto,
            hooks: hooks.as_deref(),
            payload: place,
        };
        self.shard.recorder.record(&record, payload);
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        self.settle();
        self.shard.shared.in_flight.sub();
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
