//! Errors in OpenAI's shape.

use crate::error::{GatewayError, Kind, Source};
use crate::json::escape_into;

/// The `type` of an error object.
pub fn error_type(kind: Kind) -> &'static str {
    match (kind.source(), kind.status()) {
        (Source::Client, 401) => "authentication_error",
        (Source::Client, 403) => "permission_error",
        (Source::Client, _) => "invalid_request_error",
        _ => "gateway_error",
    }
}

/// The body of an error answer: `{"error": {message, type, code, param}}`.
pub fn error_body(error: &GatewayError) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + error.message.len());
    out.extend_from_slice(b"{\"error\":{\"message\":");
    escape_into(&mut out, &error.message);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(error_type(error.kind).as_bytes());
    out.extend_from_slice(b"\",\"code\":\"");
    out.extend_from_slice(error.kind.id().as_bytes());
    out.extend_from_slice(b"\",\"param\":");
    match error.param {
        Some(param) => escape_into(&mut out, param),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b"}}");
    out
}

/// The event that follows a stream which broke. `named` streams (responses) say `event: error`.
pub fn error_event(error: &GatewayError, named: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    if named {
        out.extend_from_slice(b"event: error\ndata: {\"type\":\"error\",\"code\":\"");
        out.extend_from_slice(error.kind.id().as_bytes());
        out.extend_from_slice(b"\",\"message\":");
        escape_into(&mut out, &error.message);
        out.extend_from_slice(b",\"param\":null}");
    } else {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&error_body(error));
    }
    out.extend_from_slice(b"\n\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json_with_the_stable_code() {
        let error = GatewayError::new(Kind::ModelMissing, "say \"model\"").with_param("model");
        let body: serde_json::Value = serde_json::from_slice(&error_body(&error)).unwrap();
        assert_eq!(body["error"]["code"], "model_missing");
        assert_eq!(body["error"]["message"], "say \"model\"");
        assert_eq!(body["error"]["param"], "model");
        assert_eq!(body["error"]["type"], "invalid_request_error");
        assert!(error_event(&error, false).starts_with(b"data: {\"error\":"));
        assert!(error_event(&error, true).starts_with(b"event: error\ndata: {\"type\":\"error\""));
    }
}
