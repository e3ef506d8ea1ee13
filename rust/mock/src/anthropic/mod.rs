//! Anthropic's dialect: `POST /v1/messages` and `/v1/messages/count_tokens`, and the same below `/anthropic/`, where
//! the models are too. <https://platform.claude.com/docs/en/api/messages>
//!
//! As the API does, it asks for `anthropic-version` and `max_tokens`, and takes no text without a visible character.

mod events;
mod messages;
mod request;

use bytes::BytesMut;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use crate::openai::Call;
use crate::openai::models::MISSING;
use crate::reply::{Answer, JSON};
use crate::text::Json;

/// What stops a request before an answer is made.
type Refused<T> = Result<T, Answer>;

/// What a path of this dialect names; None where the path is another dialect's.
pub(crate) fn resource(path: &str) -> Option<&str> {
    let below = path.strip_prefix("/anthropic/").map(|rest| rest.strip_prefix("v1/").unwrap_or(rest));
    let plain =
        || path.strip_prefix("/v1/").filter(|rest| *rest == "messages" || rest.starts_with("messages/"));
    below.or_else(plain)
}

/// Answers a request.
pub(crate) fn answer(call: &Call<'_>) -> Answer {
    let answered = match (resource(call.full_path), call.method) {
        (Some("messages"), &Method::POST) => messages::answer(call),
        (Some("messages/count_tokens"), &Method::POST) => messages::count(call),
        (Some("models"), &Method::GET) => Ok(models()),
        (Some("messages" | "messages/count_tokens" | "models"), _) => {
            Err(failure(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
        }
        _ => Err(failure(StatusCode::NOT_FOUND, "Not Found")),
    };
    answered.unwrap_or_else(|refusal| refusal)
}

fn models() -> Answer {
    Answer::json(concat!(
        r#"{"data":[{"type":"model","id":"echo","display_name":"Echo","created_at":"2025-01-01T00:00:00Z"}],"#,
        r#""has_more":false,"first_id":"echo","last_id":"echo"}"#
    ))
}

/// An error as Anthropic words it.
pub(crate) fn failure(status: StatusCode, message: &str) -> Answer {
    let mut out = BytesMut::with_capacity(128 + message.len());
    out.raw(r#"{"type":"error","error":{"type":"#).string(kind(status)).raw(r#","message":"#).string(message);
    out.raw(r#"},"request_id":"req_mock"}"#);
    Answer::Whole { status, content_type: JSON, body: out.freeze(), tokens: 0 }
}

/// The answer to a scripted status, in Anthropic's words.
pub(crate) fn scripted(status: StatusCode) -> Answer {
    let message = match status.as_u16() {
        401 => "invalid x-api-key",
        403 => "Your API key does not have permission to use the specified resource.",
        404 => "Not Found",
        429 => "This request would exceed your organization's rate limit. Please try again later.",
        529 => "Overloaded",
        500..=599 => "Internal server error",
        _ => "The request ended as scripted.",
    };
    failure(status, message)
}

const fn kind(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}

/// The model; the one called `missing-model` does not exist.
fn known_model(model: &str) -> Refused<()> {
    if model == MISSING {
        return Err(failure(StatusCode::NOT_FOUND, &format!("model: {model}")));
    }
    Ok(())
}

/// Gives the headers that every answer carries the names that they have at Anthropic.
pub(crate) fn rename_headers(headers: &mut HeaderMap) {
    for (ours, theirs) in [
        ("x-request-id", Some("request-id")),
        ("openai-organization", Some("anthropic-organization-id")),
        ("openai-version", None),
        ("openai-processing-ms", None),
        ("x-ratelimit-limit-requests", Some("anthropic-ratelimit-requests-limit")),
        ("x-ratelimit-remaining-requests", Some("anthropic-ratelimit-requests-remaining")),
        ("x-ratelimit-limit-tokens", Some("anthropic-ratelimit-tokens-limit")),
        ("x-ratelimit-remaining-tokens", Some("anthropic-ratelimit-tokens-remaining")),
        ("x-ratelimit-reset-requests", None),
        ("x-ratelimit-reset-tokens", None),
    ] {
        if let (Some(value), Some(name)) = (headers.remove(ours), theirs) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    // The end of the current minute as the API tells it: a time, not a span.
    for name in ["anthropic-ratelimit-requests-reset", "anthropic-ratelimit-tokens-reset"] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static("2030-01-01T00:00:00Z"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_paths_are_told_from_openais() {
        for (path, expected) in [
            ("/v1/messages", Some("messages")),
            ("/v1/messages/count_tokens", Some("messages/count_tokens")),
            ("/anthropic/v1/messages", Some("messages")),
            ("/anthropic/v1/models", Some("models")),
            ("/v1/models", None),
            ("/v1/chat/completions", None),
            ("/v1/messages2", None),
            ("/", None),
        ] {
            assert_eq!(resource(path), expected, "{path}");
        }
    }
}
