//! One request's story, from its arrival to its record. Whoever holds the ticket may drop it at any time: a request
//! that nobody finished was cancelled by its client.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrogate_core::dialects::{Operation, Usage};
use ferrogate_core::snapshot::{Principal, Provider};
use ferrogate_core::{Kind, json};

use super::{Capture, request_id};
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

/// One try on one lane.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) provider: Arc<Provider>,
    pub(crate) key: usize,
    pub(crate) model: Arc<str>,
    begun: Instant,
    /// None while it runs.
    duration: Option<Duration>,
    status: u16,
    error: Option<Kind>,
}

impl Attempt {
    pub(crate) fn new(provider: Arc<Provider>, key: usize, model: Arc<str>, begun: Instant) -> Self {
        Self { provider, key, model, begun, duration: None, status: 0, error: None }
    }

    fn end(&mut self, status: u16, error: Option<Kind>) {
        (self.status, self.error, self.duration) = (status, error, Some(self.begun.elapsed()));
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
    pub(crate) usage: Option<Usage>,
    pub(crate) finish: Option<Box<str>>,
    pub(crate) first_content: Option<Instant>,
    /// When the request that is being answered was sent, and when its headers were here.
    pub(crate) sent: Option<Instant>,
    pub(crate) headers: Option<Instant>,
    /// Time in earlier attempts, so that overhead is the gateway's own.
    pub(crate) waited: Duration,
    pub(crate) queued: Duration,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) client_request_id: Option<Box<str>>,
    pub(crate) tags: Option<Box<str>>,
    pub(crate) capture: Capture,
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
            usage: None,
            finish: None,
            first_content: None,
            sent: None,
            headers: None,
            waited: Duration::ZERO,
            queued: Duration::ZERO,
            request_bytes: 0,
            response_bytes: 0,
            client_request_id: None,
            tags: None,
            capture: Capture::default(),
            outcome: None,
        }))
    }

    /// Whether the drain's time for running requests is over.
    pub(crate) fn must_end(&self) -> bool {
        self.shard.shared.cutting.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Says how it ended; the record is written when the ticket is dropped, which is then.
    pub(crate) fn finish(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
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
        self.response_bytes += bytes.len() as u64;
        self.capture.chunk(bytes);
    }

    /// The answer failed on its way, and with it the attempt that had brought it.
    pub(crate) fn fail(&mut self, kind: Kind) {
        self.error = Some(kind);
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.error = Some(kind);
        }
    }

    /// How the last attempt went, up to its commit.
    pub(crate) fn tried(&mut self, status: u16, error: Option<Kind>) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.end(status, error);
        }
    }

    /// Counts a failed attempt.
    pub(crate) fn attempt_failed(&self, provider: &str, kind: Kind) {
        self.shard.shared.metrics.attempt_failed(provider, kind);
    }

    /// The gateway's own share of the time until `now`.
    pub(crate) fn overhead(&self, now: Instant) -> Duration {
        let current = self
            .sent
            .map_or(Duration::ZERO, |sent| self.headers.unwrap_or(now).saturating_duration_since(sent));
        now.saturating_duration_since(self.arrived).saturating_sub(self.waited).saturating_sub(current)
    }

    fn attempts_json(&self) -> Option<String> {
        if self.attempts.len() < 2 && self.attempts.iter().all(|attempt| attempt.error.is_none()) {
            return None;
        }
        let mut out = Vec::with_capacity(self.attempts.len() * 128);
        for attempt in &self.attempts {
            let start: &[u8] = if out.is_empty() { b"[{\"provider\":" } else { b",{\"provider\":" };
            out.extend_from_slice(start);
            json::escape_into(&mut out, &attempt.provider.name);
            out.extend_from_slice(b",\"key\":");
            json::escape_into(&mut out, attempt.provider.keys.get(attempt.key).map_or("", |key| &key.name));
            out.extend_from_slice(b",\"model\":");
            json::escape_into(&mut out, &attempt.model);
            let error = attempt.error.map_or("null".to_owned(), |kind| format!("\"{}\"", kind.id()));
            let rest = format!(
                ",\"status\":{},\"error\":{error},\"duration_us\":{}}}",
                attempt.status,
                attempt.duration.unwrap_or_default().as_micros()
            );
            out.extend_from_slice(rest.as_bytes());
        }
        out.push(b']');
        String::from_utf8(out).ok()
    }

    fn settle(&mut self) {
        let now = Instant::now();
        let outcome = self.outcome.unwrap_or(Outcome::Cancelled);
        if outcome == Outcome::Cancelled {
            self.error = Some(Kind::ClientClosed);
            if let Some(running) = self.attempts.last_mut().filter(|attempt| attempt.duration.is_none()) {
                running.end(0, self.error);
            }
        }
        let since = |end: Instant| micros(end.saturating_duration_since(self.arrived));
        let last = self.attempts.last();
        let key = last.and_then(|attempt| attempt.provider.keys.get(attempt.key));
        let provider = last.map(|attempt| &attempt.provider);
        let attempts_json = self.attempts_json();
        let upstream =
            self.sent.zip(self.headers).map(|(sent, headers)| headers.saturating_duration_since(sent));
        let duration = now.saturating_duration_since(self.arrived);
        let overhead = self.overhead(self.headers.unwrap_or(now));
        self.shard.shared.metrics.request(
            provider.map(|provider| &*provider.name),
            self,
            outcome,
            duration,
            overhead,
        );
        let (place, payload) = self.capture.finish(self.id);
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
            upstream_model: last.map_or("", |attempt| &attempt.model),
            key_id: key.map_or("", |key| &key.id),
            key_name: key.map_or("", |key| &key.name),
            status: self.status,
            outcome: outcome.name(),
            error: self.error.map(Kind::id),
            stream: self.stream,
            cache: "off",
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
