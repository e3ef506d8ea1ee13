//! The way from an engine thread to the writer: a ring of bytes for one producer and one consumer.
//!
//! The bytes in a ring are frames but for their checksum, which the writer fills in off the request path. A record goes
//! in whole or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::Thread;

use rtrb::{Consumer, Producer, RingBuffer};

use super::Shared;
use super::counters::add;
use super::format::{self, MAX_FRAME_BYTES, PREFIX_BYTES};
use super::record::RecordRef;

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Push {
    /// The writer will have it within moments.
    Done,
    /// No room: keep it, let the writer work for a few milliseconds, and hand it to [`RingProducer::retry`].
    Full(Encoded),
    /// Lost and counted: no room, and the disk takes no writes; or the journal is closed.
    Shed,
}

/// A record that waits for room.
#[derive(Debug, PartialEq, Eq)]
pub struct Encoded(Box<[u8]>);

/// One engine thread's end of its ring.
#[derive(Debug)]
pub struct RingProducer {
    ring: Producer<u8>,
    /// The last record; kept for its buffer.
    frame: Vec<u8>,
    /// Below this much room the writer is told not to wait for its next turn.
    low: usize,
    nudged: Arc<AtomicBool>,
    shared: Arc<Shared>,
    writer: Thread,
}

/// The writer's end of a ring.
#[derive(Debug)]
pub(super) struct Ring {
    ring: Consumer<u8>,
    nudged: Arc<AtomicBool>,
}

/// Both ends of a new ring.
pub(super) fn ring(bytes: usize, shared: Arc<Shared>, writer: Thread) -> (RingProducer, Ring) {
    let (producer, consumer) = RingBuffer::new(bytes);
    let nudged = Arc::new(AtomicBool::new(false));
    let ring = Ring { ring: consumer, nudged: Arc::clone(&nudged) };
    (RingProducer { ring: producer, frame: Vec::new(), low: bytes / 2, nudged, shared, writer }, ring)
}

impl RingProducer {
    /// Append a record. Never waits, and allocates only where there is no room.
    pub fn push(&mut self, record: &RecordRef<'_>) -> Push {
        let mut frame = std::mem::take(&mut self.frame);
        let encoded = encode(record, &mut frame).and_then(|()| {
            if frame.len() > MAX_FRAME_BYTES {
                add(&self.shared.counters.shortened_rows, 1);
                encode(&record.shortened(), &mut frame)?;
                frame.shrink_to(MAX_FRAME_BYTES);
            }
            Ok(())
        });
        let push = if encoded.is_err() || self.is_closed() {
            self.shed()
        } else if self.put(&frame) {
            Push::Done
        } else if self.shared.failing.load(Ordering::Relaxed) {
            self.shed()
        } else {
            add(&self.shared.counters.ring_full, 1);
            Push::Full(Encoded(frame.as_slice().into()))
        };
        self.frame = frame;
        push
    }

    /// Append a record that found no room before.
    pub fn retry(&mut self, record: Encoded) -> Push {
        if self.is_closed() {
            self.shed()
        } else if self.put(&record.0) {
            Push::Done
        } else if self.shared.failing.load(Ordering::Relaxed) {
            self.shed()
        } else {
            Push::Full(record)
        }
    }

    /// Whether the writer is gone.
    fn is_closed(&self) -> bool {
        self.ring.is_abandoned()
    }

    fn shed(&self) -> Push {
        add(&self.shared.counters.shed_rows, 1);
        Push::Shed
    }

    fn put(&mut self, frame: &[u8]) -> bool {
        let fits = self.ring.push_entire_slice(frame).is_ok();
        if fits {
            // Either the writer sees the row when it looks a last time before it waits, or `idle` is seen here: both
            // sides store, fence, then load.
            fence(Ordering::SeqCst);
            if self.shared.idle.load(Ordering::Relaxed) && self.shared.idle.swap(false, Ordering::Relaxed) {
                self.writer.unpark();
            }
        }
        let low = self.ring.cached_slots() < self.low && self.ring.slots() < self.low;
        if low && !self.nudged.swap(true, Ordering::Relaxed) {
            self.writer.unpark();
        }
        fits
    }
}

impl Ring {
    /// Move all that is there to the end of `batch`.
    pub(super) fn take(&mut self, batch: &mut Vec<u8>) {
        self.nudged.store(false, Ordering::Relaxed);
        let slots = self.ring.slots();
        if let Ok(chunk) = self.ring.read_chunk(slots) {
            let (one, two) = chunk.as_slices();
            batch.extend_from_slice(one);
            batch.extend_from_slice(two);
            chunk.commit_all();
        }
    }

    /// Whether there is nothing to take.
    pub(super) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }

    /// Whether there is nothing to take and never will be.
    pub(super) fn is_over(&self) -> bool {
        self.ring.is_abandoned() && self.ring.is_empty()
    }
}

fn encode(record: &RecordRef<'_>, frame: &mut Vec<u8>) -> Result<(), postcard::Error> {
    frame.clear();
    frame.extend_from_slice(&[0; PREFIX_BYTES]);
    record.encode(frame)?;
    format::set_length(frame);
    Ok(())
}
