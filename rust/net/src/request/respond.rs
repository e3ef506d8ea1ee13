//! Errors and gateway headers: the one file that turns what happened into an HTTP response.

use std::fmt::{self, Write};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use ferrogate_core::dialects::openai;
use ferrogate_core::snapshot::Snapshot;
use ferrogate_core::{GatewayError, Kind};
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{Response, StatusCode};

use crate::observe::{Outcome, Ticket};
use crate::relay::Relay;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-gateway-request-id");
const PROVIDER: HeaderName = HeaderName::from_static("x-gateway-provider");
const MODEL: HeaderName = HeaderName::from_static("x-gateway-model");
const KEY: HeaderName = HeaderName::from_static("x-gateway-key");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-gateway-attempts");
const SIMILARITY: HeaderName = HeaderName::from_static("x-gateway-similarity");
const VETO: HeaderName = HeaderName::from_static("x-gateway-veto");
const CACHE: HeaderName = HeaderName::from_static("x-gateway-cache");
const OVERHEAD: HeaderName = HeaderName::from_static("x-gateway-overhead-us");
/// SDKs retry by themselves unless told not to.
pub(super) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The response to a request that failed in the gateway, and its record.
pub(super) fn error(snapshot: &Snapshot, error: &GatewayError, mut ticket: Ticket) -> Response<Relay> {
    let mut response = plain_error(error);
    if ticket.attempts.len() > 1 {
        response.headers_mut().insert(SHOULD_RETRY, HeaderValue::from_static("false"));
    }
    gateway_headers(response.headers_mut(), snapshot, &ticket);
    if let Some(body) = response.body().as_whole() {
        ticket.answered(response.headers(), body);
    }
    ticket.status = error.kind.status();
    ticket.error = Some(error.kind);
    ticket.finish(if error.kind == Kind::ClientClosed { Outcome::Cancelled } else { Outcome::Error });
    response
}

/// All lanes were told to wait, the first of them for `wait`.
pub(super) fn not_ready(snapshot: &Snapshot, wait: Duration, ticket: Ticket) -> Response<Relay> {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let message = format!(
        "Every key that may serve this was told by its provider to wait; the first one is back in {seconds} s. Add keys \
         or targets, or ask again then."
    );
    let mut response = error(snapshot, &GatewayError::new(Kind::NoLaneReady, message), ticket);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// An error in OpenAI's shape, for a request that has no ticket.
pub(crate) fn plain_error(error: &GatewayError) -> Response<Relay> {
    let mut response = Response::new(Relay::whole(Bytes::from(openai::error_body(error))));
    *response.status_mut() =
        StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match error.kind {
        Kind::Overloaded | Kind::Draining | Kind::ControlPlaneDown => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Kind::GatewayKeyInvalid => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

/// An error for a connection whose client never got as far as a request: the whole answer, as it goes out.
pub(crate) fn last_words(error: &GatewayError) -> Bytes {
    let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let body = openai::error_body(error);
    let mut out = BytesMut::with_capacity(body.len() + 160);
    let head = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
         content-length: {}\r\n\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or_default(),
        body.len()
    );
    out.put_slice(head.as_bytes());
    out.put_slice(body.as_ref());
    out.freeze()
}

/// What the gateway knows goes into headers and never into the body.
pub(super) fn gateway_headers(headers: &mut HeaderMap, snapshot: &Snapshot, ticket: &Ticket) {
    let last = ticket.attempts.last().map(|attempt| &attempt.choice);
    let mut values = Values::with_room(ticket.id.len() + last.map_or(0, |last| last.model.len()) + 40);
    headers.insert(REQUEST_ID, values.text(&ticket.id));
    headers.insert(CACHE, HeaderValue::from_static(ticket.cache));
    if let Some(similarity) = ticket.similarity {
        headers.insert(SIMILARITY, values.number(format_args!("{similarity:.3}")));
    }
    if let Some(veto) = ticket.veto {
        headers.insert(VETO, HeaderValue::from_static(veto));
    }
    if !snapshot.expose_headers {
        return;
    }
    if let Some(last) = last {
        headers.insert(PROVIDER, last.provider.name_header.clone());
        if !last.model.is_empty() {
            headers.insert(MODEL, values.text(last.model.as_bytes()));
        }
        headers.insert(KEY, last.key().name_header.clone());
    }
    headers.insert(ATTEMPTS, values.number(ticket.attempts.len()));
    headers.insert(OVERHEAD, values.number(ticket.overhead(Instant::now()).as_micros()));
}

/// Makes header values, all of one answer in one piece of memory.
struct Values(BytesMut);

impl Values {
    fn with_room(bytes: usize) -> Self {
        Self(BytesMut::with_capacity(bytes))
    }

    /// A text; what no header can hold becomes a question mark.
    fn text(&mut self, text: &[u8]) -> HeaderValue {
        self.0.extend_from_slice(text);
        self.value().unwrap_or_else(|| {
            self.0.extend(text.iter().map(|&byte| if (0x20..0x7f).contains(&byte) { byte } else { b'?' }));
            self.value().unwrap_or(HeaderValue::from_static("?"))
        })
    }

    fn number(&mut self, number: impl fmt::Display) -> HeaderValue {
        let written = write!(self.0, "{number}").is_ok();
        self.value().filter(|_| written).unwrap_or(HeaderValue::from_static("?"))
    }

    fn value(&mut self) -> Option<HeaderValue> {
        HeaderValue::from_maybe_shared(self.0.split().freeze()).ok()
    }
}
