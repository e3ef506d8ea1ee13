//! Everything the engine knows, compiled from the one document that Python hands over.

mod access;
mod compile;
mod provider;
mod resolve;
mod schema;

pub use access::{Access, Principal};
pub use compile::{Limits, Rejected, Snapshot};
pub use provider::{Key, Provider, Target, Timeouts};
pub use resolve::{Asked, Resolved, Tier};
