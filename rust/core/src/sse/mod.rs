//! Server-sent events: where whole events end, and what one event says.
//!
//! Relaying needs boundaries only, so chunks are split without being copied; an event that straddles chunks is joined
//! once. Line ends are LF, CR LF or CR, as the HTML standard's section on event streams has them.

mod event;
mod splitter;

pub use event::{Event, parse};
pub use splitter::{Found, Splitter, TAIL_LIMIT};

/// The bytes behind a byte order mark, which may stand at the very beginning.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
