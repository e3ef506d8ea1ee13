//! The way from an engine thread to the writer: a ring of bytes for one producer and one consumer.
//!
//! The bytes in a ring are frames but for their checksum, which the writer fills in off the request path. A record goes
//! in whole or not at all. Payloads go beside it by pointer, each before its record: the record says that there is one,
//! and the writer takes them in the same order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::Thread;

use rtrb::{Consumer, Producer, RingBuffer};

use super::Shared;
use super::counters::add;
use super::format::{self, MAX_FRAME_BYTES, PREFIX_BYTES};
use super::payload::{Kept, Payload, Place, Store};
use super::record::RecordRef;

/// No record is smaller than this, so there is a place for the payload of every record in a ring.
const LEAST_RECORD_BYTES: usize = 64;

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

/// A record that waits for room, with its payload.
#[derive(Debug)]
pub struct Encoded(Box<[u8]>, Option<Box<Payload>>);

impl PartialEq for Encoded {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Encoded {}

impl Encoded {
    /// Bytes of the record. Those of its payload have a bound of their own.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing: never.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One engine thread's end of its ring.
#[derive(Debug)]
pub struct RingProducer {
    ring: Producer<u8>,
    payloads: Producer<Box<Payload>>,
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
    records: Consumer<u8>,
    payloads: Consumer<Box<Payload>>,
    /// Records that left the ring, and how many of their bytes were taken.
    taken: Vec<u8>,
    at: usize,
    nudged: Arc<AtomicBool>,
}

/// Both ends of a new ring.
pub(super) fn ring(bytes: usize, shared: Arc<Shared>, writer: Thread) -> (RingProducer, Ring) {
    let (producer, consumer) = RingBuffer::new(bytes);
    let (giving, payloads) = RingBuffer::new(bytes / LEAST_RECORD_BYTES);
    let nudged = Arc::new(AtomicBool::new(false));
    let ring = Ring { records: consumer, payloads, taken: Vec::new(), at: 0, nudged: Arc::clone(&nudged) };
    let low = bytes / 2;
    (RingProducer { ring: producer, payloads: giving, frame: Vec::new(), low, nudged, shared, writer }, ring)
}

impl RingProducer {
    /// Append a record. Never waits, and allocates only where there is no room.
    pub fn push(&mut self, record: &RecordRef<'_>) -> Push {
        self.push_with(record, None, false)
    }

    /// Append a record and its payload. Records that wait go first: while there are any, `behind`, this one waits too.
    pub fn push_with(&mut self, record: &RecordRef<'_>, payload: Option<Box<Payload>>, behind: bool) -> Push {
        let mut frame = std::mem::take(&mut self.frame);
        let pending = payload.is_some();
        let encoded = encode(record, pending, &mut frame).and_then(|()| {
            if frame.len() > MAX_FRAME_BYTES {
                add(&self.shared.counters.shortened_rows, 1);
                encode(&record.shortened(), pending, &mut frame)?;
                frame.shrink_to(MAX_FRAME_BYTES);
            }
            Ok(())
        });
        if !pending && record.payload.kept == Kept::Shed {
            add(&self.shared.counters.payloads_shed, 1);
        }
        let push = if encoded.is_err() || self.is_closed() {
            self.shed()
        } else if !behind && self.has_room(frame.len()) {
            self.put(&frame, payload);
            Push::Done
        } else if self.shared.failing.load(Ordering::Relaxed) {
            self.shed()
        } else {
            add(&self.shared.counters.ring_full, 1);
            Push::Full(Encoded(frame.as_slice().into(), payload))
        };
        self.frame = frame;
        push
    }

    /// Append a record that found no room before.
    pub fn retry(&mut self, record: Encoded) -> Push {
        if self.is_closed() {
            self.shed()
        } else if self.has_room(record.0.len()) {
            self.put(&record.0, record.1);
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

    /// Whether a frame fits; the writer only makes more room. Below half a ring the writer is told to hurry.
    fn has_room(&mut self, bytes: usize) -> bool {
        let low = self.ring.cached_slots() < self.low && self.ring.slots() < self.low;
        if low && !self.nudged.swap(true, Ordering::Relaxed) {
            self.writer.unpark();
        }
        self.ring.cached_slots() >= bytes || self.ring.slots() >= bytes
    }

    fn put(&mut self, frame: &[u8], payload: Option<Box<Payload>>) {
        if let Some(payload) = payload {
            // There is a place for every record that the ring can hold; without one the row would say that it was shed.
            let _ = self.payloads.push(payload);
        }
        let _ = self.ring.push_entire_slice(frame);
        // Either the writer sees the row when it looks a last time before it waits, or `idle` is seen here: both
        // sides store, fence, then load.
        fence(Ordering::SeqCst);
        if self.shared.idle.load(Ordering::Relaxed) && self.shared.idle.swap(false, Ordering::Relaxed) {
            self.writer.unpark();
        }
    }
}

impl Ring {
    /// Move records to the end of `batch`, and their payloads to the store; true where the store had enough before the
    /// ring was empty.
    pub(super) fn take(&mut self, batch: &mut Vec<u8>, store: &mut Store) -> bool {
        self.refill();
        while let Some(size) = format::size(&self.taken[self.at..]) {
            let row = batch.len();
            let Some(frame) = self.taken.get(self.at..self.at + size) else { break };
            batch.extend_from_slice(frame);
            self.at += size;
            if frame.get(PREFIX_BYTES + 1..).is_some_and(Place::is_pending) {
                let payload = self.payloads.pop().ok();
                store.add(batch, row, payload.as_deref());
                if store.is_full() {
                    return true;
                }
            }
        }
        false
    }

    /// Move all records to the end of `batch`, without a look at their payloads.
    pub(super) fn take_rows(&mut self, batch: &mut Vec<u8>) {
        batch.extend_from_slice(&self.taken[self.at..]);
        self.at = self.taken.len();
        self.refill();
        batch.extend_from_slice(&self.taken);
        self.at = self.taken.len();
    }

    /// Empty the ring into `taken`, where that was used up.
    fn refill(&mut self) {
        if self.at < self.taken.len() {
            return;
        }
        self.taken.clear();
        self.at = 0;
        self.nudged.store(false, Ordering::Relaxed);
        let slots = self.records.slots();
        if let Ok(chunk) = self.records.read_chunk(slots) {
            let (one, two) = chunk.as_slices();
            self.taken.extend_from_slice(one);
            self.taken.extend_from_slice(two);
            chunk.commit_all();
        }
    }

    /// Whether there is nothing to take.
    pub(super) fn is_empty(&self) -> bool {
        self.at == self.taken.len() && self.records.is_empty()
    }

    /// Whether there is nothing to take and never will be.
    pub(super) fn is_over(&self) -> bool {
        self.records.is_abandoned() && self.is_empty()
    }
}

fn encode(record: &RecordRef<'_>, pending: bool, frame: &mut Vec<u8>) -> Result<(), postcard::Error> {
    frame.clear();
    frame.extend_from_slice(&[0; PREFIX_BYTES]);
    record.encode(pending, frame)?;
    format::set_length(frame);
    Ok(())
}
