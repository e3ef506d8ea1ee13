//! The way to a provider's host: a proxy, fixed addresses, a certificate of our own, how often.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::schema;
use super::target::Trust;

/// How connections to a host are made. Connections are pooled by it: another way is another connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Reach {
    /// Who carries them; none where they are made from here.
    pub proxy: Option<Proxy>,
    /// In the place of what the resolver says; empty where it is asked.
    pub addresses: Box<[IpAddr]>,
    /// How long an answer of the resolver holds.
    pub dns_ttl: Duration,
    /// How many may be made in a second.
    pub pace: Pace,
    /// So many are kept open by each engine thread.
    pub warm: usize,
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProxyScheme {
    /// CONNECT.
    Http,
    /// CONNECT inside of TLS.
    Https,
    /// SOCKS 5, with names resolved here.
    Socks5,
    /// SOCKS 5, with names resolved by the proxy.
    Socks5h,
}

/// A proxy.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Proxy {
    /// What it speaks.
    pub scheme: ProxyScheme,
    /// Its host, IPv6 without brackets.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
    /// User name and password.
    pub credential: Option<(Box<str>, Box<str>)>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

/// A certificate that a provider asks for, and its key. Equal ones have equal content, which is compared by its hash.
#[derive(Clone)]
pub struct Identity {
    id: [u8; 32],
    chain: Arc<str>,
    key: Arc<str>,
}

impl Identity {
    fn new(chain: String, key: String) -> Self {
        let id = Sha256::new().chain_update(&chain).chain_update([0]).chain_update(&key).finalize().into();
        Self { id, chain: chain.into(), key: key.into() }
    }

    /// Certificates in PEM, its own first.
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// The private key in PEM.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

/// What a handshake with a provider asks for and shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TlsRules {
    /// The authorities that are trusted; none stands for the system's.
    pub trust: Option<Trust>,
    /// What is shown to a provider that asks.
    pub identity: Option<Identity>,
    /// The name in the certificate and in the handshake, where it is not the host.
    pub server_name: Option<Box<str>>,
    /// TLS 1.3 alone.
    pub newest: bool,
}

impl TlsRules {
    pub(super) fn compile(wire: schema::Tls) -> Self {
        Self {
            trust: wire.ca.map(Trust::new),
            identity: wire.cert.zip(wire.key).map(|(chain, key)| Identity::new(chain, key)),
            server_name: wire.server_name.map(Into::into),
            newest: wire.newest,
        }
    }
}

impl Reach {
    pub(super) fn compile(wire: schema::Reach) -> Result<Self, String> {
        let addresses = wire.addresses.iter().map(|text| text.parse::<IpAddr>().map_err(|_| text.clone()));
        let proxy = wire.proxy.map(|proxy| Proxy {
            scheme: match proxy.scheme {
                schema::ProxyScheme::Http => ProxyScheme::Http,
                schema::ProxyScheme::Https => ProxyScheme::Https,
                schema::ProxyScheme::Socks5 => ProxyScheme::Socks5,
                schema::ProxyScheme::Socks5h => ProxyScheme::Socks5h,
            },
            host: proxy.host.into(),
            port: proxy.port,
            credential: proxy.username.map(|name| (name.into(), proxy.password.unwrap_or_default().into())),
        });
        Ok(Self {
            proxy,
            addresses: addresses.collect::<Result<_, _>>().map_err(|text| format!("{text} is no address"))?,
            dns_ttl: Duration::from_millis(wire.dns_ttl_ms),
            pace: Pace::new(wire.connections_per_second),
            warm: wire.warm,
        })
    }
}

/// How many connections may be made in a second, by all engine threads. Two are equal that have one rate.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// Between two connections, in microseconds; 0 for no bound.
    interval_us: u64,
    /// When the next one may be made, in microseconds of the caller's clock.
    next_us: Arc<AtomicU64>,
}

/// So many may be made at once after a rest.
const BURST: u64 = 4;

impl Pace {
    fn new(per_second: Option<f64>) -> Self {
        let interval = per_second.filter(|rate| *rate > 0.0).map_or(0.0, |rate| (1e6 / rate).min(1e12));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded above and below"
        )]
        Self { interval_us: interval as u64, next_us: Arc::default() }
    }

    /// How long whoever wants to make a connection at `now_us` has to wait; its turn is taken. None where that is longer than
    /// `most`: who will not wait takes no turn, or else those who do would wait for the turns of those who left.
    pub fn turn(&self, now_us: u64, most: Duration) -> Option<Duration> {
        if self.interval_us == 0 {
            return Some(Duration::ZERO);
        }
        // The clock may have begun just now, and before it nobody made any.
        let now_us = now_us.saturating_add(self.interval_us * BURST);
        let earliest = now_us.saturating_sub(self.interval_us * (BURST - 1));
        let most_us = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        let wait = |next: u64| next.max(earliest).saturating_sub(now_us);
        let taken = self.next_us.fetch_update(Relaxed, Relaxed, |next| {
            (wait(next) <= most_us).then(|| next.max(earliest).saturating_add(self.interval_us))
        });
        taken.ok().map(|next| Duration::from_micros(wait(next)))
    }
}

impl PartialEq for Pace {
    fn eq(&self, other: &Self) -> bool {
        self.interval_us == other.interval_us
    }
}

impl Eq for Pace {}

impl Hash for Pace {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.interval_us.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_may_go_at_once_and_the_rest_in_turns() {
        let pace = Pace::new(Some(10.0));
        let long = Duration::from_secs(60);
        let turn = |at| pace.turn(at, long).map(|wait| wait.as_millis());
        let waits: Vec<_> = (0..7).map(|_| turn(1_000).unwrap()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 100, 200, 300]);
        assert_eq!(turn(10_000_000), Some(0));
        assert_eq!(Pace::new(None).turn(0, Duration::ZERO), Some(Duration::ZERO));
    }

    #[test]
    fn twice_as_many_as_may_be_made_leave_half_of_them_served_for_ever() {
        let pace = Pace::new(Some(10.0));
        let served_in = |second: u64| {
            let times = (0..20).map(|step| second * 1_000_000 + step * 50_000);
            times.filter(|at| pace.turn(*at, Duration::from_secs(1)).is_some()).count()
        };
        let counts: Vec<_> = (0..60).map(served_in).collect();
        assert!(counts[5..].iter().all(|count| (9..=11).contains(count)), "{counts:?}");
    }

    #[test]
    fn nothing_that_is_secret_is_shown() {
        let proxy = Proxy {
            scheme: ProxyScheme::Http,
            host: "proxy.example".into(),
            port: 3128,
            credential: Some(("ann".into(), "hunter2".into())),
        };
        let identity = Identity::new("chain".to_owned(), "private".to_owned());
        let shown = format!("{proxy:?} {identity:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("private"), "{shown}");
    }
}
