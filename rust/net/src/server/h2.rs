//! One HTTP/2 connection of a client. Each request has a task, which ends with the request's own clock.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use ferrogate_core::snapshot::Limits;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::io::ClientIo;
use super::stream::Stream;
use super::watch::Watch;
use crate::relay::Relay;
use crate::shard::Shard;

/// Of a request body that nobody reads yet, for one request and for a connection.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Of an answer that the client does not take, for one request.
const SEND_BUFFER: usize = 64 * 1024;
/// Requests that were reset before they were looked at (CVE-2023-44487), and that broke the protocol.
const PENDING_RESETS: usize = 20;
const LOCAL_RESETS: usize = 256;

/// Serves until the connection ends, a clock runs out, or the gateway leaves and what was begun is done.
pub(super) async fn serve<F, R>(shard: &Rc<Shard>, io: ClientIo, watch: &Arc<Watch>, respond: F)
where
    F: Fn(Request<Incoming>, Arc<Stream>) -> R,
    R: Future<Output = Result<Response<Relay>, Infallible>> + 'static,
{
    let tasks = Tasks::default();
    let service = service_fn(|request| {
        let stream = Stream::open(watch);
        tasks.next.borrow_mut().replace(Arc::clone(&stream));
        // By pointer: hyper and the task move what they hold several times.
        let response = Box::pin(respond(request, Arc::clone(&stream)));
        async move {
            let response = response.await;
            if response.as_ref().is_ok_and(|response| response.body().is_end_stream()) {
                stream.answered();
            }
            response
        }
    });
    let limits = shard.shared.snapshot.load().limits;
    let connection = builder(&limits, tasks.clone()).serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    let mut is_closing = false;
    poll_fn(|cx| {
        if watch.poll_expired(cx) {
            return Poll::Ready(());
        }
        if !is_closing && shard.shared.says_goodbye() {
            is_closing = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx).map(|_| ())
    })
    .await;
}

fn builder(limits: &Limits, tasks: Tasks) -> http2::Builder<Tasks> {
    let mut builder = http2::Builder::new(tasks);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.client_streams)
        .max_header_list_size(u32::try_from(limits.client_headers_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        // A client that is gone is noticed while its answer takes long; one that only reads slowly has the time that
        // a reader on HTTP/1.1 has.
        .keep_alive_interval(limits.client_keepalive)
        .keep_alive_timeout(limits.client_stall);
    builder
}

/// Runs each request as a task of this thread, under the clock of its stream. hyper asks for the service and then at
/// once for the task, so the stream that was opened last is the task's.
#[derive(Debug, Clone, Default)]
struct Tasks {
    next: Rc<RefCell<Option<Arc<Stream>>>>,
}

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        let stream = self.next.borrow_mut().take();
        tokio::task::spawn_local(async move {
            let mut future = pin!(future);
            poll_fn(|cx| poll_task(future.as_mut(), stream.as_ref(), cx)).await;
        });
    }
}

/// A stream that expires is dropped with its task, which resets it.
fn poll_task<F: Future>(future: Pin<&mut F>, stream: Option<&Arc<Stream>>, cx: &mut Context<'_>) -> Poll<()> {
    if stream.is_some_and(|stream| stream.poll_expired(cx)) {
        return Poll::Ready(());
    }
    future.poll(cx).map(|_| ())
}
