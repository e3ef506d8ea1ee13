//! OpenAI's dialect.

mod answer;
mod error;
mod quirks;
mod request;
mod stream;

pub use answer::Answer;
pub use error::{error_body, error_event, error_type};
pub use quirks::{Fitted, Quirks};
pub use request::{Request, read};
pub use stream::{Seen, StreamReader};

use super::Operation;

/// What a path behind `/v1/` asks for.
pub fn operation(method: &str, rest: &str) -> Operation {
    let (first, below) = rest.split_once('/').unwrap_or((rest, ""));
    match (method, first, below) {
        ("POST", "chat", "completions") => Operation::ChatCompletions,
        ("POST", "completions", "") => Operation::Completions,
        ("POST", "responses", "") => Operation::Responses,
        ("POST", "embeddings", "") => Operation::Embeddings,
        ("POST", "moderations", "") => Operation::Moderations,
        ("GET", "models", _) => Operation::Models,
        (_, "images", _) => Operation::Images,
        (_, "audio", _) => Operation::Audio,
        (
            _,
            "files" | "batches" | "uploads" | "responses" | "chat" | "fine_tuning" | "vector_stores"
            | "conversations" | "containers" | "evals" | "assistants" | "threads" | "models" | "videos",
            _,
        ) => Operation::Stored,
        _ => Operation::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_things_are_told_from_inference() {
        assert_eq!(operation("POST", "responses"), Operation::Responses);
        assert_eq!(operation("GET", "responses/resp_1"), Operation::Stored);
        assert_eq!(operation("POST", "responses/resp_1/cancel"), Operation::Stored);
        assert_eq!(operation("GET", "chat/completions"), Operation::Stored);
        assert_eq!(operation("DELETE", "models/ft:x"), Operation::Stored);
        assert_eq!(operation("GET", "models/gpt-4o"), Operation::Models);
        assert_eq!(operation("POST", "realtime/sessions"), Operation::Other);
    }

    #[test]
    fn an_operation_with_one_path_is_found_by_it() {
        for expected in Operation::ALL {
            let Some(path) = expected.path() else { continue };
            assert_eq!(operation("POST", path), expected);
        }
    }
}
