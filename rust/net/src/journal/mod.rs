//! The journal: an append-only, checksummed log of finished requests, between the request path and the database.
//!
//! ```text
//! engine thread ─ RingProducer ─▶ ring ─┐
//! engine thread ─ RingProducer ─▶ ring ─┴─▶ fg-journal ─▶ segments ─▶ Reader ─▶ the database's owner
//! ```
//! A push costs one encoding and one copy, takes no lock and allocates nothing. One thread writes what the rings hold
//! every [`Options::drain_every`], in one write: from then on the rows are in the kernel and outlive the process. The
//! database may be slow or absent; it reads when it can, from a position that it keeps itself.
//!
//! A row is never dropped while the disk takes writes: a full ring is the caller's to wait for. `docs/journal.md` has
//! the promises, the file format and what happens when the disk is full.

mod counters;
mod folder;
mod format;
mod lock;
mod payload;
mod reader;
mod record;
mod ring;
mod syncer;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

pub use counters::{Counters, Figures};
pub use payload::{
    Blocks, Body, Budget, Held, Kept, Part, Payload, Place, Share, Stored, read as read_payload,
};
pub use reader::{Batch, Reader, Reason, Skipped};
pub use record::{COLUMNS, Record, RecordRef, Row, Value};
pub use ring::{Encoded, Push, RingProducer};

use folder::Folder;
use ring::Ring;
use writer::{Disk, Kernel, Writer};

/// How a journal is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the segments; made where it is missing.
    pub folder: PathBuf,
    /// The folder of the payloads; none keeps none.
    pub payloads: Option<PathBuf>,
    /// How many bytes of bodies may wait, in requests that run and in the queues.
    pub payload_memory_bytes: usize,
    /// A segment is left for a new one before it grows beyond this.
    pub segment_bytes: u64,
    /// The size of each producer's ring, at least 128 KiB.
    pub ring_bytes: usize,
    /// The pause between two writes while rows arrive.
    pub drain_every: Duration,
    /// How often a growing segment is synced to the device, beside when it is left; none leaves that to the kernel.
    pub sync_every: Option<Duration>,
}

impl Options {
    /// The defaults for a folder: no payloads, 16 MiB a segment, 1 MiB a ring, a write every 25 ms, a sync when a segment is left.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            payloads: None,
            payload_memory_bytes: 32 << 20,
            segment_bytes: 16 << 20,
            ring_bytes: 1 << 20,
            drain_every: Duration::from_millis(25),
            sync_every: None,
        }
    }
}

/// What the writer, the producers and the owner of a journal share.
#[derive(Debug, Default)]
struct Shared {
    /// The writer found nothing and waits to be woken by the next row.
    idle: AtomicBool,
    /// The disk does not take writes.
    failing: AtomicBool,
    closing: AtomicBool,
    /// Rings that the writer has yet to adopt.
    arrivals: Mutex<Vec<Ring>>,
    /// What the disk said last, while it does not take writes.
    failure: Mutex<Option<String>>,
    counters: Arc<Counters>,
    retention: payload::Retention,
}

/// A journal that this process writes.
#[derive(Debug)]
pub struct Journal {
    folder: Folder,
    ring_bytes: usize,
    budget: Arc<Budget>,
    shared: Arc<Shared>,
    thread: Thread,
    writer: Mutex<Option<JoinHandle<()>>>,
    process: u32,
}

impl Journal {
    /// Open the folder, cut torn tails off, and start the thread `fg-journal`. No segment is made before the first row.
    pub fn open(options: Options) -> io::Result<Self> {
        Self::open_on(options, Box::new(Kernel))
    }

    fn open_on(options: Options, disk: Box<dyn Disk>) -> io::Result<Self> {
        let folder = Folder::open(options.folder.clone())?;
        let shared = Arc::new(Shared::default());
        shared.counters.truncated_bytes.store(folder.recover()?, Ordering::Relaxed);
        let ring_bytes = options.ring_bytes.max(2 * format::MAX_FRAME_BYTES);
        let budget = Budget::new(options.payload_memory_bytes);
        let writer = Writer::new(folder.clone(), options, Arc::clone(&shared), disk);
        let handle = thread::Builder::new().name("fg-journal".into()).spawn(move || writer.run())?;
        let thread = handle.thread().clone();
        Ok(Self {
            folder,
            ring_bytes,
            budget,
            shared,
            thread,
            writer: Mutex::new(Some(handle)),
            process: std::process::id(),
        })
    }

    /// A ring of its own for one more engine thread. Drop it when the thread ends.
    pub fn producer(&self) -> RingProducer {
        let (producer, ring) = ring::ring(self.ring_bytes, Arc::clone(&self.shared), self.thread.clone());
        self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(ring);
        self.thread.unpark();
        producer
    }

    /// A reader of the same folder, with the same counters.
    pub fn reader(&self) -> Reader {
        Reader::new(self.folder.clone(), Arc::clone(&self.shared.counters))
    }

    /// The bound on the bytes of bodies that wait.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Keep payloads for `age`, and of all together `total_bytes` on disk.
    pub fn retain_payloads(&self, age: Duration, total_bytes: u64) {
        self.shared.retention.set(age, total_bytes);
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// What has happened so far, and how it stands, at one moment.
    pub fn figures(&self) -> Figures {
        Figures { payload_memory_bytes: self.budget.held() as u64, ..self.shared.counters.figures() }
    }

    /// Why the disk does not take writes at the moment; none while it does.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Write all that was pushed, sync it, and end the thread; what the disk refuses even then is counted as shed. Stop
    /// the producers' threads first: whatever they push later is shed. Idempotent, and nothing at all in a forked
    /// child, which has no such thread.
    pub fn close(&self) {
        if std::process::id() != self.process {
            return;
        }
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            self.shared.closing.store(true, Ordering::Release);
            self.thread.unpark();
            // A panic of the writer is on standard error already, and its rings refuse rows from then on.
            let _ = writer.join();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}
