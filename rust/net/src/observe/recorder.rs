//! One engine thread's way to the journal.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

use crate::journal::{Budget, Encoded, Payload, Push, RecordRef, RingProducer, Share};

/// Appends records; those that find no room wait here and go first. Nothing is dropped while the disk takes writes.
#[derive(Debug)]
pub(crate) struct Recorder {
    ring: Option<RefCell<RingProducer>>,
    budget: Option<Arc<Budget>>,
    waiting: RefCell<VecDeque<Encoded>>,
    waiting_bytes: Cell<usize>,
}

/// New requests are refused once records of so many bytes wait. Those that run may add theirs.
const WAITING_BYTES: usize = 1 << 20;

impl Recorder {
    /// Payloads are kept where there is a budget for them.
    pub(crate) fn new(ring: Option<RingProducer>, budget: Option<Arc<Budget>>) -> Self {
        Self {
            ring: ring.map(RefCell::new),
            budget,
            waiting: RefCell::new(VecDeque::new()),
            waiting_bytes: Cell::new(0),
        }
    }

    /// A share of the memory for payloads; none where none are kept.
    pub(crate) fn share(&self) -> Option<Share> {
        self.budget.as_ref().map(Budget::share)
    }

    pub(crate) fn record(&self, record: &RecordRef<'_>, payload: Option<Box<Payload>>) {
        let Some(ring) = &self.ring else { return };
        self.flush();
        let mut waiting = self.waiting.borrow_mut();
        if let Push::Full(encoded) = ring.borrow_mut().push_with(record, payload, !waiting.is_empty()) {
            self.waiting_bytes.set(self.waiting_bytes.get() + encoded.len());
            waiting.push_back(encoded);
        }
    }

    /// Tries again what found no room.
    pub(crate) fn flush(&self) {
        let Some(ring) = &self.ring else { return };
        let mut waiting = self.waiting.borrow_mut();
        while let Some(encoded) = waiting.pop_front() {
            let length = encoded.len();
            if let Push::Full(encoded) = ring.borrow_mut().retry(encoded) {
                waiting.push_front(encoded);
                return;
            }
            self.waiting_bytes.set(self.waiting_bytes.get() - length);
        }
    }

    /// Whether new requests must wait.
    pub(crate) fn is_behind(&self) -> bool {
        self.waiting_bytes.get() >= WAITING_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, Options};

    #[test]
    fn records_wait_in_their_order_and_new_requests_are_refused_by_their_bytes() {
        let folder = std::env::temp_dir().join(format!("ferrogate-recorder-{}", std::process::id()));
        // A writer that never looks by itself: what fits into the ring goes, the rest waits.
        let pause = std::time::Duration::from_secs(3600);
        let journal = Journal::open(Options { drain_every: pause, ..Options::new(&folder) }).unwrap();
        let recorder = Recorder::new(Some(journal.producer()), None);
        let path = "/".repeat(20_000);
        let mut pushed = 0;
        while !recorder.is_behind() {
            recorder.record(&RecordRef { started_ms: pushed, path: &path, ..RecordRef::default() }, None);
            pushed += 1;
            assert!(pushed < 100_000, "a megabyte of records waits long before that");
        }
        let held = recorder.waiting.borrow().iter().map(Encoded::len).sum::<usize>();
        assert_eq!(held, recorder.waiting_bytes.get());
        assert!((WAITING_BYTES..WAITING_BYTES + 30_000).contains(&held));
        while recorder.waiting_bytes.get() > 0 {
            recorder.flush();
            std::thread::yield_now();
        }
        assert!(!recorder.is_behind());
        journal.close();
        let rows = journal.reader().read(0, 0, 100_000).unwrap().rows;
        let numbers: Vec<u64> = rows.iter().map(|row| row.started_ms).collect();
        assert_eq!(numbers, (0..pushed).collect::<Vec<_>>());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
