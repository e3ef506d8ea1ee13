//! Listening sockets: one a thread on the same port, so that the kernel shares connections out.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use socket2::{Domain, Protocol, Socket, Type};

const BACKLOG: i32 = 4096;

/// Opens `count` sockets on one address. Port 0 picks a port, the same for all.
///
/// # Errors
/// As the system says; a port that another process holds without `SO_REUSEPORT`, or with it, is refused first.
pub(crate) fn bind(host: &str, port: u16, count: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match bind_address(address, count) {
            Ok(bound) => return Ok(bound),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_address(address: SocketAddr, count: usize) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    // SO_REUSEPORT would let two gateways share a port in silence, so an exclusive socket asks first.
    let probe = socket(address, false)?;
    let address = probe.local_addr()?.as_socket().unwrap_or(address);
    drop(probe);
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count {
        listeners.push(socket(address, true)?.into());
    }
    Ok((address, listeners))
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

/// Hands a socket to the runtime of the calling thread.
pub(crate) fn to_tokio(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::from_std(listener)
}
