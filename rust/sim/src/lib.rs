//! Balancing on virtual time, caches on traces ([`cache`]), and thresholds under verification ([`verify`]).
//!
//! A deterministic discrete-event simulation that puts ways of choosing a lane through the situations that gateways
//! meet. The gateway's own way is the very code of `ferrogate-core`; the rivals are written from their public
//! descriptions. Seconds to run, no socket, no clock: what it proves can be repeated anywhere.

pub mod bars;
pub mod cache;
pub mod lane;
mod own;
pub mod policy;
pub mod random;
pub mod report;
pub mod rivals;
pub mod scenario;
mod session;
pub mod stats;
mod table;
pub mod verify;
mod world;

use policy::Policy;
pub use report::{Report, run};
pub use scenario::{Scenario, all};
pub use session::{Options, run_asked};

/// Everybody who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// The gateway's own: `ferrogate_core::balance`.
    Own,
    /// Static weighted random.
    Static,
    /// Round robin.
    RoundRobin,
    /// Least in flight.
    LeastInFlight,
    /// Peak-EWMA with power of two choices.
    PeakEwma,
    /// health / (1 + latency x (1 + 0.1 x pending)).
    Scored,
    /// 0.5 error + 0.2 latency + 0.05 utilisation.
    Reweighted,
    /// Knows each lane's present state.
    Oracle,
}

impl Contender {
    /// In the order of the table.
    pub const ALL: &'static [Self] = &[
        Self::Own,
        Self::Static,
        Self::RoundRobin,
        Self::LeastInFlight,
        Self::PeakEwma,
        Self::Scored,
        Self::Reweighted,
        Self::Oracle,
    ];

    /// What the table calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Own => "ferrogate",
            Self::Static => "static weighted random",
            Self::RoundRobin => "round robin",
            Self::LeastInFlight => "least in flight",
            Self::PeakEwma => "peak-EWMA, two choices",
            Self::Scored => "health over latency",
            Self::Reweighted => "reweighted each 5 s",
            Self::Oracle => "oracle",
        }
    }

    /// A fresh one; the gateway's own has dice, whose seed this is.
    pub fn policy(self, seed: u64) -> Box<dyn Policy> {
        match self {
            Self::Own => Box::new(own::Own::new(seed)),
            Self::Static => Box::new(rivals::StaticWeighted::default()),
            Self::RoundRobin => Box::new(rivals::RoundRobin::default()),
            Self::LeastInFlight => Box::new(rivals::LeastInFlight::default()),
            Self::PeakEwma => Box::new(rivals::PeakEwma::default()),
            Self::Scored => Box::new(rivals::Scored::default()),
            Self::Reweighted => Box::new(rivals::Reweighted::default()),
            Self::Oracle => Box::new(rivals::Oracle),
        }
    }
}
