//! Server-sent events: where whole events end, and what one event says.
//!
//! Relaying needs boundaries only, so chunks are split without being copied; an event that straddles chunks is joined
//! once. Line ends are LF, CR LF or CR, as the HTML standard's section on event streams has them.

mod event;
mod splitter;

pub use event::{Event, parse};
pub use splitter::{Splitter, TAIL_LIMIT};
