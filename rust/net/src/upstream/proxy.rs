//! Asking a proxy to carry a connection: CONNECT (RFC 9110, section 9.3.6) and SOCKS 5 (RFC 1928 and 1929).
//!
//! A proxy is not trusted to be brief or honest: what it may say is bounded, and what stands behind its answer before
//! anything was asked of the provider is no provider's. The caller bounds the time.

use std::fmt::Write as _;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrogate_core::snapshot::Proxy;
use ferrogate_core::{GatewayError, Kind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// An answer to CONNECT has no longer head than this.
const HEAD: usize = 16 * 1024;

/// Where the proxy is to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    Name(Box<str>),
    Address(IpAddr),
}

fn failed(message: &'static str, cause: impl std::fmt::Display) -> GatewayError {
    GatewayError::new(Kind::UpstreamConnect, message).with_cause(cause)
}

const BROKEN: &str = "The proxy closed the connection before it had answered.";
const STRANGE: &str = "The proxy's answer is none that its protocol knows; see `proxy` in gateway.yaml.";

fn broken(error: &std::io::Error) -> GatewayError {
    failed(BROKEN, error)
}

/// Asks for a connection by CONNECT.
pub(super) async fn connect<S>(
    stream: &mut S,
    proxy: &Proxy,
    destination: &Destination,
    port: u16,
) -> Result<(), GatewayError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let authority = match destination {
        Destination::Name(name) => format!("{name}:{port}"),
        Destination::Address(IpAddr::V4(address)) => format!("{address}:{port}"),
        Destination::Address(IpAddr::V6(address)) => format!("[{address}]:{port}"),
    };
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n");
    if let Some((name, password)) = &proxy.credential {
        let _ = write!(
            request,
            "proxy-authorization: Basic {}\r\n",
            STANDARD.encode(format!("{name}:{password}"))
        );
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| broken(&error))?;
    stream.flush().await.map_err(|error| broken(&error))?;
    let mut head = Vec::with_capacity(512);
    loop {
        let mut piece = [0; 512];
        let read = stream.read(&mut piece).await.map_err(|error| broken(&error))?;
        if read == 0 {
            return Err(failed(BROKEN, "the end of the connection"));
        }
        head.extend_from_slice(&piece[..read]);
        if let Some(end) = memchr::memmem::find(&head, b"\r\n\r\n") {
            let status = status(&head[..end])?;
            // Refusals have a body; nobody reads it. Behind a success the provider speaks second.
            return match status {
                200..=299 if end + 4 == head.len() => Ok(()),
                200..=299 => Err(failed(STRANGE, "bytes behind its answer")),
                _ => Err(refused(status)),
            };
        }
        if head.len() > HEAD {
            return Err(failed(STRANGE, "a head without an end"));
        }
    }
}

fn status(head: &[u8]) -> Result<u16, GatewayError> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let text = std::str::from_utf8(line).ok().filter(|text| text.starts_with("HTTP/1."));
    let status = text.and_then(|text| text.split(' ').nth(1)?.parse::<u16>().ok());
    status.filter(|status| (200..600).contains(status)).ok_or_else(|| failed(STRANGE, "no status"))
}

fn refused(status: u16) -> GatewayError {
    let message = match status {
        407 => {
            "The proxy asks for credentials, or refuses those that it was given: write \
             http://USER:PASSWORD@HOST:PORT as `proxy`."
        }
        403 => "The proxy refuses to connect to this provider; ask whoever runs it to allow the host.",
        502..=504 => "The proxy could not reach the provider.",
        _ => "The proxy refused the connection.",
    };
    failed(message, format_args!("status {status}"))
}

/// Asks for a connection by SOCKS 5.
pub(super) async fn socks<S>(
    stream: &mut S,
    proxy: &Proxy,
    destination: &Destination,
    port: u16,
) -> Result<(), GatewayError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    const NONE: u8 = 0;
    const PASSWORD: u8 = 2;
    let method = if proxy.credential.is_some() { PASSWORD } else { NONE };
    send(stream, &[5, 1, method]).await?;
    match receive::<2, _>(stream).await? {
        [5, chosen] if chosen == method => {}
        [5, 0xff] => return Err(refused(407)),
        other => return Err(failed(STRANGE, format_args!("{other:?} for a method"))),
    }
    if let Some((name, password)) = &proxy.credential {
        let mut request = vec![1];
        for part in [name, password] {
            request
                .push(u8::try_from(part.len()).map_err(|_| failed(STRANGE, "a credential above 255 bytes"))?);
            request.extend_from_slice(part.as_bytes());
        }
        send(stream, &request).await?;
        if receive::<2, _>(stream).await?[1] != 0 {
            return Err(refused(407));
        }
    }
    let mut request = vec![5, 1, 0];
    match destination {
        Destination::Address(IpAddr::V4(address)) => {
            request.push(1);
            request.extend_from_slice(&address.octets());
        }
        Destination::Address(IpAddr::V6(address)) => {
            request.push(4);
            request.extend_from_slice(&address.octets());
        }
        Destination::Name(name) => {
            request.push(3);
            request.push(u8::try_from(name.len()).map_err(|_| failed(STRANGE, "a name above 255 bytes"))?);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    send(stream, &request).await?;
    let [version, reply, _, kind] = receive::<4, _>(stream).await?;
    if version != 5 {
        return Err(failed(STRANGE, format_args!("version {version}")));
    }
    if reply != 0 {
        return Err(told(reply));
    }
    let length = match kind {
        1 => 4,
        4 => 16,
        3 => usize::from(receive::<1, _>(stream).await?[0]),
        other => return Err(failed(STRANGE, format_args!("address type {other}"))),
    };
    let mut bound = vec![0; length + 2];
    stream.read_exact(&mut bound).await.map_err(|error| broken(&error))?;
    Ok(())
}

fn told(reply: u8) -> GatewayError {
    match reply {
        2 => refused(403),
        3..=6 => refused(502),
        _ => failed("The proxy refused the connection.", format_args!("SOCKS reply {reply}")),
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Result<(), GatewayError> {
    stream.write_all(bytes).await.map_err(|error| broken(&error))?;
    stream.flush().await.map_err(|error| broken(&error))
}

async fn receive<const N: usize, S: AsyncRead + Unpin>(stream: &mut S) -> Result<[u8; N], GatewayError> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(|error| broken(&error))?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
