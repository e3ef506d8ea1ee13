//! The thread that moves rows from the rings to the segments.
//!
//! While rows arrive it wakes every [`Options::drain_every`](super::Options::drain_every), or earlier when a ring is
//! half full, and writes all that it finds at once. When it finds nothing it waits for the first producer to wake it;
//! with a segment open it looks once a second whether another process has begun a newer one.
//!
//! Where the disk refuses, the rows stay: in the batch at hand, then in the rings. Only when a ring is full as well are
//! rows shed, by their producers.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::counters::add;
use super::folder::{Folder, Segment};
use super::format::{self, HEADER_BYTES};
use super::payload::Store;
use super::ring::Ring;
use super::syncer::Syncer;
use super::{Options, Shared};

/// At this size a batch is written before more is taken from the rings.
const BATCH_BYTES: usize = 1 << 20;
/// The pause before a refused write is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// How often a refused write is tried again when the journal closes, and the pause between.
const LAST_TRIES: u32 = 5;
const LAST_RETRY: Duration = Duration::from_millis(20);
/// How often the folder is looked at while a segment is open.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What takes the bytes: the kernel, or a test's idea of a full disk.
pub(super) trait Disk: Send {
    fn write(&mut self, file: &File, bytes: &[u8], offset: u64) -> io::Result<usize>;
}

/// The real one.
pub(super) struct Kernel;

impl Disk for Kernel {
    fn write(&mut self, file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }
}

pub(super) struct Writer {
    folder: Folder,
    options: Options,
    shared: Arc<Shared>,
    disk: Box<dyn Disk>,
    rings: Vec<Ring>,
    payloads: Store,
    /// Whole frames that left the rings, their number, and how many of their bytes the disk took.
    batch: Vec<u8>,
    rows: u64,
    written: usize,
    segment: Option<Segment>,
    /// Where the next byte of the segment goes.
    offset: u64,
    /// The id of the last segment made.
    last_id: u64,
    looked: Instant,
    unsynced: bool,
    syncer: Syncer,
}

/// How a turn went.
enum Turn {
    Wrote,
    Idle,
    Refused,
}

impl Writer {
    pub(super) fn new(folder: Folder, options: Options, shared: Arc<Shared>, disk: Box<dyn Disk>) -> Self {
        let syncer = Syncer::new(options.sync_every, Arc::clone(&shared.counters));
        let payloads = Store::new(options.payloads.clone(), Arc::clone(&shared));
        Self {
            folder,
            options,
            shared,
            disk,
            rings: Vec::new(),
            payloads,
            batch: Vec::new(),
            rows: 0,
            written: 0,
            segment: None,
            offset: 0,
            last_id: 0,
            looked: Instant::now(),
            unsynced: false,
            syncer,
        }
    }

    /// Work until the journal closes.
    pub(super) fn run(mut self) {
        let mut tries = LAST_TRIES;
        loop {
            let closing = self.shared.closing.load(Ordering::Acquire);
            match self.turn() {
                Turn::Wrote if closing => {}
                Turn::Wrote => thread::park_timeout(self.options.drain_every),
                Turn::Idle if closing => break,
                Turn::Idle => self.wait(),
                Turn::Refused if closing && tries == 0 => break,
                Turn::Refused if closing => {
                    tries -= 1;
                    thread::sleep(LAST_RETRY);
                }
                Turn::Refused => thread::park_timeout(RETRY),
            }
        }
        self.finish();
    }

