//! One client connection after the other.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};

use ferrogate_core::{GatewayError, Kind};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};

use super::control::ControlPlane;
use super::io::ClientIo;
use super::watch::{Phase, Watch};
use crate::relay::Relay;
use crate::request::{self, Inbound, InboundBody, plain_error};
use crate::shard::Shard;

/// Accepts until the gateway drains.
pub(crate) async fn serve(shard: Rc<Shard>, listener: TcpListener, control: Rc<ControlPlane>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shard.shared.wait_for_drain() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let limit = shard.shared.snapshot.load().limits.max_connections;
                if shard.shared.connections.get() < limit {
                    tokio::task::spawn_local(connection(Rc::clone(&shard), stream, Rc::clone(&control)));
                }
            }
            // Out of file descriptors, mostly: others may end meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    drop(listener);
    shard.watches.wake_all();
}

async fn connection(shard: Rc<Shard>, stream: TcpStream, control: Rc<ControlPlane>) {
    let _open = shard.shared.open_connection();
    stream.set_nodelay(true).ok();
    let watch = Watch::new();
    shard.watches.add(&watch);
    let headers_bytes = shard.shared.snapshot.load().limits.client_headers_bytes;
    let service =
        service_fn(|request| respond(Rc::clone(&shard), request, Arc::clone(&watch), Rc::clone(&control)));
    let mut builder = http1::Builder::new();
    builder.half_close(false).max_buf_size(headers_bytes).header_read_timeout(None);
    let connection =
        builder.serve_connection(ClientIo::new(stream, Arc::clone(&watch)), service).with_upgrades();
    let mut connection = pin!(connection);
    let mut is_closing = false;
    poll_fn(|cx| {
        if watch.poll_expired(cx) {
            return Poll::Ready(());
        }
        if !is_closing && shard.shared.draining.load(Relaxed) {
            is_closing = true;
            connection.as_mut().graceful_shutdown();
        }
        // An error here is the client's, or a cut that the relay asked for: both are in the record already.
        connection.as_mut().poll(cx).map(|_| ())
    })
    .await;
}

async fn respond(
    shard: Rc<Shard>,
    request: Request<Incoming>,
    watch: Arc<Watch>,
    control: Rc<ControlPlane>,
) -> Result<Response<Relay>, Infallible> {
    let arrived = Instant::now();
    watch.enter(Phase::Busy);
    if request::is_inference(request.method(), request.uri().path()) {
        let (head, body) = request.into_parts();
        let inbound = Inbound {
            head,
            body: InboundBody::Socket(body),
            door: "native",
            arrived,
            queued: Duration::ZERO,
            watch: Some(watch),
        };
        return Ok(request::handle(&shard, inbound).await);
    }
    let mut response = match request.uri().path() {
        "/healthz" => status(StatusCode::OK, "ok"),
        "/readyz" => readiness(&shard),
        _ if shard.shared.control.load(Relaxed) => control.forward(request).await,
        _ => plain_error(&GatewayError::new(
            Kind::ControlPlaneDown,
            "The admin application does not answer; inference goes on. See the gateway's log.",
        )),
    };
    response.body_mut().attach(Some(watch));
    Ok(response)
}

fn readiness(shard: &Shard) -> Response<Relay> {
    let state = &shard.shared;
    if state.draining.load(Relaxed) {
        status(StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if !state.ready.load(Relaxed) {
        status(StatusCode::SERVICE_UNAVAILABLE, "starting")
    } else if state.control.load(Relaxed) {
        status(StatusCode::OK, "ready")
    } else {
        status(StatusCode::OK, "ready, without the admin application")
    }
}

fn status(code: StatusCode, text: &'static str) -> Response<Relay> {
    let mut response = Response::new(Relay::whole(bytes::Bytes::from(format!("{{\"status\":\"{text}\"}}"))));
    *response.status_mut() = code;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
