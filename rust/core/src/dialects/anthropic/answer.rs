//! What a JSON answer says about itself.

use super::super::Usage;
use super::Tokens;
use crate::{json, sse};

/// The parts of an answer that the log keeps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Token counts, where the provider gave them.
    pub usage: Option<Usage>,
    /// Why it ended: `end_turn`, `max_tokens`, ...
    pub finish: Option<Box<str>>,
    /// Whether it is an error in spite of its status.
    pub failed: bool,
}

impl Answer {
    /// Checks that `body` is one whole JSON value and reads what the log keeps. A byte order mark in front of it is
    /// overlooked, as RFC 8259 allows.
    pub fn read(body: &[u8]) -> Result<Self, json::Invalid> {
        let body = sse::without_mark(body);
        let (mut answer, mut tokens) = (Self::default(), Tokens::default());
        let result = json::scan_object(body, |member| {
            let value = member.value.of(body);
            match member.key.of(body) {
                b"usage" => tokens.merge(value),
                b"stop_reason" => answer.finish = serde_json::from_slice(value).ok(),
                b"type" => answer.failed = value == b"\"error\"",
                _ => {}
            }
        });
        match result {
            Err(invalid) if invalid.what == "the body is not a JSON object" => Ok(Self::default()),
            other => other.map(|()| Self { usage: tokens.usage(), ..answer }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_message() {
        let answer = Answer::read(
            br#"{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"\"usage\""}],"stop_reason":"end_turn","usage":{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":2}}"#,
        )
        .unwrap();
        assert_eq!(answer.finish.as_deref(), Some("end_turn"));
        assert_eq!(answer.usage, Some(Usage { input: 7, output: 2, cached: 4 }));
        assert!(!answer.failed);
        assert!(Answer::read(br#"{"type":"error","error":{}}"#).unwrap().failed);
        assert_eq!(Answer::read(b"[]").unwrap(), Answer::default());
        assert!(Answer::read(b"\xef\xbb\xbf{}").is_ok());
        assert!(Answer::read(b"{\"a\":").is_err());
        assert!(Answer::read(b"").is_err());
    }
}
