//! Listening sockets: one a thread on the same port, so that the kernel shares connections out.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{BorrowedFd, RawFd};

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
    if address.is_ipv6() {
        // `::` is every address of both families, whatever the system's default is.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket)
}

/// Copies of listening sockets that somebody else opened: systemd, or the process before this one. The caller closes
/// its own.
///
/// # Errors
/// A descriptor that is not a listening TCP socket.
#[expect(unsafe_code, reason = "a descriptor that comes from outside is a bare number")]
pub(crate) fn adopt(descriptors: &[RawFd]) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    let mut listeners = Vec::with_capacity(descriptors.len());
    for &descriptor in descriptors {
        if descriptor < 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the number is only copied, by a call that fails where it is not open.
        let socket = Socket::from(unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()?);
        let is_tcp =
            matches!(socket.domain()?, Domain::IPV4 | Domain::IPV6) && socket.r#type()? == Type::STREAM;
        if !(is_tcp && socket.is_listener()?) {
            let text = format!("descriptor {descriptor} is not a listening TCP socket");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        socket.set_nonblocking(true)?;
        listeners.push(TcpListener::from(socket));
    }
    let first = listeners.first().ok_or(io::ErrorKind::InvalidInput)?;
    Ok((first.local_addr()?, listeners))
}

/// Gives each of `threads` threads the sockets that it accepts from: each socket at least one thread, each thread at
/// least one socket.
pub(crate) fn spread(listeners: &[TcpListener], threads: usize) -> io::Result<Vec<Vec<TcpListener>>> {
    let mut shares: Vec<Vec<TcpListener>> = (0..threads).map(|_| Vec::new()).collect();
    if listeners.is_empty() || threads == 0 {
        return Ok(shares);
    }
    for index in 0..listeners.len().max(threads) {
        shares[index % threads].push(listeners[index % listeners.len()].try_clone()?);
    }
    Ok(shares)
}

/// Hands a socket to the runtime of the calling thread.
pub(crate) fn to_tokio(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::from_std(listener)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn every_socket_has_a_thread_and_every_thread_a_socket() {
        for (sockets, threads) in [(1, 4), (4, 4), (4, 1), (3, 2), (2, 5)] {
            let (address, listeners) = bind("127.0.0.1", 0, sockets).unwrap();
            assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == address));
            let shares = spread(&listeners, threads).unwrap();
            assert_eq!(shares.len(), threads);
            assert!(shares.iter().all(|share| !share.is_empty()), "{sockets} sockets, {threads} threads");
            assert_eq!(shares.iter().map(Vec::len).sum::<usize>(), sockets.max(threads));
        }
    }

    #[test]
    fn what_is_adopted_is_the_same_socket() {
        let (address, listeners) = bind("127.0.0.1", 0, 1).unwrap();
        let (adopted, copies) = adopt(&[listeners[0].as_raw_fd()]).unwrap();
        assert_eq!(adopted, address);
        let client = std::net::TcpStream::connect(address).unwrap();
        drop(listeners);
        copies[0].set_nonblocking(false).unwrap();
        assert_eq!(
            copies[0].accept().unwrap().1,
            client.local_addr().unwrap(),
            "nobody in the queue was reset"
        );
    }

    #[test]
    fn only_listening_tcp_sockets_are_adopted() {
        let (address, _listeners) = bind("127.0.0.1", 0, 1).unwrap();
        let client = std::net::TcpStream::connect(address).unwrap();
        let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        for descriptor in [client.as_raw_fd(), datagrams.as_raw_fd(), file.as_raw_fd(), 1_000_000, -1] {
            assert!(adopt(&[descriptor]).is_err());
        }
        assert!(adopt(&[]).is_err());
    }
}
