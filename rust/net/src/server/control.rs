//! Everything that is not inference goes to the control plane: the FastAPI application on a Unix socket.

use std::sync::Arc;

use ferrogate_core::{GatewayError, Kind};
use http::header::{CONNECTION, COOKIE, HOST, HeaderName, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::relay::Relay;
use crate::request::{plain_error, strip_forwarding, strip_hop_by_hop};
use crate::shared::Shared;

/// Tells the control plane that the client came by TLS; nobody else can reach its socket.
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The way to the control plane.
pub(crate) struct ControlPlane {
    shared: Arc<Shared>,
}

impl ControlPlane {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// Forwards one request on a connection of its own; upgrades (WebSocket) and event streams pass.
    pub(crate) async fn forward(&self, request: Request<Incoming>) -> Response<Relay> {
        match self.exchange(request).await {
            Ok(response) => response,
            Err(()) => plain_error(&GatewayError::new(
                Kind::ControlPlaneDown,
                "The admin application does not answer; inference goes on. See the gateway's log.",
            )),
        }
    }

    async fn exchange(&self, mut request: Request<Incoming>) -> Result<Response<Relay>, ()> {
        // Looked up for each request: after a take-over it is the successor's.
        let socket = self.shared.control_socket.load_full().ok_or(())?;
        let upgrade = request.headers().get(UPGRADE).cloned();
        let headers = request.headers_mut();
        strip_hop_by_hop(headers);
        strip_forwarding(headers);
        if let Some(protocol) = &upgrade {
            headers.insert(UPGRADE, protocol.clone());
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        if self.shared.listener_tls.load().is_some() {
            headers.insert(FORWARDED_PROTO, HeaderValue::from_static("https"));
        }
        let client = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
        as_http1(&mut request);
        let stream = UnixStream::connect(&*socket).await.map_err(|_| ())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| ())?;
        tokio::task::spawn_local(connection.with_upgrades());
        let mut response = sender.send_request(request).await.map_err(|_| ())?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(client) = client
        {
            let server = hyper::upgrade::on(&mut response);
            tokio::task::spawn_local(tunnel(client, server));
        } else {
            strip_hop_by_hop(response.headers_mut());
        }
        Ok(response.map(Relay::control))
    }
}

/// HTTP/2 and absolute-form requests name the host in the address, and HTTP/2 may send a cookie in parts.
fn as_http1(request: &mut Request<Incoming>) {
    let uri = std::mem::take(request.uri_mut());
    let authority = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    *request.uri_mut() = uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
    let was_http2 = request.version() == Version::HTTP_2;
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    if let Some(authority) = authority {
        headers.insert(HOST, authority);
    }
    if was_http2 && headers.get_all(COOKIE).iter().nth(1).is_some() {
        let parts: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&parts.join(&b"; "[..])) {
            headers.insert(COOKIE, joined);
        }
    }
}

async fn tunnel(client: hyper::upgrade::OnUpgrade, server: hyper::upgrade::OnUpgrade) {
    if let (Ok(client), Ok(server)) = tokio::join!(client, server) {
        let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
        // Either end may close; the other is closed with it.
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
    }
}
