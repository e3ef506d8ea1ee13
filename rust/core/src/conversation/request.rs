//! What a client asks for.

use super::{Number, Part, Text};

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions: system and developer messages.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// A tool that the model called.
    Tool,
}

/// What one message says.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn<'a> {
    /// Who speaks.
    pub role: Role,
    /// The index of the message in the source, by which it is named.
    pub at: usize,
    /// In the order of the source.
    pub parts: Vec<Part<'a>>,
}

/// A function that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool<'a> {
    /// The index in the source, by which it is named.
    pub at: usize,
    /// The function.
    pub name: Text<'a>,
    /// What it is for.
    pub description: Option<Text<'a>>,
    /// The JSON Schema of its arguments, as it came.
    pub parameters: Option<&'a str>,
    /// Whether arguments must follow the schema.
    pub strict: Option<bool>,
    /// A hint for the prompt cache behind it.
    pub mark: Option<super::CacheMark<'a>>,
}

/// Which tools the model calls.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolChoice<'a> {
    /// As it likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Named(Text<'a>),
    /// Only these; at least one of them where `required`.
    Allowed {
        /// Whether one must be called.
        required: bool,
        /// Their names.
        names: Vec<Text<'a>>,
    },
}

/// The form of the answer's text.
#[derive(Debug, Clone, PartialEq)]
pub enum Format<'a> {
    /// Any JSON.
    Json,
    /// JSON that follows a schema.
    Schema {
        /// Its label.
        name: Option<Text<'a>>,
        /// What the document is for.
        description: Option<Text<'a>>,
        /// The JSON Schema, as it came.
        schema: &'a str,
        /// Whether it must be followed to the letter.
        strict: Option<bool>,
    },
}

/// How much the model should think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// More.
    XHigh,
    /// As much as it can.
    Max,
}

/// How the next token is drawn. Values that change nothing are None.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sampling<'a> {
    /// Randomness: 0 to 2 at OpenAI, 0 to 1 at Anthropic.
    pub temperature: Option<Number<'a>>,
    /// Nucleus sampling.
    pub top_p: Option<Number<'a>>,
    /// Only the k likeliest.
    pub top_k: Option<Number<'a>>,
    /// For repeatable draws.
    pub seed: Option<Number<'a>>,
    /// Against words said often.
    pub frequency_penalty: Option<Number<'a>>,
    /// Against words said at all.
    pub presence_penalty: Option<Number<'a>>,
    /// A JSON object from token to bias.
    pub logit_bias: Option<&'a str>,
    /// Whether log probabilities come back.
    pub logprobs: bool,
    /// How many of them a token.
    pub top_logprobs: Option<Number<'a>>,
}

/// A request in no dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Request<'a> {
    /// The model, as the client named it.
    pub model: Option<Text<'a>>,
    /// The conversation.
    pub turns: Vec<Turn<'a>>,
    /// The tools.
    pub tools: Vec<Tool<'a>>,
    /// Which of them are called.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether several may be called at once; None for the provider's own choice.
    pub parallel_tool_calls: Option<bool>,
    /// The most tokens of an answer, thoughts included.
    pub max_tokens: Option<u64>,
    /// How tokens are drawn.
    pub sampling: Sampling<'a>,
    /// What ends the answer.
    pub stop: Vec<Text<'a>>,
    /// The form of the answer.
    pub format: Option<Format<'a>>,
    /// How much to think.
    pub effort: Option<Effort>,
    /// Whose request it is, for the provider's abuse checks.
    pub user: Option<Text<'a>>,
    /// Which capacity to use, in OpenAI's words (`auto`, `default`, `flex`, `priority`).
    pub service_tier: Option<Text<'a>>,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// Whether the stream ends with token counts.
    pub stream_usage: bool,
}
