//! What comes back.

use super::{Part, Text};

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop<'a> {
    /// The model had finished.
    End,
    /// The limit of tokens.
    Length,
    /// The model's context was full.
    ContextWindow,
    /// One of the request's stop sequences.
    Sequence(Option<Text<'a>>),
    /// The model waits for tools.
    ToolCalls,
    /// The provider's filter; with a sentence where it gave one.
    Filter(Option<Text<'a>>),
    /// The provider paused: the answer is not finished.
    Paused,
    /// A reason of another name.
    Other(Text<'a>),
}

impl Stop<'_> {
    /// The same, cut loose from its document.
    pub fn into_owned(self) -> Stop<'static> {
        match self {
            Self::End => Stop::End,
            Self::Length => Stop::Length,
            Self::ContextWindow => Stop::ContextWindow,
            Self::Sequence(text) => Stop::Sequence(text.map(Text::into_owned)),
            Self::ToolCalls => Stop::ToolCalls,
            Self::Filter(text) => Stop::Filter(text.map(Text::into_owned)),
            Self::Paused => Stop::Paused,
            Self::Other(text) => Stop::Other(text.into_owned()),
        }
    }
}

/// Token counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the prompt, read from and written to the cache included.
    pub input: u64,
    /// Of the answer, thoughts included.
    pub output: u64,
    /// Of the prompt, read from the cache.
    pub cache_read: u64,
    /// Of the prompt, written to the cache.
    pub cache_write: u64,
    /// Of the answer, thoughts.
    pub reasoning: Option<u64>,
}

/// A whole answer in no dialect.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer<'a> {
    /// The provider's own id.
    pub id: Option<Text<'a>>,
    /// The model that answered.
    pub model: Option<Text<'a>>,
    /// What it said.
    pub parts: Vec<Part<'a>>,
    /// Why it ended.
    pub stop: Stop<'a>,
    /// What it cost.
    pub usage: Option<Usage>,
    /// Which capacity was used, in OpenAI's words.
    pub service_tier: Option<Text<'a>>,
}
