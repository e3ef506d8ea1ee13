//! What an answer looks like before it is put on the wire, OpenAI's error shape, and the headers that OpenAI sends.

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use crate::body::Events;
use crate::text::{self, Json};

pub(crate) const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream; charset=utf-8";

pub(crate) const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const PROCESSING_MS: HeaderName = HeaderName::from_static("openai-processing-ms");
const LIMIT_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const REMAINING_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const RESET_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");

/// An answer of the dialect.
pub(crate) enum Answer {
    Whole {
        status: StatusCode,
        content_type: &'static str,
        body: Bytes,
        /// Tokens that a model would have had to generate first.
        tokens: u64,
    },
    Stream(Box<dyn Events>),
}

impl Answer {
    pub(crate) fn json(body: impl Into<Bytes>) -> Self {
        Self::generated(body, 0)
    }

    /// JSON that a model wrote `tokens` tokens of.
    pub(crate) fn generated(body: impl Into<Bytes>, tokens: u64) -> Self {
        Self::Whole { status: StatusCode::OK, content_type: JSON, body: body.into(), tokens }
    }

    pub(crate) fn binary(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::Whole { status: StatusCode::OK, content_type, body: body.into(), tokens: 0 }
    }
}

/// An error as OpenAI words it.
pub(crate) struct Failure<'a> {
    pub(crate) status: StatusCode,
    pub(crate) message: &'a str,
    pub(crate) param: Option<&'a str>,
    pub(crate) code: Option<&'a str>,
}

impl<'a> Failure<'a> {
    pub(crate) fn new(status: StatusCode, message: &'a str) -> Self {
        Self { status, message, param: None, code: None }
    }

    /// A 400 about one parameter.
    pub(crate) fn invalid(message: &'a str, param: &'a str, code: &'a str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message, param: Some(param), code: Some(code) }
    }

    pub(crate) fn body(&self) -> Bytes {
        let kind = match self.status.as_u16() {
            429 => "requests",
            300..=499 => "invalid_request_error",
            _ => "server_error",
        };
        let mut out = BytesMut::with_capacity(128 + self.message.len());
        out.raw("{\n  \"error\": {\n    \"message\": ").string(self.message);
        out.raw(",\n    \"type\": ").string(kind);
        for (name, value) in [("param", self.param), ("code", self.code)] {
            out.raw(",\n    ").string(name).raw(": ");
            match value {
                Some(value) => out.string(value),
                None => out.raw("null"),
            };
        }
        out.raw("\n  }\n}\n");
        out.freeze()
    }
}

impl From<Failure<'_>> for Answer {
    fn from(failure: Failure<'_>) -> Self {
        Self::Whole { status: failure.status, content_type: JSON, body: failure.body(), tokens: 0 }
    }
}

/// The answer to a scripted status, in OpenAI's words.
pub(crate) fn scripted(status: StatusCode) -> Answer {
    let (message, code) = match status.as_u16() {
        400 => ("The request was refused as scripted.", None),
        401 => ("Incorrect API key provided.", Some("invalid_api_key")),
        403 => ("You are not allowed to use this.", Some("unsupported_country_region_territory")),
        404 => ("The requested resource was not found.", None),
        429 => ("Rate limit reached for requests. Please try again later.", Some("rate_limit_exceeded")),
        503 => ("The engine is currently overloaded, please try again later.", Some("overloaded")),
        500..=599 => ("The server had an error while processing your request. Sorry about that!", None),
        _ => ("The request ended as scripted.", None),
    };
    Failure { status, message, param: None, code }.into()
}

/// The headers that every answer carries, built once and copied.
#[derive(Debug)]
pub(crate) struct HeaderTemplate {
    json: HeaderMap,
    events: HeaderMap,
}

impl HeaderTemplate {
    pub(crate) fn new() -> Self {
        let mut json = HeaderMap::with_capacity(16);
        json.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        for (name, value) in [
            (REQUEST_ID, ""),
            (PROCESSING_MS, "0"),
            (HeaderName::from_static("openai-organization"), "mock-org"),
            (HeaderName::from_static("openai-version"), "2020-10-01"),
            (LIMIT_REQUESTS, "10000"),
            (HeaderName::from_static("x-ratelimit-limit-tokens"), "2000000"),
            (REMAINING_REQUESTS, "9999"),
            (HeaderName::from_static("x-ratelimit-remaining-tokens"), "1999968"),
            (RESET_REQUESTS, "6ms"),
            (HeaderName::from_static("x-ratelimit-reset-tokens"), "0s"),
        ] {
            json.insert(name, HeaderValue::from_static(value));
        }
        let mut events = json.clone();
        events.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
        events.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Self { json, events }
    }

    /// Headers of one answer.
    pub(crate) fn headers(
        &self,
        content_type: Option<&'static str>,
        id: u64,
        processing_ms: u64,
    ) -> HeaderMap {
        let mut headers = if content_type.is_some() { self.json.clone() } else { self.events.clone() };
        if let Some(other) = content_type.filter(|kind| *kind != JSON) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(other));
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text::request_id(id))) {
            headers.insert(REQUEST_ID, value);
        }
        if processing_ms > 0 {
            headers.insert(PROCESSING_MS, HeaderValue::from(processing_ms));
        }
        headers
    }
}

/// Replaces the standing rate-limit headers by those of a key with a limit of its own.
pub(crate) fn rate_limit_headers(headers: &mut HeaderMap, per_second: f64, remaining: f64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both lie between 0 and 1e9")]
    let (limit, left) = (per_second.max(1.0) as u64, remaining.max(0.0) as u64);
    headers.insert(LIMIT_REQUESTS, HeaderValue::from(limit));
    headers.insert(REMAINING_REQUESTS, HeaderValue::from(left));
    headers.insert(RESET_REQUESTS, HeaderValue::from_static("1s"));
}

/// What a provider sends that says nothing of its limits.
pub(crate) fn hide_rate_limit(headers: &mut HeaderMap) {
    for name in [LIMIT_REQUESTS, REMAINING_REQUESTS, RESET_REQUESTS] {
        headers.remove(name);
    }
}
