//! Reading a body as far as its operation needs.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use ferrogate_core::dialects::{Body as Needs, Operation, openai};
use ferrogate_core::json::{self, Span};
use ferrogate_core::snapshot::{Limits, Snapshot};
use ferrogate_core::{GatewayError, Kind};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use http::request::Parts;
use http_body::Body;
use tokio::time::timeout;

use super::body::{BodyFault, InboundBody};
use super::pace::Pace;
use crate::shard::Shard;
use crate::shared::Reserved;
use crate::upstream::{Outbound, OutboundState};

/// A client's body, ready to be sent once or more.
pub(super) struct Payload {
    content: Content,
    /// The model as the client asked for it.
    pub(super) model: Option<Arc<str>>,
    /// Whether a stream was asked for.
    pub(super) stream: bool,
    /// Where the prompt and its cache key stand.
    prompt: Option<Span>,
    cache_key: Option<Span>,
    /// Headers that hooks set beside the client's.
    pub(super) added: Option<Box<HeaderMap>>,
}

enum Content {
    /// In memory: it may be sent again.
    Read { bytes: Bytes, span: Option<Span>, reserved: Reserved },
    /// Passed through: it may be sent once. The state holds it until it is sent, and again where nothing of it left.
    Through { state: Rc<OutboundState>, limit: u64 },
}

impl Payload {
    /// A body of the gateway's own.
    pub(super) fn own(shard: &Shard, bytes: Bytes) -> Result<Self, GatewayError> {
        Self::of(bytes, Reserved::none(&shard.shared))
    }

    fn of(bytes: Bytes, reserved: Reserved) -> Result<Self, GatewayError> {
        let request = openai::read(&bytes)?;
        Ok(Self {
            model: request.model_name(&bytes).map(Into::into),
            stream: request.stream,
            prompt: request.prompt,
            cache_key: request.cache_key,
            content: Content::Read { bytes, span: request.model, reserved },
            added: None,
        })
    }

    /// What is wrong with `body` in the place of this one, which a hook made; a static sentence, for the log.
    pub(super) fn check(&self, body: &Bytes, limits: &Limits) -> Result<(), &'static str> {
        if body.len() > limits.json_body_bytes {
            return Err("it made a body that is over the limit of bodies");
        }
        let Ok(request) = openai::read(body) else { return Err("it made a body that is no valid request") };
        if request.stream != self.stream {
            return Err("it changed `stream`, which is the client's to say");
        }
        if self.model.is_some() && request.model_name(body).is_none() {
            return Err("it took `model` away");
        }
        Ok(())
    }

    /// The same request with another body, which has been checked.
    pub(super) fn with_body(self, bytes: Bytes, limits: &Limits) -> Result<Self, GatewayError> {
        let Content::Read { mut reserved, .. } = self.content else { return Ok(self) };
        if !reserved.grow_to(bytes.len(), limits.buffered_bytes) {
            return Err(overloaded());
        }
        Self::of(bytes, reserved)
    }

    /// The headers that hooks set, as one text; empty where there are none.
    pub(super) fn added_text(&self) -> String {
        let lines = self.added.iter().flat_map(|added| added.iter());
        let lines =
            lines.map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        let mut lines: Vec<_> = lines.collect();
        lines.sort_unstable();
        lines.concat()
    }

    fn names_no_model(&self) -> bool {
        matches!(self.content, Content::Read { span: None, .. })
    }

    /// Bytes, as far as they are known.
    pub(super) fn len(&self) -> u64 {
        match &self.content {
            Content::Read { bytes, .. } => bytes.len() as u64,
            Content::Through { state, .. } => state.size_hint().exact().unwrap_or_default(),
        }
    }

    /// The body, where it was read whole.
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        match &self.content {
            Content::Read { bytes, .. } => Some(bytes),
            Content::Through { .. } => None,
        }
    }

    /// What tells this conversation from others where requests of one should stay together: the cache key that the client
    /// gave, or the start of a prompt that is long enough for providers to cache.
    pub(super) fn thread(&self) -> Option<&[u8]> {
        let bytes = self.bytes()?;
        let given = self.cache_key.map(|span| span.of(bytes)).filter(|value| value.len() > 2);
        given.or_else(|| self.prompt.and_then(|span| span.of(bytes).get(..CACHED_FROM)))
    }

    /// Whether it can be sent (again).
    pub(super) fn is_here(&self) -> bool {
        match &self.content {
            Content::Read { .. } => true,
            Content::Through { state, .. } => state.is_here(),
        }
    }

    /// Whether the client's part of it broke off, and what to say.
    pub(super) fn fault(&self) -> Option<GatewayError> {
        match &self.content {
            Content::Through { state, limit, .. } => state.fault.get().map(|fault| fault.error(*limit)),
            Content::Read { .. } => None,
        }
    }

    /// The body for a lane whose provider has quirks; None where it has nothing to change beside the model.
    pub(super) fn fit(&self, quirks: &openai::Quirks, model: &str) -> Option<openai::Fitted> {
        let Content::Read { bytes, span, .. } = &self.content else { return None };
        quirks.fit(bytes, span.filter(|_| self.model.as_deref() != Some(model)).map(|span| (span, model)))
    }

    /// What is sent to a lane that calls the model `model`: the client's own bytes but for that one value.
    pub(super) fn outbound(&self, model: &str) -> Outbound {
        match &self.content {
            Content::Read { bytes, span, .. } => match span {
                Some(span) if self.model.as_deref() != Some(model) => splice(bytes, *span, model),
                _ => Outbound::whole(bytes.clone()),
            },
            Content::Through { state, .. } => Outbound::through(state),
        }
    }
}

