//! Errors in Anthropic's shape, and what its error types mean for a retry.
//! <https://platform.claude.com/docs/en/api/errors>

use std::borrow::Cow;

use serde::Deserialize;

use crate::error::{GatewayError, Kind, Source};
use crate::json::escape_into;

/// The `type` of an error object for an error of the gateway.
pub fn error_type(kind: Kind) -> &'static str {
    match (kind.source(), kind.status()) {
        (Source::Client, 401) => "authentication_error",
        (Source::Client, 403) => "permission_error",
        (Source::Client, 404) => "not_found_error",
        (Source::Client, 413) => "request_too_large",
        (Source::Client, _) => "invalid_request_error",
        (_, 503) => "overloaded_error",
        (_, 504) => "timeout_error",
        _ => "api_error",
    }
}

/// The body of an error answer: `{"type": "error", "error": {type, message, details}}`.
pub fn error_body(error: &GatewayError) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + error.message.len());
    out.extend_from_slice(b"{\"type\":\"error\",\"error\":{\"type\":\"");
    out.extend_from_slice(error_type(error.kind).as_bytes());
    out.extend_from_slice(b"\",\"message\":");
    escape_into(&mut out, &error.message);
    out.extend_from_slice(b",\"details\":{\"error_code\":\"");
    out.extend_from_slice(error.kind.id().as_bytes());
    out.extend_from_slice(b"\"}}}");
    out
}

/// The event that follows a stream which broke.
pub fn error_event(error: &GatewayError) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    out.extend_from_slice(b"event: error\ndata: ");
    out.extend_from_slice(&error_body(error));
    out.extend_from_slice(b"\n\n");
    out
}

/// Whose fault an error is, and so what may be tried next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// The request: it would fail anywhere, and says nothing about the lane.
    Client,
    /// The key: out until somebody changes it; another key may do.
    Key,
    /// The lane, for now: another may do, and this one later.
    Lane,
}

/// Whose fault an error of this `type` is. Unknown types are taken for the lane's, as unknown 5xx are.
pub fn blame(kind: &str) -> Blame {
    match kind {
        "invalid_request_error" | "not_found_error" | "request_too_large" | "conflict_error" => Blame::Client,
        "authentication_error" | "permission_error" | "billing_error" => Blame::Key,
        _ => Blame::Lane,
    }
}

/// The status that goes with a `type`, for an error that comes inside a stream of status 200.
pub fn status_of(kind: &str) -> u16 {
    match kind {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "conflict_error" => 409,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    }
}

/// An error as the provider worded it.
#[derive(Debug, PartialEq, Eq)]
pub struct ProviderError<'a> {
    /// `overloaded_error`, `rate_limit_error`, ...
    pub kind: Cow<'a, str>,
    /// For people; it may change.
    pub message: Cow<'a, str>,
    /// The narrower reason, where it is told.
    pub code: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    error: Object<'a>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    message: Cow<'a, str>,
    #[serde(borrow, default)]
    details: Option<Details<'a>>,
}

#[derive(Deserialize)]
struct Details<'a> {
    #[serde(borrow, default)]
    error_code: Option<Cow<'a, str>>,
}

impl<'a> ProviderError<'a> {
    /// Reads an error body, or the data of an error event; None for another shape.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let wire: Wire<'_> = serde_json::from_slice(body).ok()?;
        let code = wire.error.details.and_then(|details| details.error_code);
        Some(Self { kind: wire.error.kind, message: wire.error.message, code })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_errors_are_in_the_shape_that_is_read() {
        let error = GatewayError::new(Kind::UpstreamTimeout, "say \"again\"");
        let body = error_body(&error);
        let read = ProviderError::read(&body).unwrap();
        assert_eq!((read.kind.as_ref(), read.message.as_ref()), ("timeout_error", "say \"again\""));
        assert_eq!(read.code.as_deref(), Some("upstream_timeout"));
        assert!(error_event(&error).starts_with(b"event: error\ndata: {\"type\":\"error\""));
    }

    #[test]
    fn a_provider_error_says_what_may_be_tried_next() {
        let body = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;
        let read = ProviderError::read(body).unwrap();
        assert_eq!((blame(&read.kind), status_of(&read.kind), read.code), (Blame::Lane, 529, None));
        assert_eq!(blame("rate_limit_error"), Blame::Lane);
        assert_eq!(blame("authentication_error"), Blame::Key);
        assert_eq!(blame("invalid_request_error"), Blame::Client);
        assert_eq!(ProviderError::read(b"<html>"), None);
        assert_eq!(ProviderError::read(br#"{"error":"no"}"#), None);
    }

    #[test]
    fn every_kind_has_a_type_that_its_status_allows() {
        for kind in Kind::ALL {
            let class = |status: u16| status / 100;
            assert_eq!(class(status_of(error_type(*kind))), class(kind.status()), "{kind}");
        }
    }
}
