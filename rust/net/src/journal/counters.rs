//! What the journal counts, for metrics and the status page.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the journal was opened. Any thread may read them at any time.
#[derive(Debug, Default)]
pub struct Counters {
    /// Rows that the kernel took.
    pub written_rows: AtomicU64,
    /// Bytes of those rows, frames included.
    pub written_bytes: AtomicU64,
    /// Segments made.
    pub segments: AtomicU64,
    /// Rows lost: their ring was full while the disk took no writes, or the journal was closed.
    pub shed_rows: AtomicU64,
    /// Rows whose texts were cut because a client sent very long ones.
    pub shortened_rows: AtomicU64,
    /// Failed attempts to write to or to make a segment.
    pub write_errors: AtomicU64,
    /// Failed attempts to sync a segment to the device.
    pub sync_errors: AtomicU64,
    /// Pushes that found their ring full and had to wait.
    pub ring_full: AtomicU64,
    /// Bytes of torn tails cut off when the journal was opened.
    pub truncated_bytes: AtomicU64,
    /// Places that a reader passed over because they are damaged.
    pub skipped_places: AtomicU64,
    /// Bytes of those places.
    pub skipped_bytes: AtomicU64,
}

pub(super) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
