//! An open-loop load generator for gateways and providers.
//!
//! It sends requests at the times that were planned, whether or not earlier ones have been answered, and counts
//! latency from the planned time, so a server that stalls cannot hide the wait of those that queued behind the stall
//! (no coordinated omission). Rate 0 is the other mode: every connection sends its next request as soon as the last
//! answer ended, which finds the server's maximum.
//!
//! The client side is a minimal HTTP/1.1 reader on plain sockets, one thread by default, because the generator shares
//! the machine with what it measures. It reports its own lateness and CPU, so a figure that the generator spoiled can
//! be told from one that the server earned.
//!
//! Times in reports are microseconds, memory is kilobytes (1024 bytes).

mod connection;
mod crew;
mod error;
mod observe;
mod options;
mod report;
mod run;
mod schedule;
mod sse;
mod tally;
mod target;
mod usage;
mod wire;
mod worker;

pub use error::Error;
pub use options::Options;
pub use report::{GroupUsage, Progress, Report, Requests, Summary, ThreadUsage, Totals, Window};
pub use run::run;
