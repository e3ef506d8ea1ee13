//! The request path: listener, upstream connections, relay, records, metrics, journal.
//!
//! Each engine thread is a shard: its own single-threaded runtime, listening socket and connection pool. Nothing on the
//! path is shared but the snapshot, which is swapped whole, and counters.

mod cache;
mod clock;
mod door;
mod engine;
mod frames;
pub mod hooks;
pub mod journal;
mod observe;
mod relay;
mod request;
mod server;
mod shard;
mod shared;
mod upstream;

pub use door::{Completion, Inbox, Kind as CompletionKind, Submission};
pub use engine::{
    CacheItem, CachePage, CacheStats, Carried, Engine, LaneStatus, Options, Refused, Status, Which,
};
