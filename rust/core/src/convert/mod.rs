//! A request of one dialect, served by a provider of another, and its answer on the way back.
//!
//! Everything here is a pure function from bytes to bytes through the one model of [`crate::conversation`]: a dialect has
//! a reader and a writer for requests, answers, streams and errors. Time and ids are arguments. What the other side
//! cannot be told is named ([`Dropped`]), what it cannot serve is refused ([`Refusal`]); nothing is left out in silence.
//!
//! The calls of one attempt, in order: [`Pair::of`]; [`request`]; then, by what the provider sent, [`answer`],
//! [`Stream`], or [`error`].

mod anthropic;
mod data_url;
pub(crate) mod decoder;
mod dropped;
mod openai;
mod refusal;
mod stream;
mod wire;
mod write;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

pub use dropped::Dropped;
pub use refusal::Refusal;
pub use stream::Stream;

use crate::conversation::Text;
use crate::dialects::anthropic::Traits;
use crate::dialects::{Dialect, Operation};

/// Two dialects between which a conversation can be carried: the client's and the provider's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pair {
    /// OpenAI's chat completions, served by Anthropic's Messages.
    OpenAiToAnthropic,
    /// Anthropic's Messages, served by OpenAI's chat completions. No route leads here yet.
    AnthropicToOpenAi,
}

/// What is spoken on one side of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    OpenAi,
    Anthropic,
}

impl Pair {
    /// The pair of a client and a provider; None where their dialects are the same or nothing converts the operation.
    pub const fn of(client: Dialect, operation: Operation, provider: Dialect) -> Option<Self> {
        match (client, operation, provider) {
            (Dialect::OpenAi, Operation::ChatCompletions, Dialect::Anthropic) => {
                Some(Self::OpenAiToAnthropic)
            }
            _ => None,
        }
    }

    /// Where the request goes, below the provider's base URL.
    pub const fn path(self) -> &'static str {
        match self {
            Self::OpenAiToAnthropic => "messages",
            Self::AnthropicToOpenAi => "chat/completions",
        }
    }

    const fn client(self) -> Tongue {
        match self {
            Self::OpenAiToAnthropic => Tongue::OpenAi,
            Self::AnthropicToOpenAi => Tongue::Anthropic,
        }
    }

    const fn provider(self) -> Tongue {
        match self {
            Self::OpenAiToAnthropic => Tongue::Anthropic,
            Self::AnthropicToOpenAi => Tongue::OpenAi,
        }
    }
}

/// What a request is converted for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The model, as the provider names it.
    pub model: &'a str,
    /// The limit of tokens where the client set none: Anthropic asks for one.
    pub max_tokens: u64,
    /// What the model takes.
    pub traits: Traits,
}

/// The limit of tokens where neither the client nor a catalog knows one.
pub const MAX_TOKENS: u64 = 4096;

impl<'a> Target<'a> {
    /// A model of which no more than the name is known.
    pub fn of(model: &'a str) -> Self {
        Self { model, max_tokens: MAX_TOKENS, traits: Traits::of(model) }
    }
}

/// What an answer is marked with.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The id in the client's dialect: `chatcmpl-...`, `msg_...`.
    pub id: &'a str,
    /// Unix time in seconds.
    pub created: u64,
    /// The model that was asked, for an answer that does not say which one it is of.
    pub model: &'a str,
}

/// A converted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The provider's body.
    pub body: Vec<u8>,
    /// What could not be carried over.
    pub dropped: Dropped,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// Whether the client asked for token counts at the end of the stream.
    pub stream_usage: bool,
}

/// Converts a request.
pub fn request(pair: Pair, body: &[u8], target: &Target<'_>) -> Result<Converted, Refusal> {
    let mut dropped = Dropped::default();
    let read = match pair.client() {
        Tongue::OpenAi => openai::read_request(body, &mut dropped),
        Tongue::Anthropic => anthropic::read_request(body, &mut dropped),
    }?;
    let mut out = Vec::with_capacity(body.len() + body.len() / 8 + 128);
    match pair.provider() {
        Tongue::OpenAi => openai::write_request(&read, target, &mut out, &mut dropped),
        Tongue::Anthropic => anthropic::write_request(&read, target, &mut out, &mut dropped),
    }?;
    Ok(Converted { body: out, dropped, stream: read.stream, stream_usage: read.stream_usage })
}

/// Converts an answer that came whole. What could not be carried over is added to `dropped`.
pub fn answer(pair: Pair, body: &[u8], stamp: &Stamp<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, Refusal> {
    let read = match pair.provider() {
        Tongue::OpenAi => openai::read_answer(body, dropped),
        Tongue::Anthropic => anthropic::read_answer(body, dropped),
    }?;
    let mut out = Vec::with_capacity(body.len() + 256);
    match pair.client() {
        Tongue::OpenAi => openai::write_answer(&read, stamp, &mut out, dropped),
        Tongue::Anthropic => anthropic::write_answer(&read, stamp, &mut out, dropped),
    }
    Ok(out)
}

/// An error in no dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    /// In the provider's words.
    kind: Box<str>,
    /// For people.
    message: Box<str>,
    /// The narrower reason.
    code: Option<Box<str>>,
}

impl Fault {
    /// An error that came in a stream.
    fn of(kind: Option<&Text<'_>>, message: &Text<'_>) -> Self {
        let plain = |text: &Text<'_>| text.plain().unwrap_or_default().into();
        Self { kind: kind.map_or_else(|| "api_error".into(), plain), message: plain(message), code: None }
    }
}

/// Converts the body of an error answer, and its status: 529, which only Anthropic knows, becomes 503. A body of another
/// shape (a proxy's page) becomes a sentence with the status.
pub fn error(pair: Pair, status: u16, body: &[u8]) -> (u16, Vec<u8>) {
    let read = match pair.provider() {
        Tongue::OpenAi => openai::read_error(body),
        Tongue::Anthropic => anthropic::read_error(body),
    };
    let fault = read.unwrap_or_else(|| Fault {
        kind: "upstream_status".into(),
        message: format!("The provider answered {status} without saying why.").into(),
        code: None,
    });
    let mut out = Vec::with_capacity(body.len() + 64);
    match pair.client() {
        Tongue::OpenAi => {
            let status = if status == 529 { 503 } else { status };
            openai::write_error(&fault, status, &mut out);
            (status, out)
        }
        Tongue::Anthropic => {
            anthropic::write_error(&fault, status, &mut out);
            (status, out)
        }
    }
}
