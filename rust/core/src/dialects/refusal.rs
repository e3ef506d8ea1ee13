//! What the body of an error says, in any provider's shape.
//!
//! `OpenAI` and most others send `{"error": {type, code, message}}`, Anthropic `{"type": "error", "error": {type}}`, Azure
//! an `innererror.code` below it, Gemini `{"error": {status, details: [{reason, retryDelay}]}}` (in a list where it
//! streams), Bedrock `{"__type"}`. Of those that speak `OpenAI`'s dialect, Mistral, vLLM and `SGLang` send
//! `{"object": "error", type, code}`, xAI `{"code", "error": "text"}`, Novita `{"code": 429, "reason"}`, what stands on
//! `FastAPI` `{"detail": "text"}` or `{"detail": {error, code, type}}`, Hugging Face `{"error": "text"}`, and NVIDIA
//! `{status, title, detail}`: what is a sentence for people is no reason, so the status decides there.

use serde_json::Value;

use crate::sse;

/// Reasons, the narrowest first, and a wait.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Codes and types as they were written.
    pub codes: Vec<Box<str>>,
    /// A wait that only the body tells, such as `34.07s`.
    pub delay: Option<Box<str>>,
}

impl Said {
    /// Reads the body of an error answer; nothing is said by one of another shape.
    pub fn read(body: &[u8]) -> Self {
        let mut said = Self::default();
        let Ok(body) = serde_json::from_slice::<Value>(sse::without_mark(body)) else { return said };
        let body = body.get(0).unwrap_or(&body);
        // `response.failed` holds the whole response.
        let places = [body.get("error"), body.get("detail"), body.pointer("/response/error")];
        for error in places.into_iter().flatten() {
            said.add(error.pointer("/innererror/code"));
            for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
                said.add(detail.get("reason"));
                let delay = detail.get("retryDelay").and_then(Value::as_str);
                said.delay = said.delay.or(delay.map(Into::into));
            }
            for name in ["code", "type", "status"] {
                said.add(error.get(name));
            }
        }
        for name in ["code", "__type", "type", "reason"] {
            said.add(body.get(name));
        }
        said
    }

    /// Reads an event that told of an error.
    pub fn read_event(event: &[u8]) -> Self {
        let event = sse::parse(sse::without_mark(event));
        event.data.map_or_else(Self::default, |data| Self::read(&data))
    }

    fn add(&mut self, code: Option<&Value>) {
        let code = code.and_then(Value::as_str).map(|code| code.rsplit('#').next().unwrap_or(code));
        self.codes.extend(code.filter(|code| !matches!(*code, "" | "error")).map(Into::into));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(body: &str) -> Vec<String> {
        Said::read(body.as_bytes()).codes.into_iter().map(Into::into).collect()
    }

    #[test]
    fn every_shape_says_why() {
        assert_eq!(
            codes(
                r#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#
            ),
            ["insufficient_quota", "insufficient_quota"]
        );
        assert_eq!(
            codes(r#"{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"r"}"#),
            ["overloaded_error"]
        );
        assert_eq!(
            codes(
                r#"{"error":{"code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#
            ),
            ["ResponsibleAIPolicyViolation", "content_filter"]
        );
        assert_eq!(
            codes(r#"{"__type":"com.amazon#ThrottlingException","message":"m"}"#),
            ["ThrottlingException"]
        );
        for (body, code) in [
            (
                r#"{"object":"error","message":"m","type":"invalid_request_error","code":3001}"#,
                "invalid_request_error",
            ),
            (r#"{"code":"rate_limit_exceeded","error":"text"}"#, "rate_limit_exceeded"),
            (
                r#"{"code":429,"reason":"RATE_LIMIT_EXCEEDED","message":"m","metadata":{}}"#,
                "RATE_LIMIT_EXCEEDED",
            ),
            (r#"{"detail":{"error":"text","code":"insufficient_quota"}}"#, "insufficient_quota"),
        ] {
            assert_eq!(codes(body), [code], "{body}");
        }
        for body in [
            r#"{"detail":"Not Found"}"#,
            r#"{"detail":[{"loc":["body","n"],"msg":"m","type":"int_parsing"}]}"#,
            r#"{"detail":{"error":"text"}}"#,
            r#"{"status":402,"title":"Payment Required","detail":"no credit"}"#,
            "",
            "null",
            "<html>",
            "[]",
            r#"{"error":"text"}"#,
            r#"{"error":null}"#,
            r#"{"error":{"code":7}}"#,
        ] {
            assert!(codes(body).is_empty(), "{body}");
        }
    }

    #[test]
    fn gemini_tells_its_wait_in_the_body() {
        let body = r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[
            {"@type":"type.googleapis.com/google.rpc.QuotaFailure"},
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.07s"}]}}]"#;
        let said = Said::read(body.as_bytes());
        assert_eq!((said.codes.len(), said.delay.as_deref()), (1, Some("34.07s")));
    }

    #[test]
    fn an_event_is_read_by_its_data() {
        let event = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\"}}\n\n";
        assert_eq!(Said::read_event(event).codes, ["rate_limit_error".into()]);
        let failed =
            b"data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\"}}}\n\n";
        assert_eq!(Said::read_event(failed).codes, ["server_error".into(), "response.failed".into()]);
        assert!(Said::read_event(b": ping\n\n").codes.is_empty());
    }
}
