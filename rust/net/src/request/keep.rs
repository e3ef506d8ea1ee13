//! Answers that are kept: whether this request has one, how it is served, and what is put away.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_core::cache::admit::{self, Ask, Wish};
use ferrogate_core::cache::key::{Caller, Form, Key, Rules};
use ferrogate_core::cache::replay;
use ferrogate_core::cache::store::{Entry, Hit, Question, Shape, State};
use ferrogate_core::cache::verify::{Sample, Verifier};
use ferrogate_core::dialects::{Dialect, Operation, openai};
use ferrogate_core::snapshot::{Caching, Choice, Route, Snapshot};
use http::header::{AGE, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use serde::Deserialize;

use super::meant::Meant;
use super::read::Payload;
use super::respond::gateway_headers;
use super::wishes::Wishes;
use crate::observe::{Outcome, Ticket};
use crate::relay::Relay;
use crate::shard::Shard;

/// Under which name an answer is kept, and how.
pub(super) struct Named {
    pub(super) key: Key,
    pub(super) stream: bool,
    coalesce: bool,
    ask: Ask,
    pub(super) form: Form,
    caching: Caching,
    tenant: Box<str>,
    model: Box<str>,
    preview: Box<str>,
    meant: Option<Meant>,
}

/// What a client gets that asks for similar answers where the route says nothing of them: the profile `precise`.
const PRECISE: f32 = 0.80;

/// Whom an answer came from; it travels with the answer's head.
#[derive(Clone)]
pub(super) struct Origin(pub(super) Choice);

/// So much of what was asked is shown to people.
pub(crate) const PREVIEW: usize = 160;

/// Headers of a client that turn on what a provider does not do by itself.
const BESIDE: [&str; 2] = ["openai-beta", "anthropic-beta"];

impl Named {
    /// The name of a request's answer; None where none is kept. Says in the ticket why.
    pub(super) fn of(
        shard: &Shard,
        route: &Route,
        operation: Operation,
        headers: &HeaderMap,
        payload: &Payload,
        wishes: &Wishes,
        ticket: &mut Ticket,
    ) -> Option<Self> {
        // A client may ask for it where the route does not keep answers.
        let asked_for = matches!(wishes.cache, Some(Wish::Exact | Wish::Semantic | Wish::Refresh));
        let caching = route.caching.clone().or_else(|| asked_for.then(Caching::default))?;
        let form = Form::of(Dialect::OpenAi, operation)?;
        ticket.cache = "bypass";
        let threshold =
            caching.semantic.or_else(|| (wishes.cache == Some(Wish::Semantic)).then_some(PRECISE));
        let ask = Ask::of(true, threshold.is_some(), wishes.cache, wishes.cache_control);
        // A pin or other targets answer otherwise than the name alone does.
        let is_plain = wishes.provider.is_none() && wishes.key.is_none() && wishes.fallbacks.is_none();
        if !is_plain || ask == Ask::OFF {
            return None;
        }
        let body = payload.bytes()?;
        let rules = Rules::ignoring(caching.ignore.iter().map(|name| &**name)).unwrap_or_default();
        let tenant = ticket.principal.as_ref().map_or("", |principal| &principal.tenant);
        let said = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let added = payload.added_text();
        let beside = [said(BESIDE[0]), said(BESIDE[1]), &*added];
        // What hooks set beside changes answers too; a request without hooks has the name that it would have had.
        let beside = if added.is_empty() { &beside[..2] } else { &beside[..] };
        let caller = Caller { tenant, form, beside };
        let keyed = shard.keys.borrow_mut().read(body, &caller, &rules).ok()?;
        let text = keyed.text.as_deref().unwrap_or_default();
        let meant = threshold.and_then(|threshold| {
            let question = Question { scope: keyed.scope, text: text.into() };
            Meant::of(shard, route, question, threshold, caching.verifying)
        });
        let named = Self {
            meant,
            key: keyed.key,
            stream: payload.stream,
            coalesce: caching.coalesce,
            ask,
            form,
            tenant: tenant.into(),
            model: (&*ticket.model).into(),
            preview: text.chars().take(PREVIEW).collect::<String>().into(),
            caching,
        };
        ticket.cache = "miss";
        Some(named)
    }

    /// The answer that is there.
    pub(super) fn find(&self, shard: &Shard, ticket: &mut Ticket) -> Option<Hit> {
        if !self.ask.exact {
            return None;
        }
        let most = self.caching.ttl.saturating_add(self.caching.stale);
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX).min(self.ask.max_age);
        let hit = shard.shared.cache.store.get_within(&self.key, now(shard), most)?;
        // Whoever is told to fetch it anew does so; the others have the old one meanwhile.
        if hit.state == (State::Stale { revalidate: true }) {
            return None;
        }
        ticket.cache = "hit-exact";
        Some(hit)
    }

    /// The answer to a question that means the same.
    pub(super) async fn find_meant(
        &self,
        shard: &Rc<Shard>,
        snapshot: &Arc<Snapshot>,
        limit: Option<Duration>,
        ticket: &mut Ticket,
    ) -> Option<Hit> {
        let meant = self.meant.as_ref().filter(|_| self.ask.semantic)?;
        let ttl = u64::try_from(self.caching.ttl.as_millis()).unwrap_or(u64::MAX);
        meant.find(shard, snapshot, ttl.min(self.ask.max_age), limit, ticket).await
    }

    /// Whether a call may be shared: who wants nothing found by meaning, or nothing old, must not ride with one who gets it.
    pub(super) fn may_share(&self) -> bool {
        let takes_all = self.ask.semantic && self.ask.max_age == u64::MAX;
        self.coalesce && (self.meant.is_none() || takes_all)
    }

    /// How a hit of that kind is verified, where it is.
    pub(super) fn sample(&self, shard: &Shard) -> Option<(Arc<Verifier>, Sample)> {
        self.meant.as_ref()?.sample(shard)
    }

    /// A hit as the client wants it; None where it cannot be had in that form.
    pub(super) fn body(&self, hit: &Hit, payload: &Payload) -> Option<Bytes> {
        let entry = &hit.entry;
        match (entry.shape, self.stream) {
            (Shape::Whole, false) | (Shape::Events, true) => Some(entry.body.clone()),
            (Shape::Whole, true) => {
                let usage = payload.bytes().is_some_and(|body| wants_usage(body));
                replay::events(entry.form, &entry.body, usage).map(Into::into)
            }
            (Shape::Events, false) => None,
        }
    }

    /// Puts an answer away, where it may be served to others.
    pub(super) fn put(&self, shard: &Shard, head: &HeaderMap, origin: Option<&Choice>, body: Bytes) {
        if !self.ask.store {
            return;
        }
        let body = if self.stream {
            let Ok(whole) = replay::whole(self.form, &body) else { return };
            whole.into()
        } else {
            body
        };
        let rules = admit::Rules { tool_calls: self.caching.tool_calls };
        let Ok(facts) = admit::judge(self.form, StatusCode::OK.as_u16(), &body, rules) else { return };
        let content_type = match head.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
            Some(content_type) if !self.stream => content_type,
            _ => "application/json",
        };
        let entry = Entry {
            tenant: self.tenant.clone(),
            form: self.form,
            shape: Shape::Whole,
            status: StatusCode::OK.as_u16(),
            content_type: content_type.into(),
            model: origin.map_or("", |origin| &origin.model).into(),
            route: self.model.clone(),
            provider: origin.map_or("", |origin| &origin.provider.name).into(),
            finish: facts.finish,
            usage: openai::Answer::read(&body).ok().and_then(|answer| answer.usage),
            preview: self.preview.clone(),
            question: self.meant.as_ref().map(|meant| meant.question().clone()),
            ttl: u64::try_from(self.caching.ttl.as_millis()).unwrap_or(u64::MAX),
            body,
        };
        let cache = &shard.shared.cache;
        if cache.put(&self.key, entry, now(shard))
            && let Some((meant, semantic)) = self.meant.as_ref().zip(cache.semantic())
        {
            meant.learn(&semantic, self.key);
        }
    }
}

