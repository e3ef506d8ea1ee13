//! Answers that are kept: whether this request has one, how it is served, and what is put away.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use ferrogate_core::cache::key::{Form, Key, Rules};
use ferrogate_core::cache::store::{Entry, Hit, Shape, State};
use ferrogate_core::dialects::openai::{Answer, StreamReader};
use ferrogate_core::dialects::{Dialect, Operation, Usage};
use ferrogate_core::snapshot::{Caching, Choice, Route, Snapshot};
use ferrogate_core::sse::Splitter;
use http::header::{AGE, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};

use super::read::Payload;
use super::respond::gateway_headers;
use super::wishes::{CacheWish, Wishes};
use crate::observe::{Outcome, Ticket};
use crate::relay::Relay;
use crate::shard::Shard;

/// Under which name an answer is kept, and how.
pub(super) struct Named {
    pub(super) key: Key,
    pub(super) stream: bool,
    pub(super) coalesce: bool,
    form: Form,
    caching: Caching,
    tenant: Box<str>,
    preview: Box<str>,
}

/// Whom an answer came from; it travels with the answer's head.
#[derive(Clone)]
pub(super) struct Origin(pub(super) Choice);

/// So much of what was asked is shown to people.
const PREVIEW: usize = 160;

impl Named {
    /// The name of a request's answer; None where none is kept. Says in the ticket why.
    pub(super) fn of(
        shard: &Shard,
        route: &Route,
        operation: Operation,
        payload: &Payload,
        wishes: &Wishes,
        ticket: &mut Ticket,
    ) -> Option<Self> {
        let asked_for = matches!(wishes.cache, Some(CacheWish::Exact | CacheWish::Refresh));
        let caching = route.caching.clone().or_else(|| asked_for.then(Caching::default))?;
        let form = Form::of(Dialect::OpenAi, operation)?;
        ticket.cache = "bypass";
        // A pin or other targets answer otherwise than the name alone does.
        let is_plain = wishes.provider.is_none() && wishes.key.is_none() && wishes.fallbacks.is_none();
        if !is_plain || wishes.cache == Some(CacheWish::Off) || wishes.no_store {
            return None;
        }
        let body = payload.bytes()?;
        let rules = Rules::ignoring(caching.ignore.iter().map(|name| &**name)).unwrap_or_default();
        let tenant = ticket.principal.as_ref().map_or("", |principal| &principal.tenant);
        let keyed = shard.keys.borrow_mut().read(body, tenant, form, &rules).ok()?;
        let preview = keyed.text.as_deref().unwrap_or_default();
        let end = preview.char_indices().nth(PREVIEW).map_or(preview.len(), |(at, _)| at);
        let named = Self {
            key: keyed.key,
            stream: payload.stream,
            coalesce: caching.coalesce,
            form,
            tenant: tenant.into(),
            preview: preview[..end].into(),
            caching,
        };
        ticket.cache = "miss";
        Some(named)
    }

    /// The answer that is there, as the client wants it.
    pub(super) fn find(
        &self,
        shard: &Shard,
        wishes: &Wishes,
        ticket: &mut Ticket,
    ) -> Option<Hit> {
        if wishes.cache == Some(CacheWish::Refresh) || wishes.no_cache {
            return None;
        }
        let most = self.caching.ttl.saturating_add(self.caching.stale);
        let most = wishes.max_age.map_or(most, |age| age.min(most));
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        let hit = shard.shared.cache.store.get_within(&self.key, now(shard), most)?;
        let fits = matches!(
            (hit.entry.shape, self.stream),
            (Shape::Whole, false) | (Shape::Events, true)
        );
        // Whoever is told to fetch it anew does so; the others have the old one meanwhile.
        if !fits || hit.state == (State::Stale { revalidate: true }) {
            return None;
        }
        ticket.cache = "hit-exact";
        Some(hit)
    }

    /// Puts an answer away, where it may be served to others.
    pub(super) fn put(&self, shard: &Shard, head: &HeaderMap, origin: Option<&Choice>, body: Bytes) {
        let Some(said) = Said::read(&body, self.stream) else { return };
        if !said.may_be_kept(self.form, self.caching.tool_calls) {
            return;
        }
        let content_type = head.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let entry = Entry {
            tenant: self.tenant.clone(),
            form: self.form,
            shape: if self.stream { Shape::Events } else { Shape::Whole },
            body,
            status: StatusCode::OK.as_u16(),
            content_type: content_type.into(),
            model: origin.map_or("", |origin| &origin.model).into(),
            provider: origin.map_or("", |origin| &origin.provider.name).into(),
            finish: said.finish,
            usage: said.usage,
            preview: self.preview.clone(),
            ttl: u64::try_from(self.caching.ttl.as_millis()).unwrap_or(u64::MAX),
        };
        shard.shared.cache.store.put(&self.key, entry, now(shard));
    }
}

/// What an answer says of itself.
struct Said {
    finish: Option<Box<str>>,
    usage: Option<Usage>,
}

impl Said {
    fn read(body: &Bytes, stream: bool) -> Option<Self> {
        if !stream {
            let answer = Answer::read(body).ok()?;
            return Some(Self { finish: answer.finish, usage: answer.usage });
        }
        let (mut splitter, mut reader) = (Splitter::default(), StreamReader::default());
        splitter.push(body.clone(), |event| _ = reader.found(event), drop);
        reader.is_complete().then(|| Self { finish: reader.finish.take(), usage: reader.usage })
    }

    /// Truncated and filtered answers are not, and those that call tools where it was said.
    fn may_be_kept(&self, form: Form, tool_calls: bool) -> bool {
        match (form, self.finish.as_deref()) {
            (Form::Embeddings | Form::Moderations, _) => true,
            (_, Some("stop" | "completed" | "end_turn" | "stop_sequence")) => true,
            (_, Some("tool_calls" | "function_call" | "tool_use")) => tool_calls,
            _ => false,
        }
    }
}

fn now(shard: &Shard) -> u64 {
    shard.clock.unix_ms(Instant::now())
}

/// A hit as the client's answer.
pub(super) fn serve(hit: &Hit, snapshot: &Arc<Snapshot>, mut ticket: Ticket) -> Response<Relay> {
    let entry = &hit.entry;
    let mut response = Response::new(Relay::whole(entry.body.clone()));
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_str(&entry.content_type);
    headers.insert(CONTENT_TYPE, content_type.unwrap_or(HeaderValue::from_static("application/json")));
    headers.insert(AGE, HeaderValue::from(hit.age / 1000));
    ticket.status = StatusCode::OK.as_u16();
    ticket.stream = entry.shape == Shape::Events;
    ticket.finish = entry.finish.clone();
    ticket.first_content = Some(Instant::now());
    gateway_headers(headers, snapshot, &ticket);
    ticket.answered(response.headers(), &entry.body);
    ticket.finish(Outcome::Ok);
    response
}
