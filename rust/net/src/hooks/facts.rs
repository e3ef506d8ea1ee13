//! What a hook is told of a request and of its answer, beside the bytes.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use http::HeaderMap;

/// A place where the runner keeps its own form of some facts, made once and used by all hooks of the request.
pub type Kept = OnceLock<Box<dyn Any + Send + Sync>>;

/// One request.
#[derive(Debug, Default)]
pub struct Facts {
    /// The gateway's id of it.
    pub request_id: String,
    /// Whose it is.
    pub tenant: Box<str>,
    /// The id of the gateway key; empty where none is asked for.
    pub gateway_key: Box<str>,
    /// The model as it was asked for.
    pub model: Arc<str>,
    /// Such as `chat.completions`.
    pub operation: &'static str,
    /// `native` or `uvicorn`.
    pub door: &'static str,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// The client's headers but for its credentials: `name: value` lines, ended by LF.
    pub headers: Vec<u8>,
    /// The event loop that the request came from, where it did.
    pub home: Option<i32>,
    /// The runner's own.
    pub kept: Kept,
}

/// Its answer.
#[derive(Debug, Default)]
pub struct AnswerFacts {
    /// Of the answer.
    pub status: u16,
    /// Who answered; empty where a kept answer is served.
    pub provider: Box<str>,
    /// The model as the provider was asked for it.
    pub model: Box<str>,
    /// What the cache did.
    pub cache: &'static str,
    /// The runner's own.
    pub kept: Kept,
}

/// Credentials, wherever SDKs put them, and what belongs to the way here.
const WITHHELD: [&str; 8] = [
    "api-key",
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-api-key",
    "x-goog-api-key",
    "set-cookie",
    "connection",
];

/// The headers that hooks may see, as lines.
pub(super) fn lines(headers: &HeaderMap) -> Vec<u8> {
    let mut out = Vec::with_capacity(headers.len() * 32);
    for (name, value) in headers {
        if WITHHELD.contains(&name.as_str()) {
            continue;
        }
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\n"] {
            out.extend_from_slice(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn credentials_are_withheld() {
        let mut headers = HeaderMap::new();
        for name in WITHHELD {
            headers.insert(name, HeaderValue::from_static("secret"));
        }
        headers.insert("x-user", HeaderValue::from_static("ann"));
        headers.append("x-user", HeaderValue::from_static("bob"));
        assert_eq!(lines(&headers), b"x-user: ann\nx-user: bob\n");
    }
}
