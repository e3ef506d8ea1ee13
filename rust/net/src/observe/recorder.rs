//! One engine thread's way to the journal.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::journal::{Encoded, Push, RecordRef, RingProducer};

/// Appends records; those that find no room wait here and go first. Nothing is dropped while the disk takes writes.
#[derive(Debug)]
pub(crate) struct Recorder {
    ring: Option<RefCell<RingProducer>>,
    waiting: RefCell<VecDeque<Encoded>>,
}

/// New requests wait for the journal once this many records do.
const WAITING: usize = 4096;

impl Recorder {
    pub(crate) fn new(ring: Option<RingProducer>) -> Self {
        Self { ring: ring.map(RefCell::new), waiting: RefCell::new(VecDeque::new()) }
    }

    pub(crate) fn record(&self, record: &RecordRef<'_>) {
        let Some(ring) = &self.ring else { return };
        self.flush();
        if let Push::Full(encoded) = ring.borrow_mut().push(record) {
            self.waiting.borrow_mut().push_back(encoded);
        }
    }

    /// Tries again what found no room.
    pub(crate) fn flush(&self) {
        let Some(ring) = &self.ring else { return };
        let mut waiting = self.waiting.borrow_mut();
        while let Some(encoded) = waiting.pop_front() {
            if let Push::Full(encoded) = ring.borrow_mut().retry(encoded) {
                waiting.push_front(encoded);
                return;
            }
        }
    }

    /// Whether new requests must wait.
    pub(crate) fn is_behind(&self) -> bool {
        self.waiting.borrow().len() >= WAITING
    }
}
