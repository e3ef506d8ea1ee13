//! Whom an answer goes to: a connection of its own, or one request among others on a connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;

use super::stream::Stream;
use super::watch::{Phase, Watch};

/// The client's side of one request on the native listener.
#[derive(Debug, Clone)]
pub(crate) enum Client {
    /// HTTP/1.1: the connection serves this request alone.
    Connection(Arc<Watch>),
    /// HTTP/2.
    Stream(Arc<Stream>),
}

/// What has to happen before all that was handed over has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// The connection is flushed once more than so often.
    Connection(u64),
    /// An empty part, which follows all others, has left.
    Stream,
}

impl Client {
    /// Begins to wait until what was handed over has left; where that takes an empty part at the end, it is given.
    pub(crate) fn begin_flush(&self) -> (Flush, Option<Bytes>) {
        match self {
            Self::Connection(watch) => (Flush::Connection(watch.await_flush()), None),
            Self::Stream(stream) => (Flush::Stream, Some(stream.marker())),
        }
    }

    /// Ready once it has; the task is woken for it.
    pub(crate) fn poll_flushed(&self, flush: Flush) -> Poll<()> {
        match (self, flush) {
            (Self::Connection(watch), Flush::Connection(before)) if watch.flushes() == before => {
                Poll::Pending
            }
            (Self::Stream(stream), Flush::Stream) => stream.poll_left(1),
            _ => Poll::Ready(()),
        }
    }

    /// The next part of a request's body.
    ///
    /// On HTTP/1.1 it comes from the connection whose task polls this request too. hyper wakes that task for each part
    /// that is taken, so that it reads on; behind the last one that would have it polled for nothing.
    pub(crate) fn poll_body(
        &self,
        body: &mut Incoming,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let Self::Connection(watch) = self else { return Pin::new(body).poll_frame(cx) };
        watch.hold();
        let polled = Pin::new(&mut *body).poll_frame(cx);
        watch.release(!body.is_end_stream());
        polled
    }

    /// The connection speaks another protocol from here on.
    pub(super) fn upgraded(&self) {
        if let Self::Connection(watch) = self {
            watch.enter(Phase::Upgraded);
        }
    }

    /// The answer is over, or given up.
    pub(crate) fn leave(&self) {
        match self {
            Self::Connection(watch) => watch.enter(Phase::Idle),
            // Its last part may still wait for the client; the stream ends with it.
            Self::Stream(_) => {}
        }
    }
}
