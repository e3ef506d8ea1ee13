//! A request as a door hands it in.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use http::request::Parts;

use super::body::InboundBody;
use crate::server::Client;

/// One request.
pub(crate) struct Inbound {
    /// Method, path and headers.
    pub(crate) head: Parts,
    /// The body, as far as it is here.
    pub(crate) body: InboundBody,
    /// `native` or `uvicorn`.
    pub(crate) door: &'static str,
    /// When it was seen first.
    pub(crate) arrived: Instant,
    /// How long it waited for an engine thread.
    pub(crate) queued: Duration,
    /// Whom the answer goes to, where the engine holds the connection.
    pub(crate) client: Option<Client>,
    /// The event loop that it came from, where it did: the descriptor of its queue.
    pub(crate) home: Option<RawFd>,
}
