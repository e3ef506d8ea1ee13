//! Error bodies.

use super::super::Fault;
use super::super::write::Object;
use crate::dialects::anthropic::ProviderError;

/// Reads one; None where it is of another shape.
pub(in super::super) fn read(body: &[u8]) -> Option<Fault> {
    let error = ProviderError::read(crate::sse::without_mark(body))?;
    Some(Fault { kind: error.kind.into(), message: error.message.into(), code: error.code.map(Into::into) })
}

const fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        300..=499 => "invalid_request_error",
        503 | 529 => "overloaded_error",
        504 => "timeout_error",
        _ => "api_error",
    }
}

/// Appends `{"type": "error", "error": {type, message, details}}`, the provider's own word as the error code.
pub(in super::super) fn write(fault: &Fault, status: u16, out: &mut Vec<u8>) {
    let mut body = Object::begin(out);
    body.string("type", "error");
    let mut error = body.object("error");
    error.string("type", kind(status)).string("message", &fault.message);
    let mut details = error.object("details");
    details.string("error_code", fault.code.as_deref().unwrap_or(&fault.kind));
    details.end();
    error.end();
    body.end();
}
