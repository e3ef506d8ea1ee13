//! The thread behind a store: writes what changed a few times a second, tends the partitions in between, and writes the
//! log anew when most of it no longer counts.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::disk::{Log, beside};
use super::pending::MOST_BYTES;
use super::{Shared, record};

/// A change is on the disk at most about this much later.
const INTERVAL: Duration = Duration::from_millis(250);
/// Steps of tending between two looks at the clock.
const STEPS: usize = 32;
/// So much of the log may be of no use before it is written anew, beside as much as is of use.
const SLACK: u64 = 8 << 20;
/// After the disk refused a new log, the next one is tried so much later.
const PAUSE: Duration = Duration::from_secs(10);
/// Bytes of a new log that are written at once.
const BLOCK: usize = 1 << 20;

pub(super) struct Keeper {
    shared: Arc<Shared>,
    path: PathBuf,
    head: Vec<u8>,
    log: Log,
    /// What the log has not taken yet.
    unwritten: Vec<u8>,
    /// Where the log's end must be for its size to be looked at again.
    look_at: u64,
    /// Whether the log does not have all that it should.
    renew: bool,
    not_before: Instant,
}

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>, path: PathBuf, head: Vec<u8>, log: Log, renew: bool) -> Self {
        let not_before = Instant::now();
        Self { shared, path, head, log, unwritten: Vec::new(), look_at: 0, renew, not_before }
    }

    pub(super) fn run(mut self) {
        let mut written = Instant::now();
        let mut more = true;
        loop {
            let left = INTERVAL.saturating_sub(written.elapsed());
            let (asked, stop) = self.shared.pending.wait(if more { Duration::ZERO } else { left });
            if stop || self.shared.pending.urgent() || written.elapsed() >= INTERVAL {
                let failure = self.write().err().map(|error| error.to_string());
                self.shared.pending.done(asked, failure);
                written = Instant::now();
            }
            if stop {
                return;
            }
            more = self.shared.partitions.tend(STEPS);
        }
    }

    fn write(&mut self) -> io::Result<()> {
        self.collect();
        let appended = self.append();
        if self.log.end() >= self.look_at {
            let live = self.shared.live_bytes();
            self.renew |= self.log.end() > 2 * live + SLACK;
            self.look_at = self.log.end() + SLACK.max(live);
        }
        if self.renew && Instant::now() >= self.not_before {
            return self.rewrite();
        }
        appended
    }

    /// Takes over what is pending.
    fn collect(&mut self) {
        let taken = self.shared.pending.take();
        self.renew |= taken.overflowed;
        if self.unwritten.is_empty() {
            self.unwritten = taken.records;
        } else {
            self.unwritten.extend_from_slice(&taken.records);
        }
    }

    fn append(&mut self) -> io::Result<()> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let result = self.log.append(&self.unwritten).and_then(|()| self.log.sync());
        if result.is_ok() {
            self.unwritten.clear();
        } else if self.unwritten.len() > MOST_BYTES {
            self.unwritten = Vec::new();
            self.renew = true;
        }
        result
    }

    /// Writes all vectors to a new log while changes go on. A record may stand in it although a later one takes it back:
    /// the changes of one id keep their order, so what is read in the end is right.
    fn rewrite(&mut self) -> io::Result<()> {
        // Set again where a change is lost on the way.
        self.renew = false;
        match self.renewed() {
            Ok(log) => {
                self.log = log;
                self.unwritten.clear();
                self.look_at = self.log.end() + SLACK.max(self.log.end());
                Ok(())
            }
            Err(error) => {
                self.renew = true;
                self.not_before = Instant::now() + PAUSE;
                Err(error)
            }
        }
    }

    fn renewed(&mut self) -> io::Result<Log> {
        let mut new = Log::create(&beside(&self.path, ".new"))?;
        new.append(&self.head)?;
        let shared = Arc::clone(&self.shared);
        let mut block = Vec::with_capacity(BLOCK + BLOCK / 8);
        let mut unit = Vec::new();
        for (scope, index) in shared.partitions.all() {
            for id in index.ids() {
                unit.clear();
                if index.copy(id, &mut unit) {
                    record::insert(&mut block, &scope, id, &unit);
                }
                if block.len() >= BLOCK {
                    self.append_to_both(&mut new, &mut block)?;
                }
            }
        }
        self.append_to_both(&mut new, &mut block)?;
        new.replace(&self.path)?;
        Ok(new)
    }

    /// Appends vectors to the new log, and to both what changed meanwhile. The old one may fail: it is being replaced.
    fn append_to_both(&mut self, new: &mut Log, block: &mut Vec<u8>) -> io::Result<()> {
        new.append(block)?;
        block.clear();
        let from = self.unwritten.len();
        self.collect();
        new.append(&self.unwritten[from..])?;
        let _ = self.append();
        Ok(())
    }
}

impl Drop for Keeper {
    /// Whoever waits for a flush need not wait any longer, however the thread ended.
    fn drop(&mut self) {
        self.shared.pending.end();
    }
}
