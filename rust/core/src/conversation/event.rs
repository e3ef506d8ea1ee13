//! A stream, event by event.
//!
//! Blocks are numbered by the source and may lie beside one another; what belongs to no block stands between them.

use super::{Stop, Text, Usage};

/// What kind of block begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block<'a> {
    /// Text.
    Text,
    /// Thoughts.
    Reasoning,
    /// A call of a tool.
    ToolCall {
        /// Its id.
        id: Text<'a>,
        /// The tool.
        name: Text<'a>,
    },
}

/// One event of a stream in no dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// The answer begins.
    Start {
        /// The provider's own id.
        id: Option<Text<'a>>,
        /// The model that answers.
        model: Option<Text<'a>>,
    },
    /// A block begins.
    Open {
        /// Its number.
        index: u64,
        /// Its kind.
        block: Block<'a>,
    },
    /// A piece of text.
    Text(Text<'a>),
    /// A piece of thought.
    Reasoning(Text<'a>),
    /// The signature of the thoughts before it.
    Signature(Text<'a>),
    /// A thought that only its provider can read.
    Redacted(Text<'a>),
    /// A piece of the refusal.
    Refusal(Text<'a>),
    /// A piece of the arguments of a tool call, a JSON document cut anywhere.
    Arguments {
        /// The block.
        index: u64,
        /// The piece.
        piece: Text<'a>,
    },
    /// A block ends.
    Close {
        /// Its number.
        index: u64,
    },
    /// Why the answer ends. It has not ended yet.
    Stop(Stop<'a>),
    /// The answer ended as it should; the last counts.
    End(Option<Usage>),
    /// The provider failed; nothing more will come.
    Error {
        /// The status that the error would have had as an answer.
        status: u16,
        /// In the provider's words.
        kind: Option<Text<'a>>,
        /// For people.
        message: Text<'a>,
    },
}