    fn turn(&mut self) -> Turn {
        self.rings.append(&mut self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner));
        let mut wrote = false;
        let mut more = true;
        while more {
            // What was refused before goes first.
            more = !self.batch.is_empty() || self.drain();
            wrote |= !self.batch.is_empty();
            if let Err(error) = self.flush() {
                self.refused(&error);
                return Turn::Refused;
            }
        }
        self.look_after_segment();
        self.payloads.tend();
        if wrote { Turn::Wrote } else { Turn::Idle }
    }

    /// Fill the batch from the rings, and write the payloads of its rows; true where it was full before all rings were
    /// seen.
    fn drain(&mut self) -> bool {
        let mut seen = 0;
        for ring in &mut self.rings {
            if self.batch.len() >= BATCH_BYTES || ring.take(&mut self.batch, &mut self.payloads) {
                break;
            }
            seen += 1;
        }
        self.payloads.commit(&mut *self.disk, &mut self.batch);
        let more = seen < self.rings.len();
        self.rings.rotate_left(seen);
        self.rings.retain(|ring| !ring.is_over());
        self.rows = format::seal(&mut self.batch);
        more
    }

    /// Write what is left of the batch.
    fn flush(&mut self) -> io::Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let grown = self.offset + self.batch.len() as u64;
        if self.written == 0 && self.offset > HEADER_BYTES && grown > self.options.segment_bytes {
            self.leave_segment();
        }
        let segment = match self.segment.take() {
            Some(segment) => segment,
            None => self.begin_segment()?,
        };
        let segment = self.segment.insert(segment);
        while self.written < self.batch.len() {
            match self.disk.write(&segment.file, &self.batch[self.written..], self.offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    self.written += taken;
                    self.offset += taken as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        add(&self.shared.counters.written_rows, self.rows);
        add(&self.shared.counters.written_bytes, self.batch.len() as u64);
        self.batch.clear();
        self.written = 0;
        self.rows = 0;
        self.unsynced = true;
        if self.shared.failing.swap(false, Ordering::Relaxed) {
            *self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        Ok(())
    }

    fn refused(&self, error: &io::Error) {
        add(&self.shared.counters.write_errors, 1);
        *self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        self.shared.failing.store(true, Ordering::Relaxed);
    }

    fn begin_segment(&mut self) -> io::Result<Segment> {
        let segment = self.folder.create(self.last_id)?;
        self.last_id = segment.id;
        self.offset = HEADER_BYTES;
        self.looked = Instant::now();
        add(&self.shared.counters.segments, 1);
        Ok(segment)
    }

    /// Finish the segment, so that readers move on.
    fn leave_segment(&mut self) {
        if let Some(segment) = self.segment.take() {
            self.syncer.start(&segment.file);
        }
        self.offset = 0;
        self.unsynced = false;
    }

    /// Sync when it is time; leave a segment that is not the newest one any more, because readers reach the rows of
    /// another process only after it, or that somebody deleted.
    fn look_after_segment(&mut self) {
        let Some(segment) = &self.segment else { return };
        if self.unsynced && self.syncer.is_due() {
            self.syncer.start(&segment.file);
            self.unsynced = false;
        }
        if self.looked.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked = Instant::now();
        let id = segment.id;
        if self.folder.newest().is_ok_and(|newest| newest != Some(id)) {
            self.leave_segment();
        }
    }

    /// Wait for a row, unless one came meanwhile.
    fn wait(&self) {
        self.shared.idle.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if self.rings.iter().all(Ring::is_empty) {
            match self.segment.as_ref().map(|_| LOOK_EVERY).or(self.payloads.patience()) {
                Some(pause) => thread::park_timeout(pause),
                None => thread::park(),
            }
        }
        self.shared.idle.store(false, Ordering::Relaxed);
    }

    /// Count what could not be written, and leave the rest on the device.
    fn finish(mut self) {
        let whole = format::seal(&mut self.batch[..self.written]);
        let mut lost = self.rows - whole;
        add(&self.shared.counters.written_rows, whole);
        for ring in &mut self.rings {
            self.batch.clear();
            ring.take_rows(&mut self.batch);
            lost += format::seal(&mut self.batch);
        }
        add(&self.shared.counters.shed_rows, lost);
        self.leave_segment();
        self.syncer.finish();
    }
}
