//! From a host name to a connection that speaks HTTP.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ferrogate_core::snapshot::Target;
use ferrogate_core::{GatewayError, Kind};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::body::Outbound;
use super::exchange::Link;
use super::stream::{Socket, Stream};
use crate::shard::LocalExecutor;

/// Opens connections.
pub(crate) struct Connector {
    with_http2: TlsConnector,
    without_http2: TlsConnector,
}

/// A fresh connection.
pub(crate) enum Opened {
    /// HTTP/1.1: the caller polls the connection.
    H1(Link),
    /// HTTP/2: a task of its own polls it.
    H2(http2::SendRequest<Outbound>),
}

/// TLS settings: the system's certificates, or Mozilla's where the system has none. `SSL_CERT_FILE` is honoured.
pub(crate) fn tls_config() -> Result<ClientConfig, GatewayError> {
    let mut roots = rustls::RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let internal = |error| GatewayError::new(Kind::Internal, "TLS could not be set up.").with_cause(error);
    Ok(versions.map_err(internal)?.with_root_certificates(roots).with_no_client_auth())
}

impl Connector {
    /// Two settings that differ in what they offer.
    pub(crate) fn new(config: &Arc<ClientConfig>) -> Self {
        let offering = |protocols: &[&[u8]]| {
            let mut config = ClientConfig::clone(config);
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            TlsConnector::from(Arc::new(config))
        };
        Self { with_http2: offering(&[b"h2", b"http/1.1"]), without_http2: offering(&[b"http/1.1"]) }
    }

    /// Resolves, connects, shakes hands. The caller bounds the time.
    pub(crate) async fn open(&self, target: &Target) -> Result<Opened, GatewayError> {
        let stream = connect(target).await?;
        if !target.tls {
            return open_h1(Socket::Tcp(stream)).await;
        }
        let tls_failed = |error: &dyn std::fmt::Display| {
            GatewayError::new(Kind::UpstreamTls, "The TLS handshake with the provider failed.")
                .with_cause(error)
        };
        let name = ServerName::try_from(target.host.to_string()).map_err(|error| tls_failed(&error))?;
        let connector = if target.http2 { &self.with_http2 } else { &self.without_http2 };
        let stream = connector.connect(name, stream).await.map_err(|error| tls_failed(&error))?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = Socket::Tls(Box::new(stream));
        if is_h2 { open_h2(stream).await } else { open_h1(stream).await }
    }
}

async fn open_h1(socket: Socket) -> Result<Opened, GatewayError> {
    let (stream, heard) = Stream::new(socket);
    let (sender, connection) =
        http1::Builder::new().handshake(TokioIo::new(stream)).await.map_err(|error| reset(&error))?;
    Ok(Opened::H1(Link::new(sender, connection, heard)))
}

async fn open_h2(socket: Socket) -> Result<Opened, GatewayError> {
    let (stream, _) = Stream::new(socket);
    let (sender, connection) = http2::Builder::new(LocalExecutor)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| reset(&error))?;
    tokio::task::spawn_local(connection);
    Ok(Opened::H2(sender))
}

fn reset(error: &hyper::Error) -> GatewayError {
    GatewayError::new(Kind::UpstreamReset, "The provider closed the connection.").with_cause(error)
}

async fn connect(target: &Target) -> Result<TcpStream, GatewayError> {
    let mut last: Option<io::Error> = None;
    for address in resolve(target).await? {
        refuse_link_local(address.ip())?;
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true).ok();
                return Ok(stream);
            }
            Err(error) => last = Some(error),
        }
    }
    let cause = last.map_or_else(|| "the name has no address".to_owned(), |error| error.to_string());
    Err(GatewayError::new(Kind::UpstreamConnect, "The provider could not be reached.").with_cause(cause))
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, GatewayError> {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    let addresses = lookup_host((&*target.host, target.port)).await.map_err(|error| {
        GatewayError::new(Kind::UpstreamDns, "The provider's host name does not resolve.").with_cause(error)
    })?;
    Ok(addresses.collect())
}

/// Link-local addresses hold the metadata services of clouds; no provider lives there.
fn refuse_link_local(address: IpAddr) -> Result<(), GatewayError> {
    let is_link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => v4.is_link_local(),
            None => v6.is_unicast_link_local(),
        },
    };
    if is_link_local {
        let message = "The provider's base URL leads to a link-local address, which the gateway refuses.";
        return Err(GatewayError::new(Kind::AddressRefused, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_local_addresses_are_refused_in_every_spelling() {
        for address in ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254"] {
            let error = refuse_link_local(address.parse().unwrap()).unwrap_err();
            assert_eq!(error.kind, Kind::AddressRefused, "{address}");
        }
        for address in ["127.0.0.1", "10.0.0.1", "::1", "2001:db8::1"] {
            assert!(refuse_link_local(address.parse().unwrap()).is_ok(), "{address}");
        }
    }
}
