//! Anthropic's dialect: the Messages API.
//!
//! Shapes as of `anthropic-version: 2023-06-01`. The version of 2026-10-21 differs in what it refuses (any
//! `temperature`, `top_p`, `top_k`; documents in assistant turns), not in what it answers.

mod answer;
mod error;
mod stream;
mod traits;
mod usage;

pub use answer::Answer;
pub use error::{Blame, ProviderError, blame, error_body, error_event, error_type, status_of};
pub use stream::StreamReader;
pub use traits::{Efforts, SamplingRule, Silence, ThinkingForm, Traits};
pub use usage::Tokens;

/// The version of the API that the gateway speaks.
pub const VERSION: &str = "2023-06-01";
