//! From a host name to its addresses. No address of a machine's credentials is ever called, whatever name leads there.
//!
//! An answer holds for a while. A resolver that fails is forgiven for some minutes: the addresses of before are better
//! than none. What a name no longer leads to is noticed too, so that connections there are not used for ever.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ferrogate_core::address::is_refused;
use ferrogate_core::snapshot::Target;
use ferrogate_core::{GatewayError, Kind};
use tokio::net::lookup_host;

/// Answers that are kept; more names than providers have.
const KEPT: usize = 1024;
/// So long an old answer is used while the resolver fails.
const FORGIVEN: Duration = Duration::from_secs(600);
/// An address that has not been seen for so many lifetimes of an answer is gone: names with many addresses show some of
/// them at a time.
const GONE_AFTER: u32 = 3;

/// What resolvers said.
#[derive(Default)]
pub(super) struct Resolver(RefCell<HashMap<Box<str>, Answer>>);

struct Answer {
    addresses: Vec<IpAddr>,
    at: Instant,
    /// When each address was seen last.
    seen: HashMap<IpAddr, Instant>,
}

impl Resolver {
    /// The addresses of a provider, or those that its configuration fixes.
    pub(super) async fn of(&self, target: &Target) -> Result<Vec<SocketAddr>, GatewayError> {
        let sockets = |addresses: &[IpAddr]| {
            addresses.iter().map(|address| SocketAddr::new(*address, target.port)).collect()
        };
        if !target.reach.addresses.is_empty() {
            return checked(&target.host, Ok(sockets(&target.reach.addresses)));
        }
        let ttl = target.reach.dns_ttl;
        if let Some(known) = self.known(&target.host, ttl) {
            return checked(&target.host, Ok(sockets(&known)));
        }
        self.lookup(&target.host, target.port, ttl).await
    }

    /// The addresses of a proxy.
    pub(super) async fn of_proxy(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, GatewayError> {
        let failed = |cause: String| {
            GatewayError::new(Kind::UpstreamDns, "The proxy's host name does not resolve.").with_cause(cause)
        };
        let found: Vec<_> =
            ask(host, port).await.map_err(|error| failed(error.to_string()))?.into_iter().collect();
        if found.iter().any(|address| is_refused(address.ip())) {
            let message =
                "The proxy's name leads to a link-local or metadata address, which the gateway never calls.";
            return Err(GatewayError::new(Kind::AddressRefused, message).with_cause(host));
        }
        if found.is_empty() { Err(failed("the name has no address".to_owned())) } else { Ok(found) }
    }

    /// Asks anew; the answer of before where that fails.
    pub(super) async fn lookup(
        &self,
        host: &str,
        port: u16,
        ttl: Duration,
    ) -> Result<Vec<SocketAddr>, GatewayError> {
        let found = ask(host, port).await;
        match &found {
            Ok(addresses) => self.note(host, addresses, ttl),
            Err(_) => {
                if let Some(old) = self.known(host, FORGIVEN) {
                    let old = old.into_iter().map(|address| SocketAddr::new(address, port)).collect();
                    return checked(host, Ok(old));
                }
            }
        }
        checked(host, found)
    }

    /// Whether the answer for a name is older than it should be.
    pub(super) fn is_due(&self, host: &str, ttl: Duration) -> bool {
        host.parse::<IpAddr>().is_err() && self.known(host, ttl).is_none()
    }

    /// Whether a name has long not led to this address.
    pub(super) fn is_gone(&self, host: &str, address: IpAddr, ttl: Duration) -> bool {
        let answers = self.0.borrow();
        let Some(answer) = answers.get(host) else { return false };
        let asked_since = answer.at.elapsed() < FORGIVEN;
        asked_since
            && answer.seen.get(&address).is_none_or(|seen| answer.at.duration_since(*seen) > ttl * GONE_AFTER)
    }

    fn known(&self, host: &str, ttl: Duration) -> Option<Vec<IpAddr>> {
        let answers = self.0.borrow();
        let answer = answers.get(host).filter(|answer| answer.at.elapsed() < ttl)?;
        Some(answer.addresses.clone())
    }

    fn note(&self, host: &str, found: &[SocketAddr], ttl: Duration) {
        let mut answers = self.0.borrow_mut();
        if answers.len() >= KEPT && !answers.contains_key(host) {
            answers.clear();
        }
        let now = Instant::now();
        let answer = answers.entry(host.into()).or_insert_with(|| Answer {
            addresses: Vec::new(),
            at: now,
            seen: HashMap::new(),
        });
        answer.at = now;
        answer.addresses = found.iter().map(SocketAddr::ip).collect();
        answer.seen.extend(found.iter().map(|address| (address.ip(), now)));
        answer.seen.retain(|_, seen| now.duration_since(*seen) <= ttl * GONE_AFTER);
    }
}

/// Whether an address may be called.
pub(super) fn check(host: &str, address: IpAddr) -> Result<(), GatewayError> {
    checked(host, Ok(vec![SocketAddr::new(address, 0)])).map(drop)
}

async fn ask(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    Ok(lookup_host((host, port)).await?.collect())
}

/// What a resolver said, if all of it may be called: a name that leads to a refused address among others is refused.
fn checked(host: &str, found: io::Result<Vec<SocketAddr>>) -> Result<Vec<SocketAddr>, GatewayError> {
    let unknown = |cause: String| {
        GatewayError::new(Kind::UpstreamDns, "The provider's host name does not resolve.").with_cause(cause)
    };
    let addresses = found.map_err(|error| unknown(error.to_string()))?;
    if let Some(refused) = addresses.iter().find(|address| is_refused(address.ip())) {
        let message = "The provider's `base_url` leads to a link-local or metadata address, which the gateway never \
                       calls; correct it, or its name in DNS.";
        let cause = format!("{host} is {}", refused.ip());
        return Err(GatewayError::new(Kind::AddressRefused, message).with_cause(cause));
    }
    if addresses.is_empty() {
        return Err(unknown("the name has no address".to_owned()));
    }
    Ok(addresses)
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
