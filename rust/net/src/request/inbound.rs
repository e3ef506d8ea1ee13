//! A request as a door hands it in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::request::Parts;

use super::body::InboundBody;
use crate::server::Watch;

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
    /// The client's connection, where the engine holds it.
    pub(crate) watch: Option<Arc<Watch>>,
}
