//! One client connection after the other.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};

use ferrogate_core::{GatewayError, Kind};
use http::header::{CONNECTION, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::client::Client;
use super::control::ControlPlane;
use super::io::ClientIo;
use super::pending::Pending;
use super::watch::Watch;
use super::{h1, h2};
use crate::relay::Relay;
use crate::request::{self, Inbound, InboundBody, plain_error};
use crate::shard::Shard;
use crate::shared::OpenConnection;

/// Bytes of answers that the kernel takes before the client has room for them.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 * 1024;

/// Accepts until the gateway closes its listeners.
pub(crate) async fn serve(shard: Rc<Shard>, listener: TcpListener, control: Rc<ControlPlane>) {
    let _accepting = shard.shared.open_listener();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shard.shared.wait_for_close() => break,
        };
        match accepted {
            Ok((stream, _)) => admit(&shard, stream, &control),
            // Out of file descriptors, mostly: others may end meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    // Who waits in the queue would be reset with the socket, where nobody else accepts from it.
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, _)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            admit(&shard, stream, &control);
        }
    }
}

fn admit(shard: &Rc<Shard>, stream: TcpStream, control: &Rc<ControlPlane>) {
    let limit = shard.shared.snapshot.load().limits.max_connections;
    if shard.shared.connections.get() < limit {
        let open = shard.shared.open_connection();
        tokio::task::spawn_local(connection(Rc::clone(shard), stream, Rc::clone(control), open));
    }
}

async fn connection(shard: Rc<Shard>, stream: TcpStream, control: Rc<ControlPlane>, _open: OpenConnection) {
    stream.set_nodelay(true).ok();
    hold_little(&stream);
    let watch = Watch::new();
    shard.watches.add(&watch);
    let Some((io, is_h2)) = open(&shard, stream, &watch).await else { return };
    if is_h2 {
        let respond = |request, stream| {
            respond(Rc::clone(&shard), request, Client::Stream(stream), Rc::clone(&control))
        };
        return h2::serve(&shard, io, &watch, respond).await;
    }
    let respond = |request| {
        respond(Rc::clone(&shard), request, Client::Connection(Arc::clone(&watch)), Rc::clone(&control))
    };
    h1::serve(&shard, io, &watch, respond).await;
}

/// Lets the kernel hold little that the client has not asked for: its own bound is 4 MB a connection, which a crowd that
/// does not read would fill.
fn hold_little(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT).ok();
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

/// Shakes hands and finds out what the client speaks; None where it leaves, or takes too long.
async fn open(shard: &Shard, stream: TcpStream, watch: &Arc<Watch>) -> Option<(ClientIo, bool)> {
    let config = shard.shared.listener_tls.load_full();
    let limit = shard.shared.snapshot.load().limits.client_headers;
    let is_tls = config.is_some();
    let mut opening = pin!(ClientIo::open(stream, config, watch));
    let opened = poll_fn(|cx| {
        let polled = opening.as_mut().poll(cx);
        if polled.is_pending() && watch.poll_expired(cx) { Poll::Ready(None) } else { polled.map(Result::ok) }
    });
    // Without TLS the watch keeps the time.
    if is_tls { timeout(limit, opened).await.ok().flatten() } else { opened.await }
}

/// An answer that is being made.
type Answering = Pin<Box<dyn Future<Output = Result<Response<Relay>, Infallible>>>>;

/// In memory of its own, which goes with the answer's head: hyper keeps its room for this future as long as the
/// connection, and 19 kB stood idle behind every open stream.
fn respond(
    shard: Rc<Shard>,
    request: Request<Incoming>,
    client: Client,
    control: Rc<ControlPlane>,
) -> Answering {
    let is_http1 = request.version() < Version::HTTP_2;
    let mut pending = Pending::new(Rc::clone(&shard), request, client);
    Box::pin(async move {
        let Some((request, client, arrived)) = pending.take() else {
            return Ok(plain_error(&GatewayError::new(Kind::Internal, "The request was answered before.")));
        };
        let mut response = answer(&shard, request, client, arrived, &control).await;
        if is_http1 && shard.shared.says_goodbye() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    })
}

async fn answer(
    shard: &Rc<Shard>,
    request: Request<Incoming>,
    client: Client,
    arrived: Instant,
    control: &ControlPlane,
) -> Response<Relay> {
    let (mut head, body) = request.into_parts();
    if request::is_inference(head.uri.path()) {
        let inbound = Inbound {
            head,
            body: InboundBody::Socket(body, client.clone()),
            door: "native",
            arrived,
            queued: Duration::ZERO,
            client: Some(client),
            home: None,
        };
        return request::handle(shard, inbound).await;
    }
    let mut response = match head.uri.path() {
        "/healthz" => status(StatusCode::OK, "ok"),
        "/readyz" => readiness(shard),
        _ if shard.shared.control.load(Relaxed) => match request::settle(&mut head) {
            Ok(()) if head.method == Method::CONNECT => {
                plain_error(&GatewayError::new(Kind::RouteNotFound, "The gateway is no tunnel."))
            }
            // Beside an inference request's state this one's is for few.
            Ok(()) => Box::pin(control.forward(Request::from_parts(head, body))).await,
            Err(error) => plain_error(&error),
        },
        _ => plain_error(&GatewayError::new(
            Kind::ControlPlaneDown,
            "The admin application does not answer; inference goes on. See the gateway's log.",
        )),
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        client.upgraded();
    }
    response.body_mut().attach(Some(client));
    response
}

fn readiness(shard: &Shard) -> Response<Relay> {
    let state = &shard.shared;
    if state.leaving.load(Relaxed) {
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
