//! From a host name to a connection that speaks HTTP.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ferrogate_core::snapshot::Target;
use ferrogate_core::{GatewayError, Kind};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::dial::dial;
use super::exchange::Link;
use super::multiplexed::{Connection, Multiplexed};
use super::stream::{Socket, Stream};
use super::trust::{Authorities, failed};
use crate::door::Bell;
use crate::shard::LocalExecutor;

/// A bound on an answer's head; hyper's own is 400 kB.
const HEAD: usize = 32 * 1024;

/// A connection with requests on it is asked for a sign of life this often, and given up without one this late: a
/// network that has forgotten it says nothing.
const PING: Duration = Duration::from_secs(30);
const PONG: Duration = Duration::from_secs(20);

/// Opens connections.
pub(crate) struct Connector {
    authorities: Authorities,
    bell: Option<Arc<Bell>>,
}

/// A fresh connection.
pub(crate) enum Opened {
    /// HTTP/1.1: the caller polls the connection.
    H1(Link),
    /// HTTP/2: a task of its own polls it.
    H2(Multiplexed),
}

impl Connector {
    /// Trusts what `system` does, but where a provider has authorities of its own. Connections ring the bell.
    pub(crate) fn new(system: &ClientConfig, bell: Option<Arc<Bell>>) -> Self {
        Self { authorities: Authorities::new(system), bell }
    }

    /// Resolves, connects, shakes hands. The caller bounds the time.
    pub(crate) async fn open(&self, target: &Target) -> Result<Opened, GatewayError> {
        let stream = dial(target, self.bell.as_deref()).await?;
        if !target.tls {
            return open_h1(Socket::Tcp(stream)).await;
        }
        let name = ServerName::try_from(target.host.to_string()).map_err(|error| {
            GatewayError::new(
                Kind::UpstreamTls,
                "No certificate can be for the host in the provider's `base_url`.",
            )
            .with_cause(error)
        })?;
        let connector = self.authorities.connector(target.trust.as_ref(), target.http2)?;
        let stream = connector.connect(name, stream).await.map_err(|error| failed(&error))?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = Socket::Tls(Box::new(stream));
        if is_h2 { open_h2(stream).await } else { open_h1(stream).await }
    }
}

async fn open_h1(socket: Socket) -> Result<Opened, GatewayError> {
    let (stream, heard) = Stream::new(socket);
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| reset(&error))?;
    Ok(Opened::H1(Link::new(sender, connection, heard)))
}

async fn open_h2(socket: Socket) -> Result<Opened, GatewayError> {
    let (stream, heard, told) = Stream::telling(socket);
    let (sender, connection) = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        // Until the provider has said how many it takes, it is asked for one.
        .initial_max_send_streams(1)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| reset(&error))?;
    let connection: Connection = Rc::new(RefCell::new(Some(Box::pin(connection))));
    let driven = Rc::clone(&connection);
    tokio::task::spawn_local(poll_fn(move |cx| {
        let mut driven = driven.borrow_mut();
        let over = driven.as_mut().is_none_or(|connection| connection.as_mut().poll(cx).is_ready());
        if over {
            *driven = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }));
    Ok(Opened::H2(Multiplexed::new(sender, connection, heard, told)))
}

fn reset(error: &hyper::Error) -> GatewayError {
    GatewayError::new(Kind::UpstreamReset, "The provider closed the connection.").with_cause(error)
}