/// Providers cache prompts from some thousand tokens on: so many bytes of text, and what differs behind them is another
/// turn of the same conversation.
const CACHED_FROM: usize = 4096;

/// Below this a copy is cheaper than three pieces.
const COPY_BELOW: usize = 4096;

fn splice(bytes: &Bytes, span: Span, model: &str) -> Outbound {
    if bytes.len() < COPY_BELOW {
        let (before, after) = (&bytes[..span.start], &bytes[span.end..]);
        // Its exact length, where nothing in the name has to be escaped.
        let mut whole = Vec::with_capacity(before.len() + model.len() + 2 + after.len());
        whole.extend_from_slice(before);
        json::escape_into(&mut whole, model);
        whole.extend_from_slice(after);
        return Outbound::whole(whole.into());
    }
    let mut value = Vec::with_capacity(model.len() + 2);
    json::escape_into(&mut value, model);
    Outbound::Pieces(Box::new([bytes.slice(..span.start), value.into(), bytes.slice(span.end..)]))
}

/// Reads what `operation` needs.
pub(super) async fn read(
    shard: &Rc<Shard>,
    snapshot: &Snapshot,
    head: &Parts,
    operation: Operation,
    body: InboundBody,
) -> Result<Payload, GatewayError> {
    let limits = &snapshot.limits;
    let is_json =
        head.headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let is_encoded = head.headers.get_all(CONTENT_ENCODING).iter().any(|value| value != "identity");
    let collects = match operation.body() {
        // It would have to be unpacked to be read, and how large it then is nobody knows before.
        Needs::Model if is_encoded => return Err(encoded()),
        Needs::Model => true,
        Needs::MaybeModel => is_json && !is_encoded,
        Needs::Opaque => false,
    };
    if !collects {
        return through(shard, limits, body);
    }
    let (bytes, reserved) = collect(shard, limits, body).await?;
    let payload = Payload::of(bytes, reserved)?;
    if payload.names_no_model() && operation.body() == Needs::Model && operation != Operation::Moderations {
        let message = "`model` is missing: name one, for example \"gpt-4o-mini\" or \"openai/gpt-4o-mini\".";
        return Err(GatewayError::new(Kind::ModelMissing, message).with_param("model"));
    }
    Ok(payload)
}

fn through(shard: &Rc<Shard>, limits: &Limits, body: InboundBody) -> Result<Payload, GatewayError> {
    let limit = limits.stream_body_bytes;
    if body.size_hint().lower() > limit {
        return Err(BodyFault::TooLarge.error(limit));
    }
    let content = if body.is_end_stream() {
        Content::Read { bytes: Bytes::new(), span: None, reserved: Reserved::none(&shard.shared) }
    } else {
        let state = OutboundState::holding(body.bounded(limit, limits.client_body_idle));
        Content::Through { state: Rc::new(state), limit }
    };
    Ok(Payload { content, model: None, stream: false, prompt: None, cache_key: None, added: None })
}

/// What is set aside for an announced body before its bytes are here.
const AHEAD: usize = 2 << 20;

/// Collects a body under its own bound and under the bound of all bodies together. What was only announced takes no
/// room: a client that promises much and sends nothing would shut the others out.
async fn collect(
    shard: &Rc<Shard>,
    limits: &Limits,
    mut body: InboundBody,
) -> Result<(Bytes, Reserved), GatewayError> {
    let limit = limits.json_body_bytes;
    let refuse = |fault: BodyFault| fault.error(limit as u64);
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(refuse(BodyFault::TooLarge));
    }
    let mut reserved = Reserved::none(&shard.shared);
    let mut reserve = |bytes: usize| {
        if reserved.grow_to(bytes, limits.buffered_bytes) { Ok(()) } else { Err(overloaded()) }
    };
    let mut pace = Pace::new(limits.client_body_idle);
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while !body.is_end_stream() {
        // Most bodies are here with their head, and what is here needs no clock.
        let here = poll_fn(|cx| Poll::Ready(Pin::new(&mut body).poll_frame(cx))).await;
        let waits = here.is_pending();
        let next = match here {
            Poll::Ready(next) => next,
            Poll::Pending => {
                pace.wait(Instant::now());
                let next = timeout(limits.client_body_idle, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)));
                next.await.map_err(|_| refuse(BodyFault::Slow))?
            }
        };
        let frame = match next {
            Some(frame) => frame.map_err(refuse)?,
            None => break,
        };
        let Ok(data) = frame.into_data() else { continue };
        let length = rest.as_ref().map_or(first.len(), BytesMut::len) + data.len();
        if length > limit {
            return Err(refuse(BodyFault::TooLarge));
        }
        if !waits {
            pace.found(data.len());
        } else if !pace.came(Instant::now(), data.len()) {
            return Err(refuse(BodyFault::Slow));
        }
        reserve(length)?;
        match &mut rest {
            Some(rest) => rest.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut joined = BytesMut::with_capacity(announced.min(AHEAD).max(length));
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&data);
                rest = Some(joined);
            }
        }
    }
    Ok((rest.map_or(first, BytesMut::freeze), reserved))
}

fn encoded() -> GatewayError {
    GatewayError::new(
        Kind::EncodingNotSupported,
        "The body is compressed (Content-Encoding), and the gateway reads it: send it as it is.",
    )
}

fn overloaded() -> GatewayError {
    GatewayError::new(
        Kind::Overloaded,
        "The gateway holds as many request bodies as it may; try again in a moment.",
    )
}
