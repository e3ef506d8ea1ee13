//! The parts of a turn.

use std::borrow::Cow;

use super::Text;

/// One part of a turn, in the order of the source.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// Text.
    Text(Text<'a>),
    /// An image.
    Image(Image<'a>),
    /// A recording.
    Audio(Audio<'a>),
    /// A document.
    File(File<'a>),
    /// The model calls a tool.
    ToolCall(ToolCall<'a>),
    /// What a tool answered.
    ToolResult(ToolResult<'a>),
    /// What the model thought.
    Reasoning(Reasoning<'a>),
    /// The model declined, and said so.
    Refusal(Text<'a>),
    /// A source of the text before it.
    Citation(Citation<'a>),
    /// The prefix that ends with the part before it is worth caching.
    CacheMark(CacheMark<'a>),
}

impl Part<'_> {
    /// The name in the list of what was dropped: `messages[3].audio`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Image(_) => "image",
            Self::Audio(_) => "audio",
            Self::File(_) => "file",
            Self::ToolCall(_) => "tool_calls",
            Self::ToolResult(_) => "tool_result",
            Self::Reasoning(_) => "reasoning",
            Self::Refusal(_) => "refusal",
            Self::Citation(_) => "citation",
            Self::CacheMark(_) => "cache_control",
        }
    }
}

/// Where the bytes of an image or a document are.
#[derive(Debug, Clone, PartialEq)]
pub enum Source<'a> {
    /// In the request.
    Base64 {
        /// `image/png`
        media_type: Cow<'a, str>,
        /// Standard base64.
        data: Cow<'a, str>,
    },
    /// A text that stands in the request.
    Plain(Text<'a>),
    /// For the provider to fetch.
    Url(Text<'a>),
    /// Stored at the source's provider under this id, which means nothing to any other.
    Stored(Text<'a>),
}

/// An image.
#[derive(Debug, Clone, PartialEq)]
pub struct Image<'a> {
    /// Its bytes.
    pub source: Source<'a>,
    /// How closely to look at it: `low`, `high`; None for the model's own choice.
    pub detail: Option<Text<'a>>,
}

/// A recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Audio<'a> {
    /// `wav`, `mp3`.
    pub format: Option<Text<'a>>,
    /// Standard base64.
    pub data: Text<'a>,
}

/// A document.
#[derive(Debug, Clone, PartialEq)]
pub struct File<'a> {
    /// Its bytes.
    pub source: Source<'a>,
    /// Its name or title.
    pub name: Option<Text<'a>>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolCall<'a> {
    /// By which the result is told from others.
    pub id: Text<'a>,
    /// The tool.
    pub name: Text<'a>,
    /// What it is called with.
    pub arguments: Arguments<'a>,
}

/// The arguments of a call. Models write them, so they need not be what was asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Arguments<'a> {
    /// A JSON object, its bytes as they came.
    Object(Cow<'a, str>),
    /// Anything else.
    Other(Text<'a>),
}

/// The answer of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult<'a> {
    /// The id of the call.
    pub call: Text<'a>,
    /// Texts, images, documents.
    pub parts: Vec<Part<'a>>,
    /// Whether the tool failed.
    pub is_error: bool,
}

/// What the model thought.
#[derive(Debug, Clone, PartialEq)]
pub enum Reasoning<'a> {
    /// A text that can be read.
    Thought {
        /// The thought, or a summary of it.
        text: Text<'a>,
        /// By which its provider knows it again; without one it cannot be sent back.
        signature: Option<Text<'a>>,
    },
    /// A thought that only its provider can read.
    Redacted(Text<'a>),
}

/// A source of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Citation<'a> {
    /// What kind of place is cited.
    pub kind: Text<'a>,
    /// A page of the web.
    pub url: Option<Text<'a>>,
    /// Its title.
    pub title: Option<Text<'a>>,
}

/// A hint for the prompt cache.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheMark<'a> {
    /// How long to keep it, in the words of the source (`5m`, `1h`, `30m`).
    pub ttl: Option<Text<'a>>,
}
