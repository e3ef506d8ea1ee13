//! One request and its answer on one connection.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ferrogate_core::snapshot::{Target, Timeouts};
use ferrogate_core::{GatewayError, Kind};
use http::header::HOST;
use http::{Request, Response, Uri, Version, response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::unconstrained;
use tokio::time::timeout_at;

use super::body::Outbound;
use super::connect::Connector;
use super::latch::Latch;
use super::multiplexed::Lease;
use super::pool::SharedPool;
use super::stream::{Heard, Stream};
use super::way::{Way, find_way};

/// An HTTP/1.1 connection that its user polls.
pub(crate) struct Link {
    sender: http1::SendRequest<Outbound>,
    line: Line,
    heard: Heard,
    /// Where it leads, where no proxy stands between.
    pub(super) peer: Option<IpAddr>,
}

/// What is polled of it.
struct Line {
    connection: Box<http1::Connection<TokioIo<Stream>, Outbound>>,
    closed: bool,
    latch: Arc<Latch>,
    /// The latch as a waker.
    waker: Waker,
}

impl Line {
    /// Drives the connection; ready once it has closed.
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.latch.attend(cx.waker());
        self.advance()
    }

    /// Drives the connection for nobody.
    fn poll_idle(&mut self) -> Poll<()> {
        self.latch.rest();
        self.advance()
    }

    fn advance(&mut self) -> Poll<()> {
        if !self.closed && self.latch.take_stir() {
            let mut cx = Context::from_waker(&self.waker);
            self.closed = Pin::new(&mut *self.connection).poll(&mut cx).is_ready();
        }
        if self.closed { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Link {
    /// A fresh connection.
    pub(super) fn new(
        sender: http1::SendRequest<Outbound>,
        connection: http1::Connection<TokioIo<Stream>, Outbound>,
        heard: Heard,
        peer: Option<IpAddr>,
    ) -> Self {
        let latch = Latch::new();
        let waker = Waker::from(Arc::clone(&latch));
        let line = Line { connection: Box::new(connection), closed: false, latch, waker };
        Self { sender, line, heard, peer }
    }

    /// Whether another request may be sent. Polls the connection, so that one which the provider has closed is noticed
    /// here, before a request is lost on it.
    pub(super) fn is_open(&mut self) -> bool {
        self.line.poll_idle().is_pending() && self.sender.is_ready()
    }
}

/// Why no answer came.
pub(crate) struct Fault {
    /// For the client and the log.
    pub(crate) error: GatewayError,
    /// The connection had served before and closed before any byte of an answer, or the provider says that it has not
    /// begun with the request.
    pub(crate) stale: bool,
    /// Nothing of the request had left, or the provider says that it has not begun with it.
    pub(crate) unsent: bool,
}

/// An answer whose headers are here.
pub(crate) struct Answer {
    /// Status and headers.
    pub(crate) head: response::Parts,
    /// The rest.
    pub(crate) body: AnswerBody,
}

/// An answer that ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// The rest of an answer. Dropping it before its end closes an HTTP/1.1 connection or resets an HTTP/2 stream.
pub(crate) struct AnswerBody {
    incoming: Incoming,
    link: Option<Link>,
    home: Option<(SharedPool, Arc<Target>)>,
    _lease: Option<Lease>,
}

impl AnswerBody {
    /// The next frame, driving the connection as far as it goes.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let Some(link) = &mut self.link else { return self.poll_stream(cx) };
        // The body is fed by the connection alone, which is polled right here with the task's own waker.
        let incoming = &mut self.incoming;
        let latch = Arc::clone(&link.line.latch);
        let mut next = || {
            let mut fed = Context::from_waker(Waker::noop());
            latch.holding(|| Pin::new(&mut *incoming).poll_frame(&mut fed))
        };
        let mut polled = next();
        if polled.is_pending() {
            // The connection may have closed in order behind the last frame, so the body is asked once more.
            let _ = link.line.poll(cx);
            polled = next();
        }
        if matches!(polled, Poll::Ready(None)) || (polled.is_ready() && self.incoming.is_end_stream()) {
            self.recycle();
        }
        polled.map_err(|_| Broken)
    }

    /// A stream of HTTP/2: one that was reset says that it ended, where the reason is `NO_ERROR`.
    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx).map_err(|_| Broken);
        match polled {
            Poll::Ready(None) if !self.incoming.is_end_stream() => Poll::Ready(Some(Err(Broken))),
            polled => polled,
        }
    }

    /// Whether nothing more will come.
    pub(crate) fn is_end(&self) -> bool {
        self.incoming.is_end_stream()
    }

    /// How much is to come, where the headers say so.
    pub(crate) fn size_hint(&self) -> http_body::SizeHint {
        self.incoming.size_hint()
    }

    /// Gives the connection back where another request may use it.
    fn recycle(&mut self) {
        let (Some(mut link), Some((pool, target))) = (self.link.take(), self.home.take()) else { return };
        if link.is_open() {
            pool.put(&target, link);
        }
    }
}

