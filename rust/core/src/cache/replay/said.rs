//! What a whole answer says, in words.

use serde::Deserialize;

use super::super::key::Form;

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Option<Message>,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct Response {
    output: Vec<Item>,
}

#[derive(Deserialize)]
struct Messages {
    content: Vec<Part>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    content: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

/// The text of a whole answer; None where it has none, has several, or does something beside saying it.
pub fn said(form: Form, body: &[u8]) -> Option<String> {
    let text = match form {
        Form::Chat | Form::Completions => {
            let Completion { choices } = serde_json::from_slice(body).ok()?;
            let [Choice { message, text }] = <[Choice; 1]>::try_from(choices).ok()?;
            match message {
                Some(message) if message.tool_calls.as_ref().is_none_or(Vec::is_empty) => message.content?,
                Some(_) => return None,
                None => text?,
            }
        }
        Form::Responses => {
            let Response { output } = serde_json::from_slice(body).ok()?;
            joined(output.into_iter().flat_map(|item| item.content))
        }
        Form::Messages => {
            let Messages { content } = serde_json::from_slice(body).ok()?;
            joined(content.into_iter())
        }
        Form::Embeddings | Form::Moderations => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn joined(parts: impl Iterator<Item = Part>) -> String {
    parts.filter_map(|part| part.text).collect()
}

#[cfg(test)]
mod tests {
    use super::{Form, said};

    #[test]
    fn what_an_answer_says() {
        let of = |form, body: &str| said(form, body.as_bytes());
        let chat = r#"{"choices":[{"message":{"content":"Go on.","tool_calls":[]}}]}"#;
        assert_eq!(of(Form::Chat, chat).as_deref(), Some("Go on."));
        assert_eq!(of(Form::Completions, r#"{"choices":[{"text":"Go on."}]}"#).as_deref(), Some("Go on."));
        let response = r#"{"output":[{"type":"reasoning"},{"content":[{"text":"Go "},{"text":"on."}]}]}"#;
        assert_eq!(of(Form::Responses, response).as_deref(), Some("Go on."));
        assert_eq!(of(Form::Messages, r#"{"content":[{"text":"Go on."}]}"#).as_deref(), Some("Go on."));
    }

    #[test]
    fn what_cannot_be_compared_says_nothing() {
        let calls = r#"{"choices":[{"message":{"content":"x","tool_calls":[{"id":"1"}]}}]}"#;
        let two = r#"{"choices":[{"message":{"content":"a"}},{"message":{"content":"b"}}]}"#;
        for body in
            [calls, two, r#"{"choices":[]}"#, r#"{"choices":[{"message":{"content":""}}]}"#, "{", "[]"]
        {
            assert_eq!(said(Form::Chat, body.as_bytes()), None, "{body}");
        }
        assert_eq!(said(Form::Embeddings, chat_like().as_bytes()), None);
    }

    fn chat_like() -> String {
        r#"{"choices":[{"message":{"content":"x"}}]}"#.to_owned()
    }
}
