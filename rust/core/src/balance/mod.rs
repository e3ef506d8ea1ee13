//! Which lane serves a request, and which comes next when it fails.
//!
//! A lane is one key of one provider for one model. Selection yields an order, not one pick, so that a fallback is the
//! next item of the same iterator. This is the simple form: weights and tiers. What a lane has been through is kept
//! beside it, outlives a change of configuration, and is where adaptive weights will read from.

mod lane;
mod order;

pub use lane::{Lane, LaneFailure, LaneGuard, LaneTable, LaneTables};
pub use order::{Candidate, Order};
