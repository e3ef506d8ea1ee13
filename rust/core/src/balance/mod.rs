//! Which lane serves a request, and which comes next when it fails.
//!
//! A lane is one key of one provider for one model. What it has been through is kept beside the configuration and
//! outlives its changes ([`LaneTables`]); a [`Pool`] divides requests among the lanes of a route by what they do now, with
//! the configured weights as the prior; its [`Order`] yields a lane with the attempt begun, and the next one when that
//! failed. The attempt's [`LaneGuard`] tells the lane how it went.
//!
//! Pure: time, the wall clock of dates, and randomness are arguments. Nothing locks; a lane is a handful of atomic words.

mod affinity;
#[cfg(test)]
mod bench;
mod breaker;
mod budget;
mod ceiling;
mod class;
mod cooling;
mod decision;
mod dice;
mod estimate;
mod guard;
#[cfg(test)]
mod health_tests;
mod hints;
mod key;
mod lane;
mod moment;
mod order;
mod pool;
mod share;
mod spread;
mod tables;
mod tuning;
mod wall;
mod why;
mod window;

pub use affinity::affinity_hash;
pub use budget::{RetryBudget, backoff};
pub use class::Class;
pub use decision::{Considered, Decision, Reason};
pub use dice::Dice;
pub use guard::LaneGuard;
pub use hints::Hints;
pub use key::KeyHealth;
pub use lane::{Lane, LaneFailure, Standing};
pub use moment::Moment;
pub use order::{Order, Pick};
pub use pool::{Member, Pool};
pub use tables::{LaneTable, LaneTables, fingerprint};
pub use wall::Wall;
pub use window::Outcomes;
