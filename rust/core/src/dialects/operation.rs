//! What a path does, and what follows from it for reading, retrying and choosing a key.

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST chat/completions`
    ChatCompletions,
    /// `POST completions`
    Completions,
    /// `POST responses`
    Responses,
    /// `POST embeddings`
    Embeddings,
    /// `POST moderations`
    Moderations,
    /// `GET models`, `GET models/{id}`
    Models,
    /// `images/...`
    Images,
    /// `audio/...`
    Audio,
    /// Things the provider stores: files, batches, uploads, `responses/{id}`, fine-tuning and the like.
    Stored,
    /// Every other path.
    Other,
}

/// How much of a request body the gateway reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// JSON with a `model`: collected, scanned, spliced.
    Model,
    /// JSON that may hold a `model`: collected and scanned where the content type says JSON.
    MaybeModel,
    /// Streamed through unread.
    Opaque,
}

impl Operation {
    /// All operations, for tables of metrics.
    pub const ALL: [Self; 10] = [
        Self::ChatCompletions,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::Moderations,
        Self::Models,
        Self::Images,
        Self::Audio,
        Self::Stored,
        Self::Other,
    ];

    /// The name in logs, metrics and provider templates.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat.completions",
            Self::Completions => "completions",
            Self::Responses => "responses",
            Self::Embeddings => "embeddings",
            Self::Moderations => "moderations",
            Self::Models => "models",
            Self::Images => "images",
            Self::Audio => "audio",
            Self::Stored => "files",
            Self::Other => "other",
        }
    }

    /// The one path of it behind `/v1/`, where there is but one.
    pub const fn path(self) -> Option<&'static str> {
        match self {
            Self::ChatCompletions => Some("chat/completions"),
            Self::Completions | Self::Responses | Self::Embeddings | Self::Moderations => Some(self.name()),
            _ => None,
        }
    }

    /// Computes an answer and keeps nothing: it may be sent a second time.
    pub const fn is_inference(self) -> bool {
        matches!(
            self,
            Self::ChatCompletions
                | Self::Completions
                | Self::Responses
                | Self::Embeddings
                | Self::Moderations
        )
    }

    /// Answers with text, which takes the longer the more it is.
    pub const fn puts_out_text(self) -> bool {
        matches!(self, Self::ChatCompletions | Self::Completions | Self::Responses)
    }

    /// Belongs to what one account stores: one stable key, no failover.
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Stored)
    }

    /// How much of the body is read.
    pub const fn body(self) -> Body {
        match self {
            _ if self.is_inference() => Body::Model,
            Self::Images | Self::Audio => Body::MaybeModel,
            _ => Body::Opaque,
        }
    }
}
