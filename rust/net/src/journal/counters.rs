//! What the journal counts, for metrics and the status page.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

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
    /// Requests whose payload the kernel took.
    pub payloads: AtomicU64,
    /// Bytes of those payloads, packed.
    pub payload_bytes: AtomicU64,
    /// Requests of whose bodies one at least was shed: no memory, or the disk refused or had little room.
    pub payloads_shed: AtomicU64,
    /// Failed attempts to write payloads, or to look after their segments.
    pub payload_errors: AtomicU64,
    /// Bytes of all payload segments, those of other processes included.
    pub payload_disk_bytes: AtomicU64,
    /// Payload segments deleted because they were too old or too many.
    pub payload_segments_deleted: AtomicU64,
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

/// The counters as plain numbers, for the status page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Rows that the kernel took.
    pub written_rows: u64,
    /// Bytes of those rows, frames included.
    pub written_bytes: u64,
    /// Segments made.
    pub segments: u64,
    /// Rows lost: their ring was full while the disk took no writes, or the journal was closed.
    pub shed_rows: u64,
    /// Rows whose texts were cut because a client sent very long ones.
    pub shortened_rows: u64,
    /// Requests whose payload the kernel took.
    pub payloads: u64,
    /// Bytes of those payloads, packed.
    pub payload_bytes: u64,
    /// Requests of whose bodies one at least was shed: no memory, or the disk refused or had little room.
    pub payloads_shed: u64,
    /// Failed attempts to write payloads, or to look after their segments.
    pub payload_errors: u64,
    /// Bytes of all payload segments, those of other processes included.
    pub payload_disk_bytes: u64,
    /// Payload segments deleted because they were too old or too many.
    pub payload_segments_deleted: u64,
    /// Failed attempts to write to or to make a segment.
    pub write_errors: u64,
    /// Failed attempts to sync a segment to the device.
    pub sync_errors: u64,
    /// Pushes that found their ring full and had to wait.
    pub ring_full: u64,
    /// Bytes of torn tails cut off when the journal was opened.
    pub truncated_bytes: u64,
    /// Places that a reader passed over because they are damaged.
    pub skipped_places: u64,
    /// Bytes of those places.
    pub skipped_bytes: u64,
    /// Bytes of bodies that are in memory, in requests that run and on their way to the disk.
    pub payload_memory_bytes: u64,
}

impl Counters {
    pub(super) fn figures(&self) -> Figures {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            written_rows: of(&self.written_rows),
            written_bytes: of(&self.written_bytes),
            segments: of(&self.segments),
            shed_rows: of(&self.shed_rows),
            shortened_rows: of(&self.shortened_rows),
            payloads: of(&self.payloads),
            payload_bytes: of(&self.payload_bytes),
            payloads_shed: of(&self.payloads_shed),
            payload_errors: of(&self.payload_errors),
            payload_disk_bytes: of(&self.payload_disk_bytes),
            payload_segments_deleted: of(&self.payload_segments_deleted),
            write_errors: of(&self.write_errors),
            sync_errors: of(&self.sync_errors),
            ring_full: of(&self.ring_full),
            truncated_bytes: of(&self.truncated_bytes),
            skipped_places: of(&self.skipped_places),
            skipped_bytes: of(&self.skipped_bytes),
            payload_memory_bytes: 0,
        }
    }
}

pub(super) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
