//! The members of a request body that the gateway reads.

use std::borrow::Cow;

use crate::error::{GatewayError, Kind};
use crate::json::{self, Span};

/// What one pass over a body found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The value of `model` with its quotes.
    pub model: Option<Span>,
    /// Whether `stream` is true.
    pub stream: bool,
    /// What is asked: the value of `messages`, `input` or `prompt`.
    pub prompt: Option<Span>,
    /// The value of `prompt_cache_key` with its quotes.
    pub cache_key: Option<Span>,
}

impl Request {
    /// The model's name, unescaped; None where there is none.
    pub fn model_name<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        let span = self.model?;
        json::unescape(&body[span.start + 1..span.end - 1])
    }
}

/// Bytes of a model's name. It goes into a header, the log and the lanes; the longest that a provider has (an ARN) is
/// as long.
const MODEL_LIMIT: usize = 2048;

/// Checks a body and finds what matters.
///
/// # Errors
/// `invalid_json`; `invalid_request` for a body that is no object, a key that stands twice, a `stream` that is no
/// boolean, or a `model` that is too long; `model_missing` for a `model` that is no string or empty. Whether `model` must be there is the caller's
/// to say.
pub fn read(body: &[u8]) -> Result<Request, GatewayError> {
    let mut found = Request::default();
    let mut twice = None;
    let mut stream = None;
    json::scan_object(body, |member| {
        let key = member.key.of(body);
        if json::key_equals(key, "model") {
            twice = found.model.replace(member.value).map(|_| "model").or(twice);
        } else if json::key_equals(key, "stream") {
            twice = stream.replace(member.value).map(|_| "stream").or(twice);
        } else {
            match key {
                b"messages" | b"input" | b"prompt" => found.prompt = Some(member.value),
                b"prompt_cache_key" => found.cache_key = Some(member.value),
                _ => {}
            }
        }
    })
    .map_err(|invalid| refuse(&invalid))?;
    if let Some(key) = twice {
        let message = format!("The body has the key `{key}` twice; send it once.");
        return Err(GatewayError::new(Kind::InvalidRequest, message).with_param(key));
    }
    if let Some(span) = found.model {
        let value = span.of(body);
        let is_text = value.len() > 2 && value[0] == b'"';
        let Some(name) = is_text.then(|| found.model_name(body)).flatten() else {
            let message = "`model` must be a non-empty string, for example \"gpt-4o-mini\".";
            return Err(GatewayError::new(Kind::ModelMissing, message).with_param("model"));
        };
        if name.len() > MODEL_LIMIT {
            let message = format!("`model` is longer than {MODEL_LIMIT} bytes.");
            return Err(GatewayError::new(Kind::InvalidRequest, message).with_param("model"));
        }
    }
    found.stream = match stream.map(|span| span.of(body)) {
        None | Some(b"null" | b"false") => false,
        Some(b"true") => true,
        Some(_) => {
            return Err(GatewayError::new(Kind::InvalidRequest, "`stream` must be true or false.")
                .with_param("stream"));
        }
    };
    Ok(found)
}

fn refuse(invalid: &json::Invalid) -> GatewayError {
    let (kind, hint) = match invalid.what {
        "the body is not a JSON object" => (Kind::InvalidRequest, ""),
        _ => (Kind::InvalidJson, "; send RFC 8259 JSON in UTF-8"),
    };
    let message = format!("The body is not valid at byte {}: {}{hint}.", invalid.offset, invalid.what);
    GatewayError::new(kind, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(body: &str) -> Kind {
        read(body.as_bytes()).unwrap_err().kind
    }

    #[test]
    fn reads_model_and_stream_through_escapes() {
        let body = br#"{"mo\u0064el":"gpt\u002d4","stream" : true,"x":{"model":1}}"#;
        let request = read(body).unwrap();
        assert_eq!(request.model_name(body).unwrap(), "gpt-4");
        assert!(request.stream);
        assert!(!read(br#"{"stream":null}"#).unwrap().stream);
    }

    #[test]
    fn refuses_what_would_be_ambiguous() {
        assert_eq!(kind(r#"{"model":"a","mod\u0065l":"b"}"#), Kind::InvalidRequest);
        assert_eq!(kind(r#"{"stream":true,"stream":false}"#), Kind::InvalidRequest);
        assert_eq!(kind(r#"{"stream":"yes"}"#), Kind::InvalidRequest);
        assert_eq!(kind("[1]"), Kind::InvalidRequest);
        assert_eq!(kind("{"), Kind::InvalidJson);
        for model in ["1", "null", "\"\"", "[\"a\"]", "\"\\ud800\""] {
            assert_eq!(kind(&format!("{{\"model\":{model}}}")), Kind::ModelMissing, "{model}");
        }
        assert!(read(format!("{{\"model\":\"{}\"}}", "x".repeat(MODEL_LIMIT)).as_bytes()).is_ok());
        assert_eq!(kind(&format!("{{\"model\":\"{}\"}}", "x".repeat(MODEL_LIMIT + 1))), Kind::InvalidRequest);
        assert!(read(br#"{"top_p":1,"top_p":2}"#).is_ok(), "any other duplicate passes untouched");
    }
}
