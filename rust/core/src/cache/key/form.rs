//! Shapes of bodies.

use crate::dialects::{Dialect, Operation};

/// The shape of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// OpenAI's chat completions.
    Chat,
    /// Anthropic's Messages, which share entries with chat completions.
    Messages,
    /// OpenAI's responses.
    Responses,
    /// OpenAI's text completions.
    Completions,
    /// OpenAI's embeddings.
    Embeddings,
    /// OpenAI's moderations.
    Moderations,
}

impl Form {
    /// The form of a client's request; None where nothing is ever cached.
    pub const fn of(dialect: Dialect, operation: Operation) -> Option<Self> {
        Some(match (dialect, operation) {
            (Dialect::OpenAi, Operation::ChatCompletions) => Self::Chat,
            (Dialect::Anthropic, Operation::ChatCompletions) => Self::Messages,
            (Dialect::OpenAi, Operation::Responses) => Self::Responses,
            (Dialect::OpenAi, Operation::Completions) => Self::Completions,
            (Dialect::OpenAi, Operation::Embeddings) => Self::Embeddings,
            (Dialect::OpenAi, Operation::Moderations) => Self::Moderations,
            _ => return None,
        })
    }

    /// What is asked for.
    pub const fn operation(self) -> Operation {
        match self {
            Self::Chat | Self::Messages => Operation::ChatCompletions,
            Self::Responses => Operation::Responses,
            Self::Completions => Operation::Completions,
            Self::Embeddings => Operation::Embeddings,
            Self::Moderations => Operation::Moderations,
        }
    }

    /// The name in the canonical form, one for those that share entries.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Chat | Self::Messages => "chat",
            Self::Responses => "responses",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Moderations => "moderations",
        }
    }

    /// The member that holds what is asked, which stands last in the canonical form.
    pub(super) const fn subject(self) -> &'static str {
        match self {
            Self::Chat | Self::Messages => "messages",
            Self::Completions => "prompt",
            Self::Responses | Self::Embeddings | Self::Moderations => "input",
        }
    }

    /// Whether the subject is a list of messages.
    pub(super) const fn has_turns(self) -> bool {
        matches!(self, Self::Chat | Self::Messages | Self::Responses)
    }
}
