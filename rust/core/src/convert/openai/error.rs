//! Writes an error body.

use super::super::Fault;
use super::super::write::Object;

/// The `type` of an error in OpenAI's words.
fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        300..=499 => "invalid_request_error",
        _ => "server_error",
    }
}

/// Appends `{"error": {message, type, code, param}}`. The provider's own word for it is kept as the code, so that
/// nothing that it said is lost.
pub(in super::super) fn write(fault: &Fault, status: u16, out: &mut Vec<u8>) {
    let mut body = Object::begin(out);
    let mut error = body.object("error");
    error.string("message", &fault.message).string("type", kind(status));
    error.string("code", fault.code.as_deref().unwrap_or(&fault.kind)).raw("param", "null");
    error.end();
    body.end();
}
