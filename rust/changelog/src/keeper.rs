//! The thread behind a log: writes what changed a few times a second, lets the owner tend what is in memory in between,
//! and writes the log anew when most of it no longer counts.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::disk::{Log, beside, discard};
use super::pending::Pending;
use super::{BLOCK, Batch, Kept};

/// A change is on the disk at most about this much later.
const INTERVAL: Duration = Duration::from_millis(250);
/// After the disk refused a new log, the next one is tried so much later.
const PAUSE: Duration = Duration::from_secs(10);

pub(crate) struct Keeper<K: Kept> {
    kept: Arc<K>,
    pending: Arc<Pending<K::Batch>>,
    path: PathBuf,
    head: Vec<u8>,
    log: Log,
    /// What the log has not taken yet: records, and changes behind them.
    block: Vec<u8>,
    unwritten: K::Batch,
    /// Whether the log does not have all that it should, or too much.
    renew: bool,
    /// Where the log ended when it was last written anew.
    begun_at: u64,
    rewrites: u64,
    /// Why the last new log failed, and when to try the next one.
    refused: Option<(String, Instant)>,
}

impl<K: Kept> Keeper<K> {
    pub(crate) fn new(
        kept: Arc<K>,
        pending: Arc<Pending<K::Batch>>,
        path: PathBuf,
        head: Vec<u8>,
        log: Log,
        renew: bool,
    ) -> Self {
        let (block, unwritten) = (Vec::new(), K::Batch::default());
        Self {
            kept,
            pending,
            path,
            head,
            log,
            block,
            unwritten,
            renew,
            begun_at: 0,
            rewrites: 0,
            refused: None,
        }
    }

    pub(crate) fn run(mut self) {
        let mut written = Instant::now();
        let mut more = true;
        loop {
            let left = INTERVAL.saturating_sub(written.elapsed());
            let (asked, stop) = self.pending.wait(if more { Duration::ZERO } else { left });
            if stop || self.pending.urgent() || written.elapsed() >= INTERVAL {
                let failure = self.write().err().map(|error| error.to_string());
                self.pending.done(asked, failure, self.log.end(), self.rewrites);
                written = Instant::now();
            }
            if stop {
                return;
            }
            more = self.kept.tend();
        }
    }

    fn write(&mut self) -> io::Result<()> {
        self.collect();
        let appended = self.append();
        let (end, slack) = (self.log.end(), self.kept.slack());
        self.renew |= end > self.begun_at + slack && end > 2 * self.kept.live_bytes() + slack;
        match &self.refused {
            Some((refusal, until)) if self.renew && Instant::now() < *until => {
                appended.and_then(|()| Err(io::Error::other(refusal.clone())))
            }
            _ if self.renew => self.rewrite(),
            _ => appended,
        }
    }

    /// Takes over what is pending.
    fn collect(&mut self) {
        let taken = self.pending.take();
        if taken.overflowed {
            self.let_go();
        }
        self.unwritten.merge(taken.batch);
    }

    /// Gives up what waits: a new log from memory makes up for it.
    fn let_go(&mut self) {
        self.block = Vec::new();
        self.unwritten = K::Batch::default();
        self.renew = true;
    }

    /// The next records, in `block`; false where there are none.
    fn encode(&mut self, lean: bool) -> bool {
        if self.block.is_empty() {
            self.renew |= lean && self.unwritten.weight() > 0;
            self.kept.encode(&mut self.unwritten, &mut self.block, lean);
        }
        !self.block.is_empty()
    }

    fn append(&mut self) -> io::Result<()> {
        let before = self.log.end();
        while self.encode(self.log.end() > self.kept.most_bytes()) {
            if let Err(error) = self.log.append(&self.block) {
                if self.block.len() + self.unwritten.weight() > K::MOST_WAITING {
                    self.let_go();
                }
                return Err(error);
            }
            self.empty_block();
        }
        if self.log.end() == before {
            return Ok(());
        }
        // What a failed sync has lost is not known.
        self.log.sync().inspect_err(|_| self.renew = true)
    }

    fn empty_block(&mut self) {
        self.block.clear();
        // After a record of many blocks.
        self.block.shrink_to(2 * BLOCK);
    }

    /// Writes everything to a new log while changes go on. A record may stand in it although a later one takes it back:
    /// changes keep their order, so what is read in the end is right.
    fn rewrite(&mut self) -> io::Result<()> {
        // What the old log refused is in memory.
        self.let_go();
        // Set again where a change is lost on the way.
        self.renew = false;
        match self.renewed() {
            Ok(log) => {
                self.log = log;
                self.begun_at = self.log.end();
                self.rewrites += 1;
                self.refused = None;
                Ok(())
            }
            Err(error) => {
                discard(&beside(&self.path, ".new"));
                self.renew = true;
                self.refused = Some((error.to_string(), Instant::now() + PAUSE));
                Err(error)
            }
        }
    }

    fn renewed(&mut self) -> io::Result<Log> {
        let mut new = Log::create(&beside(&self.path, ".new"))?;
        new.append(&self.head)?;
        let mut written = Instant::now();
        Arc::clone(&self.kept).snapshot(&mut |block| {
            new.append(block)?;
            block.clear();
            if written.elapsed() >= INTERVAL {
                self.append_to_both(&mut new)?;
                written = Instant::now();
            }
            Ok(())
        })?;
        self.append_to_both(&mut new)?;
        new.replace(&self.path)?;
        Ok(new)
    }

    /// Appends to both logs what changed meanwhile. The old one may fail: it is being replaced.
    fn append_to_both(&mut self, new: &mut Log) -> io::Result<()> {
        self.collect();
        let most = self.kept.most_bytes();
        while self.encode(self.log.end().max(new.end()) > most) {
            new.append(&self.block)?;
            let _ = self.log.append(&self.block);
            self.empty_block();
        }
        let _ = self.log.sync();
        // A piece at a time, so that the last one does not keep changes waiting.
        new.sync()
    }
}

impl<K: Kept> Drop for Keeper<K> {
    /// Whoever waits for a flush need not wait any longer, however the thread ended.
    fn drop(&mut self) {
        self.pending.end();
    }
}