/// Whether the client asked for token counts at the end of its stream.
fn wants_usage(body: &[u8]) -> bool {
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Asked {
        stream_options: Option<Options>,
    }
    #[derive(Deserialize, Default)]
    #[serde(default)]
    struct Options {
        include_usage: bool,
    }
    let asked: Asked = serde_json::from_slice(body).unwrap_or_default();
    asked.stream_options.is_some_and(|options| options.include_usage)
}

fn now(shard: &Shard) -> u64 {
    shard.clock.unix_ms(Instant::now())
}

/// A hit as the client's answer: `body` is the entry's, in the form that was asked for.
pub(super) fn serve(
    hit: &Hit,
    body: &Bytes,
    stream: bool,
    snapshot: &Arc<Snapshot>,
    mut ticket: Ticket,
) -> Response<Relay> {
    let entry = &hit.entry;
    let mut response = Response::new(Relay::whole(body.clone()));
    let headers = response.headers_mut();
    let content_type = if stream { "text/event-stream; charset=utf-8" } else { &entry.content_type };
    let content_type = HeaderValue::from_str(content_type);
    headers.insert(CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/json")));
    headers.insert(AGE, HeaderValue::from(hit.age / 1000));
    ticket.status = StatusCode::OK.as_u16();
    ticket.stream = stream;
    ticket.finish.clone_from(&entry.finish);
    ticket.first_content = Some(Instant::now());
    gateway_headers(headers, snapshot, &ticket);
    ticket.answered(response.headers(), body);
    ticket.finish(Outcome::Ok);
    response
}
