//! Error bodies.

use super::super::Fault;
use super::super::wire::{self, utf8};
use super::super::write::Object;
use crate::conversation::Text;

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

/// Reads one; None where it is of another shape.
pub(in super::super) fn read(body: &[u8]) -> Option<Fault> {
    let mut error = utf8(body).and_then(wire::Object::read)?.object("error")?;
    let mut plain = |name| error.text(name).and_then(Text::into_plain).map(Box::from);
    let message = plain("message")?;
    let code = plain("code");
    Some(Fault { kind: plain("type").unwrap_or_else(|| "server_error".into()), message, code })
}
