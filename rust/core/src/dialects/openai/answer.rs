//! What a JSON answer says about itself.

use serde::Deserialize;

use super::super::Usage;
use crate::json;

/// The parts of an answer that the log keeps.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Token counts, where the provider gave them.
    pub usage: Option<Usage>,
    /// The first choice's finish reason, or the status of a response.
    pub finish: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default, borrow)]
    finish_reason: Option<std::borrow::Cow<'a, str>>,
}

impl Answer {
    /// Checks that `body` is one whole JSON value and reads what the log keeps.
    pub fn read(body: &[u8]) -> Result<Self, json::Invalid> {
        let mut answer = Self::default();
        let result = json::scan_object(body, |member| {
            let value = member.value.of(body);
            match member.key.of(body) {
                b"usage" => answer.usage = Usage::parse(value),
                b"choices" => {
                    let choices: Vec<Choice<'_>> = serde_json::from_slice(value).unwrap_or_default();
                    answer.finish =
                        choices.into_iter().next().and_then(|choice| choice.finish_reason).map(Into::into);
                }
                b"status" => answer.finish = serde_json::from_slice(value).ok(),
                _ => {}
            }
        });
        match result {
            Err(invalid) if invalid.what == "the body is not a JSON object" => Ok(Self::default()),
            other => other.map(|()| answer),
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
        assert!(Answer::read(b"{\"a\":").is_err());
        assert!(Answer::read(b"<html>").is_err());
    }
}
