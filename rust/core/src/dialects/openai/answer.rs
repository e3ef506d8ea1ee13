//! What a JSON answer says about itself.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::super::Usage;
use crate::{json, sse};

/// The parts of an answer that the log keeps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Token counts, where the provider gave them.
    pub usage: Option<Usage>,
    /// The first choice's finish reason, or the status of a response.
    pub finish: Option<Box<str>>,
}

/// The first `finish_reason` with a value. A quote inside text is escaped, so the word cannot match there.
pub(super) fn finish_reason(choices: &[u8]) -> Option<Box<str>> {
    static WORD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"finish_reason\""));
    let mut found = WORD.find_iter(choices).filter_map(|at| {
        let rest =
            choices[at + WORD.needle().len()..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let value = rest.strip_prefix(b"\"")?;
        let end = value.iter().position(|&byte| byte == b'"' || byte == b'\\')?;
        std::str::from_utf8(&value[..end]).ok().map(Into::into)
    });
    found.next()
}

impl Answer {
    /// Checks that `body` is one whole JSON value and reads what the log keeps. A byte order mark in front of it is
    /// overlooked, as RFC 8259 allows.
    pub fn read(body: &[u8]) -> Result<Self, json::Invalid> {
        let body = sse::without_mark(body);
        let mut answer = Self::default();
        let mut choices = None;
        let result = json::scan_object(body, |member| {
            let value = member.value.of(body);
            match member.key.of(body) {
                b"usage" => answer.usage = Usage::parse(value),
                b"choices" => choices = Some(member.value),
                b"status" => answer.finish = serde_json::from_slice(value).ok(),
                _ => {}
            }
        });
        match result {
            Err(invalid) if invalid.what == "the body is not a JSON object" => Ok(Self::default()),
            other => other.map(|()| {
                if let Some(choices) = choices {
                    answer.finish = finish_reason(choices.of(body));
                }
                answer
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_chat_and_responses() {
        let chat = Answer::read(
            br#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#,
        )
        .unwrap();
        assert_eq!(chat.finish.as_deref(), Some("stop"));
        assert_eq!(chat.usage.unwrap().output, 2);
        let response =
            Answer::read(br#"{"status":"completed","usage":{"input_tokens":5,"output_tokens":6}}"#).unwrap();
        assert_eq!((response.finish.as_deref(), response.usage.unwrap().input), (Some("completed"), 5));
        assert_eq!(Answer::read(b"[]").unwrap(), Answer::default());
        assert!(Answer::read(b"\xef\xbb\xbf{}").is_ok());
        assert!(Answer::read(b"\xef\xbb\xbf\xef\xbb\xbf{}").is_err());
        assert!(Answer::read(b"").is_err());
        assert!(Answer::read(b"{\"a\":").is_err());
        assert!(Answer::read(b"<html>").is_err());
    }
}
