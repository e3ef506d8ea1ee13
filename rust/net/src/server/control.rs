//! Everything that is not inference goes to the control plane: the FastAPI application on a Unix socket.

use std::path::PathBuf;

use ferrogate_core::{GatewayError, Kind};
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::relay::Relay;
use crate::request::{plain_error, strip_forwarding, strip_hop_by_hop};

/// The way to the control plane.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    socket: Option<PathBuf>,
}

impl ControlPlane {
    pub(crate) fn new(socket: Option<PathBuf>) -> Self {
        Self { socket }
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
        let socket = self.socket.as_ref().ok_or(())?;
        let upgrade = request.headers().get(UPGRADE).cloned();
        let headers = request.headers_mut();
        strip_hop_by_hop(headers);
        strip_forwarding(headers);
        if let Some(protocol) = &upgrade {
            headers.insert(UPGRADE, protocol.clone());
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        }
        let client = upgrade.is_some().then(|| hyper::upgrade::on(&mut request));
        let stream = UnixStream::connect(socket).await.map_err(|_| ())?;
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

async fn tunnel(client: hyper::upgrade::OnUpgrade, server: hyper::upgrade::OnUpgrade) {
    if let (Ok(client), Ok(server)) = tokio::join!(client, server) {
        let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
        // Either end may close; the other is closed with it.
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
    }
}