/// Sends one request over an idle connection, or a fresh one. Making a connection and waiting for the answer's headers
/// are bounded apart, so that a slow handshake leaves the provider its whole time; `deadline` bounds both.
pub(crate) async fn send(
    connector: &Connector,
    pool: &SharedPool,
    target: &Arc<Target>,
    request: Request<Outbound>,
    timeouts: &Timeouts,
    fresh: bool,
    deadline: Option<Instant>,
) -> Result<Answer, Fault> {
    let now = Instant::now();
    let mut bound = Bound::new(now, timeouts.headers, deadline);
    if !fresh && let Some(link) = pool.take(target, now) {
        let sending = send_h1(pool, target, link, request, true);
        return timeout_at(bound.at.into(), sending).await.unwrap_or_else(|_| bound.passed());
    }
    let unsent = |error| Fault { error, stale: false, unsent: true };
    // Few requests make a connection, so what that takes stands apart from the state that every request has.
    let connecting = Bound::new(now, timeouts.connect, deadline);
    let way = Box::pin(timeout_at(
        connecting.at.into(),
        find_way(connector, pool, target, fresh, timeouts.connect),
    ));
    let Ok(way) = way.await else {
        return if connecting.is_deadline {
            connecting.passed()
        } else {
            Err(unsent(GatewayError::new(Kind::UpstreamTimeout, "Connecting to the provider took too long.")))
        };
    };
    let way = way.map_err(unsent)?;
    bound = Bound::new(Instant::now(), timeouts.headers, deadline);
    let answer = match way {
        Way::Link(link) => timeout_at(bound.at.into(), send_h1(pool, target, link, request, false)).await,
        Way::Shared(connection, lease, reused) => {
            let sending = Box::pin(send_h2(connection.sender, lease, request, reused));
            timeout_at(bound.at.into(), sending).await
        }
    };
    answer.unwrap_or_else(|_| bound.passed())
}

/// Until when a phase may last: its own limit or the deadline, by one timer.
#[derive(Clone, Copy)]
struct Bound {
    at: Instant,
    is_deadline: bool,
}

impl Bound {
    fn new(now: Instant, limit: Duration, deadline: Option<Instant>) -> Self {
        let own = now + limit;
        match deadline {
            Some(deadline) if deadline <= own => Self { at: deadline, is_deadline: true },
            _ => Self { at: own, is_deadline: false },
        }
    }

    fn passed(self) -> Result<Answer, Fault> {
        let error = if self.is_deadline {
            GatewayError::new(Kind::DeadlineExceeded, "The deadline of the request passed.")
        } else {
            GatewayError::new(Kind::UpstreamTimeout, "The provider did not answer in time.")
        };
        Err(Fault { error, stale: false, unsent: false })
    }
}

async fn send_h1(
    pool: &SharedPool,
    target: &Arc<Target>,
    mut link: Link,
    mut request: Request<Outbound>,
    reused: bool,
) -> Result<Answer, Fault> {
    // HTTP/1.1 wants the path alone; the host stands in its header.
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(path);
    }
    link.heard.set(false);
    let result = {
        // The answer comes from the connection alone, which is polled right before: nothing else could wake for it, and
        // a budget that ran out in between must not make it look as if it had not come.
        let mut answer = pin!(unconstrained(link.sender.try_send_request(request)));
        let wire = &mut link.line;
        std::future::poll_fn(|cx| {
            // A closed connection has dropped its end, so the answer is settled either way.
            let _ = wire.poll(cx);
            answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        })
        .await
    };
    match result {
        Ok(response) => {
            let (head, incoming) = response.into_parts();
            let mut body = AnswerBody {
                incoming,
                link: Some(link),
                home: Some((Rc::clone(pool), Arc::clone(target))),
                _lease: None,
            };
            if body.incoming.is_end_stream() {
                body.recycle();
            }
            Ok(Answer { head, body })
        }
        Err(mut failed) => {
            let unsent = failed.take_message().is_some();
            Err(fault(failed.error(), reused && !link.heard.get(), unsent))
        }
    }
}

async fn send_h2(
    mut sender: hyper::client::conn::http2::SendRequest<Outbound>,
    lease: Lease,
    mut request: Request<Outbound>,
    reused: bool,
) -> Result<Answer, Fault> {
    request.headers_mut().remove(HOST);
    *request.version_mut() = Version::HTTP_2;
    let result: Result<Response<Incoming>, _> = sender.try_send_request(request).await;
    match result {
        Ok(response) => {
            let (head, incoming) = response.into_parts();
            Ok(Answer { head, body: AnswerBody { incoming, link: None, home: None, _lease: Some(lease) } })
        }
        Err(mut failed) => {
            let unsent = failed.take_message().is_some();
            Err(fault(failed.error(), reused, unsent))
        }
    }
}

/// `silent`: the connection had served before, and no byte of this answer has come.
fn fault(error: &hyper::Error, silent: bool, unsent: bool) -> Fault {
    let (kind, message) = if error.is_parse() {
        (Kind::UpstreamInvalid, "The provider's answer is not HTTP.")
    } else {
        (Kind::UpstreamReset, "The provider closed the connection before its answer.")
    };
    let unprocessed = is_unprocessed(error);
    let stale = unprocessed
        || silent
            && (unsent
                || error.is_canceled()
                || error.is_closed()
                || error.is_incomplete_message()
                || is_reset(error));
    let error = GatewayError::new(kind, message).with_cause(describe(error));
    Fault { error, stale, unsent: unsent || unprocessed }
}

/// The provider says that it has not begun with the request: a stream that it refused, or one behind the last that it
/// took before it went away (RFC 9113, sections 6.8 and 8.7).
fn is_unprocessed(error: &hyper::Error) -> bool {
    h2_error(error).is_some_and(|error| {
        error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

fn h2_error(error: &hyper::Error) -> Option<&h2::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

fn is_reset(error: &hyper::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    source.or_else(|| h2_error(error)?.get_io()).is_some_and(|io| {
        matches!(io.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof)
    })
}

fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
