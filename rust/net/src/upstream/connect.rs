//! From a host name to a connection that speaks HTTP.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ferrogate_core::balance::Moment;
use ferrogate_core::snapshot::{Proxy, ProxyScheme, Target, TlsRules};
use ferrogate_core::{GatewayError, Kind};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::dial::dial;
use super::exchange::Link;
use super::multiplexed::{Connection, Multiplexed};
use super::pool::Pool;
use super::proxy::{self, Destination};
use super::resolve::{Resolver, check};
use super::stream::{Socket, Stream};
use super::trust::{Authorities, failed};
use crate::clock;
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
    resolver: Resolver,
    refreshing: Cell<bool>,
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
        Self {
            authorities: Authorities::new(system),
            resolver: Resolver::default(),
            refreshing: Cell::new(false),
            bell,
        }
    }

    /// Waits for its turn, resolves, connects, shakes hands. The caller bounds the time, to `limit` at most.
    pub(crate) async fn open(&self, target: &Target, limit: Duration) -> Result<Opened, GatewayError> {
        let now = clock::now().since(Moment::after_start(Duration::ZERO));
        let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let turn = target.reach.pace.turn(now, limit).ok_or_else(|| {
            let message = "As many connections as may be made to the provider wait for their turn; see \
                           `connections_per_second` in gateway.yaml.";
            GatewayError::new(Kind::UpstreamTimeout, message)
        })?;
        if !turn.is_zero() {
            tokio::time::sleep(turn).await;
        }
        let (socket, peer) = if let Some(proxy) = &target.reach.proxy {
            (self.through(proxy, target).await?, None)
        } else {
            let addresses = self.resolver.of(target).await?;
            let stream = dial(addresses, self.bell.as_deref(), "The provider could not be reached.").await?;
            let peer = stream.peer_addr().ok().map(|peer| peer.ip());
            (Socket::Tcp(stream), peer)
        };
        if !target.tls {
            return open_h1(socket, peer).await;
        }
        let host = target.rules.server_name.as_ref().unwrap_or(&target.host);
        let connector = self.authorities.connector(&target.rules, target.http2)?;
        let name = server_name(host, "No certificate can be for the host in the provider's `base_url`.")?;
        let (socket, is_h2) = match socket {
            Socket::Tcp(stream) => {
                let stream = connector.connect(name, stream).await.map_err(|error| failed(&error))?;
                let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                (Socket::Tls(Box::new(stream)), is_h2)
            }
            Socket::Tls(stream) => {
                let stream = connector.connect(name, *stream).await.map_err(|error| failed(&error))?;
                let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                (Socket::Through(Box::new(stream)), is_h2)
            }
            through @ Socket::Through(_) => (through, false),
        };
        if is_h2 { open_h2(socket, peer).await } else { open_h1(socket, peer).await }
    }

    /// A connection to the provider that a proxy carries.
    async fn through(&self, proxy: &Proxy, target: &Target) -> Result<Socket, GatewayError> {
        let destination = match (target.reach.addresses.first(), target.host.parse::<IpAddr>()) {
            (Some(fixed), _) => Destination::Address(*fixed),
            (None, Ok(address)) => Destination::Address(address),
            (None, Err(_)) if proxy.scheme == ProxyScheme::Socks5 => {
                let found = self.resolver.of(target).await?;
                found.first().map_or_else(
                    || Destination::Name(target.host.clone()),
                    |address| Destination::Address(address.ip()),
                )
            }
            (None, Err(_)) => Destination::Name(target.host.clone()),
        };
        if let Destination::Address(address) = destination {
            check(&target.host, address)?;
        }
        let addresses = self.resolver.of_proxy(&proxy.host, proxy.port).await?;
        let mut stream = dial(addresses, self.bell.as_deref(), "The proxy could not be reached.").await?;
        match proxy.scheme {
            ProxyScheme::Http => proxy::connect(&mut stream, proxy, &destination, target.port).await?,
            ProxyScheme::Socks5 | ProxyScheme::Socks5h => {
                proxy::socks(&mut stream, proxy, &destination, target.port).await?;
            }
            ProxyScheme::Https => {
                let name = server_name(&proxy.host, "No certificate can be for the proxy's host.")?;
                let connector = self.authorities.connector(&TlsRules::default(), false)?;
                let mut stream = connector.connect(name, stream).await.map_err(|error| {
                    let message = "The TLS handshake with the proxy failed: its certificate must be signed by an \
                                   authority of this system.";
                    GatewayError::new(Kind::UpstreamTls, message).with_cause(error)
                })?;
                proxy::connect(&mut stream, proxy, &destination, target.port).await?;
                return Ok(Socket::Tls(Box::new(stream)));
            }
        }
        Ok(Socket::Tcp(stream))
    }

    /// Asks anew for names whose answer is old, and lets go of connections to addresses that they no longer lead to.
    pub(crate) async fn refresh(&self, pool: &Pool) {
        if self.refreshing.replace(true) {
            return;
        }
        for target in pool.named() {
            let ttl = target.reach.dns_ttl;
            if self.resolver.is_due(&target.host, ttl) {
                // Where it fails the old answer stands.
                let _ = self.resolver.lookup(&target.host, target.port, ttl).await;
            }
            pool.retire(&target, |peer| self.resolver.is_gone(&target.host, peer, ttl));
        }
        self.refreshing.set(false);
    }
}

fn server_name(host: &str, message: &'static str) -> Result<ServerName<'static>, GatewayError> {
    ServerName::try_from(host.to_owned())
        .map_err(|error| GatewayError::new(Kind::UpstreamTls, message).with_cause(error))
}

async fn open_h1(socket: Socket, peer: Option<IpAddr>) -> Result<Opened, GatewayError> {
    let (stream, heard) = Stream::new(socket);
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| reset(&error))?;
    Ok(Opened::H1(Link::new(sender, connection, heard, peer)))
}

async fn open_h2(socket: Socket, peer: Option<IpAddr>) -> Result<Opened, GatewayError> {
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
    Ok(Opened::H2(Multiplexed::new(sender, connection, heard, told, peer)))
}

fn reset(error: &hyper::Error) -> GatewayError {
    GatewayError::new(Kind::UpstreamReset, "The provider closed the connection.").with_cause(error)
}
