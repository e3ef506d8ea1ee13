//! The bodies of requests and answers, beside the rows.
//!
//! ```text
//! engine thread ─ Payload, whole, by its pointer ─▶ queue ─┐
//! engine thread ─ row, which says that there is one ─▶ ring ─┴─▶ fg-journal: compress, write, then fill the row in
//! ```
//! A payload is in the kernel before the row that names its place, and carries the row's request id and a checksum of
//! its own: whatever dies when, a row points at its own payload or at nothing.
//!
//! Everything that holds a body's bytes on this way holds a share of one [`Budget`], so the memory of all is bounded;
//! a body that finds no share is shed, and its row says so.

mod budget;
mod frame;
mod held;
mod place;
mod read;
mod segments;
mod store;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

pub use budget::{Budget, Share};
pub use frame::{Body, Stored};
pub use held::{Blocks, Held};
pub use place::{Kept, Place};
pub use read::read;
pub(super) use store::Store;

/// What one request leaves behind beside its row.
#[derive(Debug)]
pub struct Payload {
    /// Whose it is.
    pub request_id: [u8; 26],
    /// What the client sent.
    pub request: Part,
    /// What the client got.
    pub response: Part,
    /// The memory that it takes.
    pub share: Share,
}

/// One body, from its start as far as it is kept.
#[derive(Debug, Default)]
pub struct Part {
    /// The bytes as they went.
    pub bytes: Held,
    /// The media type, without parameters.
    pub media: Cow<'static, str>,
    /// The content coding, empty for none.
    pub coding: Cow<'static, str>,
    /// There was more.
    pub truncated: bool,
    /// There was no room for it.
    pub shed: bool,
}

impl Payload {
    /// What the row says of it.
    pub fn kept(&self) -> Kept {
        if self.request.shed || self.response.shed {
            Kept::Shed
        } else if self.request.truncated || self.response.truncated {
            Kept::Truncated
        } else if self.request.is_nothing() && self.response.is_nothing() {
            Kept::Nothing
        } else {
            Kept::Whole
        }
    }

    /// Whether there are bytes to write.
    pub fn has_bytes(&self) -> bool {
        !self.request.bytes.is_empty() || !self.response.bytes.is_empty()
    }
}

impl Part {
    fn is_nothing(&self) -> bool {
        self.bytes.is_empty() && !self.shed
    }
}

/// How long, and how much of, the payloads on disk are kept. Whole segments go, oldest first.
#[derive(Debug)]
pub(super) struct Retention {
    age_ms: AtomicU64,
    total_bytes: AtomicU64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age_ms: AtomicU64::new(7 * 86_400_000), total_bytes: AtomicU64::new(2_000_000_000) }
    }
}

impl Retention {
    pub(super) fn set(&self, age: Duration, total_bytes: u64) {
        self.age_ms.store(u64::try_from(age.as_millis()).unwrap_or(u64::MAX), Relaxed);
        self.total_bytes.store(total_bytes, Relaxed);
    }

    fn age(&self) -> Duration {
        Duration::from_millis(self.age_ms.load(Relaxed))
    }

    fn total_bytes(&self) -> u64 {
        self.total_bytes.load(Relaxed)
    }
}
