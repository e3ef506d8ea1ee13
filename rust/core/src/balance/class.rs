//! Whose failure it is: what may be tried again, and who is blamed.

use crate::error::{Kind, Source};

/// The classes of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The client's: the request is wrong everywhere.
    Client,
    /// The key's: it is out until it is changed, the next key may serve.
    Key,
    /// The lane is at its limit.
    Limited,
    /// The lane's: a fault, a timeout, a reset, an error in place of content.
    Lane,
    /// The content filter's: the provider works, and did not want to.
    Filter,
    /// Nobody's: the client left, the deadline passed, the gateway stopped.
    Nobody,
}

impl Class {
    /// All classes.
    pub const ALL: [Self; 6] =
        [Self::Client, Self::Key, Self::Limited, Self::Lane, Self::Filter, Self::Nobody];

    /// The name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Key => "key",
            Self::Limited => "limited",
            Self::Lane => "lane",
            Self::Filter => "filter",
            Self::Nobody => "nobody",
        }
    }

    /// Whether another lane may be tried.
    pub const fn retries(self) -> bool {
        matches!(self, Self::Key | Self::Limited | Self::Lane)
    }

    /// Whether the lane's estimates and breaker hear of it.
    pub const fn blames_lane(self) -> bool {
        matches!(self, Self::Limited | Self::Lane)
    }

    /// By a provider's status and, where its body named one, the code or type of its error.
    pub fn of_status(status: u16, code: Option<&str>) -> Self {
        let by_code = code.and_then(Self::of_code);
        match (status, by_code) {
            (_, Some(Self::Filter)) => Self::Filter,
            (400 | 401 | 402 | 403 | 429, Some(Self::Key)) | (401..=403, _) => Self::Key,
            (400 | 503 | 529, Some(Self::Limited)) | (429, _) => Self::Limited,
            (408 | 409 | 421 | 425 | 500.., _) => Self::Lane,
            _ => Self::Client,
        }
    }

    /// By a provider's status and all codes that its body named: the first that says more than the status decides.
    pub fn of_answer<'a>(status: u16, codes: impl IntoIterator<Item = &'a str>) -> Self {
        let plain = Self::of_status(status, None);
        let mut told = codes.into_iter().map(|code| Self::of_status(status, Some(code)));
        told.find(|class| *class != plain).unwrap_or(plain)
    }

    /// By all codes of an error that came inside a stream that had begun with 200.
    pub fn of_events<'a>(codes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut told = codes.into_iter().map(|code| Self::of_event(Some(code)));
        told.find(|class| *class != Self::Lane).unwrap_or(Self::Lane)
    }

    /// By the code of an error that came inside a stream that had begun with 200.
    pub fn of_event(code: Option<&str>) -> Self {
        match code.and_then(Self::of_code) {
            Some(class) => class,
            None if code.is_some_and(|code| code.starts_with("invalid_request")) => Self::Client,
            None => Self::Lane,
        }
    }

    /// The kind of error that an answer of this class is.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Client | Self::Nobody => Kind::UpstreamRejected,
            Self::Key => Kind::UpstreamKeyRefused,
            Self::Limited | Self::Lane => Kind::UpstreamStatus,
            Self::Filter => Kind::UpstreamFiltered,
        }
    }

    /// By what the gateway saw where no status came.
    pub fn of_kind(kind: Kind) -> Self {
        match kind {
            Kind::UpstreamRejected => Self::Client,
            Kind::UpstreamFiltered => Self::Filter,
            Kind::UpstreamKeyRefused => Self::Key,
            kind if kind.source() == Source::Provider => Self::Lane,
            _ => Self::Nobody,
        }
    }

    /// Codes and types that say more than a status, in the providers' spellings.
    fn of_code(code: &str) -> Option<Self> {
        const CODES: &[(&str, Class)] = &[
            ("content_filter", Class::Filter),
            ("content_policy_violation", Class::Filter),
            ("responsibleaipolicyviolation", Class::Filter),
            ("insufficient_quota", Class::Key),
            ("billing_hard_limit_reached", Class::Key),
            ("billing_not_active", Class::Key),
            ("billing_error", Class::Key),
            ("account_deactivated", Class::Key),
            ("invalid_api_key", Class::Key),
            ("api_key_invalid", Class::Key),
            ("authentication_error", Class::Key),
            ("permission_error", Class::Key),
            ("accessdeniedexception", Class::Key),
            ("expiredtokenexception", Class::Key),
            ("unrecognizedclientexception", Class::Key),
            ("rate_limit_exceeded", Class::Limited),
            ("rate_limit_error", Class::Limited),
            ("resource_exhausted", Class::Limited),
            ("throttlingexception", Class::Limited),
            ("toomanyrequestsexception", Class::Limited),
        ];
        CODES.iter().find(|(name, _)| name.eq_ignore_ascii_case(code)).map(|(_, class)| *class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_codes_have_their_class() {
        let table = [
            (400, None, Class::Client),
            (404, None, Class::Client),
            (413, None, Class::Client),
            (422, None, Class::Client),
            (400, Some("context_length_exceeded"), Class::Client),
            (401, None, Class::Key),
            (402, None, Class::Key),
            (403, None, Class::Key),
            (400, Some("API_KEY_INVALID"), Class::Key),
            (429, Some("insufficient_quota"), Class::Key),
            (429, None, Class::Limited),
            (429, Some("rate_limit_exceeded"), Class::Limited),
            (400, Some("ThrottlingException"), Class::Limited),
            (408, None, Class::Lane),
            (409, None, Class::Lane),
            (500, None, Class::Lane),
            (502, None, Class::Lane),
            (503, None, Class::Lane),
            (504, None, Class::Lane),
            (529, Some("overloaded_error"), Class::Lane),
            (400, Some("content_filter"), Class::Filter),
            (403, Some("content_policy_violation"), Class::Filter),
        ];
        for (status, code, class) in table {
            assert_eq!(Class::of_status(status, code), class, "{status} {code:?}");
        }
        for (code, class) in [
            (None, Class::Lane),
            (Some("overloaded_error"), Class::Lane),
            (Some("rate_limit_error"), Class::Limited),
            (Some("invalid_request_error"), Class::Client),
            (Some("content_filter"), Class::Filter),
        ] {
            assert_eq!(Class::of_event(code), class, "{code:?}");
        }
    }

    #[test]
    fn what_came_without_a_status_is_the_lanes_or_nobodys() {
        for kind in Kind::ALL {
            let class = Class::of_kind(*kind);
            assert_eq!(class.retries(), kind.retry(), "{kind}");
        }
        assert_eq!(Class::of_kind(Kind::ClientClosed), Class::Nobody);
        assert_eq!(Class::of_kind(Kind::UpstreamTimeout), Class::Lane);
    }

    #[test]
    fn only_a_lanes_failures_are_held_against_it() {
        for class in Class::ALL {
            assert!(class.retries() || !class.blames_lane());
        }
        assert!(!Class::Client.retries() && !Class::Filter.retries() && Class::Key.retries());
    }
}
