//! From addresses to a TCP connection: every one is tried, the next one as soon as one fails or lets wait (RFC 8305).

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use ferrogate_core::{GatewayError, Kind};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until};

use crate::door::Bell;

/// An address that has not answered by then is not waited for alone.
const STAGGER: Duration = Duration::from_millis(250);

type Attempt<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + 'a>>;

/// Connects to the first of these addresses that answers. The caller bounds the time.
pub(super) async fn dial(
    addresses: Vec<SocketAddr>,
    bell: Option<&Bell>,
    unreachable: &'static str,
) -> Result<TcpStream, GatewayError> {
    let stream = race(interleaved(addresses), |address| Box::pin(connect(address, bell)))
        .await
        .map_err(|error| GatewayError::new(Kind::UpstreamConnect, unreachable).with_cause(error))?;
    stream.set_nodelay(true).ok();
    Ok(stream)
}

/// The bell hears of the connection from the start: that it is there is the first thing to hear.
async fn connect(address: SocketAddr, bell: Option<&Bell>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(bell) = bell {
        bell.watch(&socket)?;
    }
    socket.connect(address).await
}

/// The resolver's order, with the two families taking turns.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::new();
    loop {
        let before = order.len();
        order.extend(first.next());
        order.extend(second.next());
        if order.len() == before {
            return order;
        }
    }
}

/// The first connection that comes about. The last failure where none does.
async fn race<'a, T>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> Attempt<'a, T>,
) -> io::Result<T> {
    let mut waiting = addresses.into_iter();
    let mut running: Vec<Attempt<'a, T>> = waiting.next().map(&connect).into_iter().collect();
    let mut last: Option<io::Error> = None;
    let mut next = Box::pin(sleep_until(Instant::now() + STAGGER));
    poll_fn(|cx| {
        loop {
            let before = running.len();
            let mut won = None;
            running.retain_mut(|attempt| match attempt.as_mut().poll(cx) {
                Poll::Pending => true,
                Poll::Ready(Ok(stream)) => {
                    won = Some(stream);
                    false
                }
                Poll::Ready(Err(error)) => {
                    last = Some(error);
                    false
                }
            });
            if let Some(stream) = won {
                return Poll::Ready(Ok(stream));
            }
            let failed = running.len() < before;
            // A timer that has fired is not polled again: there is nothing left to start then.
            if (failed || (waiting.len() > 0 && next.as_mut().poll(cx).is_ready()))
                && let Some(address) = waiting.next()
            {
                running.push(connect(address));
                next.as_mut().reset(Instant::now() + STAGGER);
                continue;
            }
            if running.is_empty() {
                return Poll::Ready(Err(last.take().unwrap_or(io::ErrorKind::AddrNotAvailable.into())));
            }
            return Poll::Pending;
        }
    })
    .await
}

#[cfg(test)]
#[path = "dial_tests.rs"]
mod tests;
