//! One HTTP/1.1 connection of a client: requests one after the other, and an end that the client understands.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::farewell::{Ending, Muted};
use super::io::ClientIo;
use super::watch::{Phase, Watch};
use crate::relay::Relay;
use crate::shard::Shard;

/// Serves until the connection ends or a clock runs out.
pub(super) async fn serve<F, R>(shard: &Rc<Shard>, io: ClientIo, watch: &Arc<Watch>, respond: F)
where
    F: Fn(Request<Incoming>) -> R,
    R: Future<Output = Result<Response<Relay>, Infallible>>,
{
    // The answer itself and nothing around it: hyper moves this future into its place, with all that it may come to
    // hold, and a block that awaits it would hold it twice.
    let service = service_fn(|request| {
        watch.enter(Phase::Busy);
        respond(request)
    });
    let headers_bytes = shard.shared.snapshot.load().limits.client_headers_bytes;
    let mut builder = http1::Builder::new();
    builder
        .half_close(false)
        .max_buf_size(headers_bytes)
        .max_header_size(headers_bytes)
        .header_read_timeout(None);
    let io = TokioIo::new(Muted::new(io, Arc::clone(watch)));
    let mut connection = builder.serve_connection(io, service).with_upgrades();
    let waker = Waker::from(Arc::clone(watch));
    let ending = poll_fn(|cx| {
        // The watch wakes this task.
        let _ = watch.poll_expired(cx);
        // In this order: a request that is here when its connection's time is up is served. No connection is shut
        // down for a drain: the last answer on it says so, or it stands idle for a moment.
        match Pin::new(&mut connection).poll(&mut Context::from_waker(&waker)) {
            Poll::Pending if watch.is_expired() => Poll::Ready(Ending::Expired),
            // An error here is the client's, or a cut that the relay asked for: both are in the record already.
            polled => polled.map(Ending::from),
        }
    })
    .await;
    if let Some(parts) = connection.into_parts() {
        parts.io.into_inner().farewell(&ending, shard.shared.says_goodbye()).await;
    }
}
