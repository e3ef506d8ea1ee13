//! A request between its head and the first look at it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use http::Request;
use hyper::body::Incoming;

use super::client::Client;
use crate::request::{self, Inbound, InboundBody};
use crate::shard::Shard;

/// Holds a request until its answer is begun.
///
/// A client that has left by the time its head is read takes its connection with it before the answer is polled even
/// once. The request was made all the same, so it is recorded.
pub(super) struct Pending {
    shard: Rc<Shard>,
    request: Option<(Request<Incoming>, Client)>,
    arrived: Instant,
}

impl Pending {
    /// A request whose head has just been read.
    pub(super) fn new(shard: Rc<Shard>, request: Request<Incoming>, client: Client) -> Self {
        Self { shard, request: Some((request, client)), arrived: Instant::now() }
    }

    /// The request, once, and when it came.
    pub(super) fn take(&mut self) -> Option<(Request<Incoming>, Client, Instant)> {
        self.request.take().map(|(request, client)| (request, client, self.arrived))
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some((request, client, arrived)) = self.take() else { return };
        let (head, body) = request.into_parts();
        if request::is_inference(head.uri.path()) {
            let body = InboundBody::Socket(body, client.clone());
            let (door, queued, client) = ("native", Duration::ZERO, Some(client));
            request::abandon(&self.shard, &Inbound { head, body, door, arrived, queued, client, home: None });
        }
    }
}
