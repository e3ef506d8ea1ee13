//! From a host name to a TCP connection: every address that the name has is tried, the next one as soon as one fails
//! or lets wait (RFC 8305). No address of a machine's credentials is ever called, whatever name leads there.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use ferrogate_core::address::is_refused;
use ferrogate_core::snapshot::Target;
use ferrogate_core::{GatewayError, Kind};
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::{Instant, sleep_until};

use crate::door::Bell;

/// An address that has not answered by then is not waited for alone.
const STAGGER: Duration = Duration::from_millis(250);

type Attempt<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + 'a>>;

/// Resolves and connects. The caller bounds the time.
pub(super) async fn dial(target: &Target, bell: Option<&Bell>) -> Result<TcpStream, GatewayError> {
    let addresses = checked(target, lookup(target).await)?;
    let stream = race(addresses, |address| Box::pin(connect(address, bell))).await.map_err(|error| {
        GatewayError::new(Kind::UpstreamConnect, "The provider could not be reached.").with_cause(error)
    })?;
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

async fn lookup(target: &Target) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    Ok(lookup_host((&*target.host, target.port)).await?.collect())
}

/// What a resolver said, if all of it may be called: a name that leads to a refused address among others is refused.
fn checked(target: &Target, found: io::Result<Vec<SocketAddr>>) -> Result<Vec<SocketAddr>, GatewayError> {
    let unknown = |cause: String| {
        GatewayError::new(Kind::UpstreamDns, "The provider's host name does not resolve.").with_cause(cause)
    };
    let addresses = found.map_err(|error| unknown(error.to_string()))?;
    if let Some(refused) = addresses.iter().find(|address| is_refused(address.ip())) {
        let message = "The provider's `base_url` leads to a link-local or metadata address, which the gateway never \
                       calls; correct it, or its name in DNS.";
        let cause = format!("{} is {}", target.host, refused.ip());
        return Err(GatewayError::new(Kind::AddressRefused, message).with_cause(cause));
    }
    if addresses.is_empty() {
        return Err(unknown("the name has no address".to_owned()));
    }
    Ok(interleaved(addresses))
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
