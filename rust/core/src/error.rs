//! One error type for the request path.
//!
//! Status, retry decision, log column and metric label all read the same [`Kind`]; `docs/errors.md` documents each.

use std::borrow::Cow;
use std::fmt;

/// Who caused an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The request was wrong; sending it elsewhere would not help.
    Client,
    /// The gateway cannot serve it now.
    Gateway,
    /// The provider failed.
    Provider,
}

impl Source {
    /// The name used in logs and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Gateway => "gateway",
            Self::Provider => "provider",
        }
    }
}

macro_rules! kinds {
    ($($variant:ident, $id:literal, $status:literal, $source:ident, $retry:literal, $summary:literal;)*) => {
        /// Every way in which a request can fail. The identifier is stable: clients and dashboards match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Kind {
            $(#[doc = $summary] $variant,)*
        }

        impl Kind {
            /// All kinds, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable identifier.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// The HTTP status that the client sees.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// Who caused it.
            pub const fn source(self) -> Source {
                match self { $(Self::$variant => Source::$source,)* }
            }

            /// Whether another lane may be tried, where the request may be sent again and nothing was committed.
            pub const fn retry(self) -> bool {
                match self { $(Self::$variant => $retry,)* }
            }

            /// One sentence for the documentation.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)* }
            }
        }
    };
}

kinds! {
    InvalidJson, "invalid_json", 400, Client, false, "The body is not RFC 8259 JSON in UTF-8.";
    InvalidRequest, "invalid_request", 400, Client, false, "The body or a gateway header has the wrong form.";
    ModelMissing, "model_missing", 400, Client, false, "`model` is missing, empty or not a string.";
    BodyTooLarge, "body_too_large", 413, Client, false, "The body is over the limit.";
    HeadersTooLarge, "headers_too_large", 431, Client, false, "The headers are over the limit.";
    EncodingNotSupported, "encoding_not_supported", 415, Client, false, "The body is compressed.";
    GatewayKeyInvalid, "gateway_key_invalid", 401, Client, false, "The gateway key is missing or wrong.";
    HostForbidden, "host_forbidden", 403, Client, false, "The Host header names a host that is not allowed.";
    OriginForbidden, "origin_forbidden", 403, Client, false, "The Origin header names a site that is not allowed.";
    ProviderKeyMissing, "provider_key_missing", 401, Client, false, "The provider has no usable key.";
    ProviderNotFound, "provider_not_found", 404, Client, false, "No configured provider serves this model.";
    KeyNotFound, "key_not_found", 404, Client, false, "`x-gateway-key` names no key of the provider.";
    RouteNotFound, "route_not_found", 404, Client, false, "No such route.";
    RequestTimeout, "request_timeout", 408, Client, false, "The body did not arrive in time.";
    NotSupported, "not_supported", 501, Gateway, false, "This engine or provider does not do this.";
    Overloaded, "overloaded", 503, Gateway, false, "Buffered bodies are at their bound; try again.";
    Draining, "draining", 503, Gateway, false, "The gateway is shutting down.";
    ControlPlaneDown, "control_plane_down", 503, Gateway, false, "The admin application does not answer.";
    NoLaneReady, "no_lane_ready", 503, Gateway, false, "Every key was told by its provider to wait; `Retry-After` says until when.";
    Internal, "internal", 500, Gateway, false, "A fault of the gateway.";
    HookVetoed, "hook_vetoed", 403, Client, false, "A hook refused the request or its answer.";
    HookFailed, "hook_failed", 500, Gateway, false, "A hook raised, took too long or had no room, and its policy is to stop there.";
    DeadlineExceeded, "deadline_exceeded", 504, Gateway, false, "The deadline over all attempts passed.";
    ClientClosed, "client_closed", 499, Client, false, "The client left before the answer.";
    AddressRefused, "address_refused", 502, Gateway, false, "The provider's address is link-local and refused.";
    UpstreamConnect, "upstream_connect", 502, Provider, true, "The provider could not be reached.";
    UpstreamDns, "upstream_dns", 502, Provider, true, "The provider's host name does not resolve.";
    UpstreamTls, "upstream_tls", 502, Provider, true, "The TLS handshake with the provider failed.";
    UpstreamTimeout, "upstream_timeout", 504, Provider, true, "The provider did not answer in time.";
    UpstreamReset, "upstream_reset", 502, Provider, true, "The provider closed the connection before its answer.";
    UpstreamInvalid, "upstream_invalid", 502, Provider, true, "The provider's answer is not what its type says.";
    UpstreamErrorEvent, "upstream_error_event", 502, Provider, true, "The provider sent an error in a stream.";
    UpstreamCut, "upstream_cut", 502, Provider, true, "The provider's stream broke off.";
    UpstreamStatus, "upstream_status", 502, Provider, true, "The provider answered 429, 5xx or the like; its answer is relayed.";
    UpstreamKeyRefused, "upstream_key_refused", 502, Provider, true, "The provider refused the key; its answer is relayed.";
    UpstreamFiltered, "upstream_filtered", 502, Provider, false, "The provider's content filter refused; its answer is relayed.";
    UpstreamRejected, "upstream_rejected", 502, Provider, false, "The provider refused the request (3xx, 4xx); its answer is relayed.";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A failed request: what happened, and one sentence for the client that says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayError {
    /// What happened.
    pub kind: Kind,
    /// For the client: never an internal address, never a secret.
    pub message: Cow<'static, str>,
    /// The request field at fault, where there is one.
    pub param: Option<&'static str>,
    /// For the log only: what the layer below said.
    pub cause: Option<Box<str>>,
}

impl GatewayError {
    /// An error with a sentence for the client.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), param: None, cause: None }
    }

    /// Names the request field at fault.
    #[must_use]
    pub fn with_param(mut self, param: &'static str) -> Self {
        self.param = Some(param);
        self
    }

    /// Keeps what the layer below said, for the log.
    #[must_use]
    pub fn with_cause(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string().into_boxed_str());
        self
    }
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)?;
        if let Some(cause) = &self.cause {
            write!(f, " ({cause})")?;
        }
        Ok(())
    }
}

impl std::error::Error for GatewayError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_distinct_and_statuses_are_http() {
        let mut ids: Vec<_> = Kind::ALL.iter().map(|kind| kind.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Kind::ALL.len());
        assert!(Kind::ALL.iter().all(|kind| (400..600).contains(&kind.status())));
    }

    #[test]
    fn only_provider_errors_are_tried_elsewhere() {
        for kind in Kind::ALL.iter().filter(|kind| kind.retry()) {
            assert_eq!(kind.source(), Source::Provider, "{kind}");
        }
    }
}
