//! Why a conversion cannot be done at all.

use std::fmt::Display;

use crate::error::{GatewayError, Kind};

/// Nothing could be made of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The client's request has the wrong form: no lane would take it.
    Malformed(String),
    /// The request is in order, but a target of the other dialect cannot serve it: another lane may.
    Unservable(String),
    /// The provider's answer is not what its dialect says.
    Invalid(String),
}

impl Refusal {
    /// A request of the wrong form. The sentence begins with the field: ``` `messages[0].role` must be ...```
    pub(super) fn malformed(field: impl Display, what: &str) -> Self {
        Self::Malformed(format!("`{field}` {what}."))
    }

    /// A request that the target cannot serve.
    pub(super) fn unservable(field: impl Display, what: &str) -> Self {
        Self::Unservable(format!("`{field}` {what}."))
    }

    /// An answer that is none.
    pub(super) fn invalid(what: impl Display) -> Self {
        Self::Invalid(format!("The provider's answer could not be converted: {what}."))
    }

    /// The kind that goes with it: 400, 501, 502.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Malformed(_) => Kind::InvalidRequest,
            Self::Unservable(_) => Kind::NotSupported,
            Self::Invalid(_) => Kind::UpstreamInvalid,
        }
    }

    /// One sentence for the client.
    pub fn message(&self) -> &str {
        let (Self::Malformed(message) | Self::Unservable(message) | Self::Invalid(message)) = self;
        message
    }
}

impl From<Refusal> for GatewayError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.kind(), refusal.message().to_owned())
    }
}
