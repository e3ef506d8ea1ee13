//! The log, as those who make changes see it.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::Kept;
use super::keeper::Keeper;
use super::lock::Lock;
use super::pending::Pending;
use super::reading::Reading;

/// How a log fares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// Why the disk refuses what should be written, while it does.
    pub failure: Option<String>,
    /// How often it began to refuse.
    pub failures: u64,
    /// How often the log was written anew.
    pub rewrites: u64,
    /// How often more changes waited than may, so that the log had to be written anew.
    pub overflows: u64,
    /// The length of the log in bytes.
    pub bytes: u64,
}

/// A log that is written by a thread of its own.
#[derive(Debug)]
pub struct Changelog<K: Kept> {
    pending: Arc<Pending<K::Batch>>,
    keeper: Option<JoinHandle<()>>,
    _lock: Lock,
}

impl<K: Kept> Changelog<K> {
    /// Goes on behind the records that were read. With `renew` it is first written anew from memory, which has to hold
    /// by now what was read.
    pub fn start(reading: Reading, kept: Arc<K>, renew: bool) -> io::Result<Self> {
        let pending = Arc::new(Pending::new(K::MOST_WAITING));
        let Reading { path, head, log, lock, .. } = reading;
        let keeper = Keeper::new(kept, Arc::clone(&pending), path, head, log, renew);
        let keeper = Builder::new().name(K::THREAD.to_owned()).spawn(move || keeper.run())?;
        Ok(Self { pending, keeper: Some(keeper), _lock: lock })
    }

    /// Has a change written soon: `add` puts it behind those that wait. Waits for nothing but others who do the same.
    pub fn add(&self, add: impl FnOnce(&mut K::Batch)) {
        self.pending.add(add);
    }

    /// Waits until all changes made before are on the disk. Where the disk refused them they are tried again later.
    pub fn flush(&self) -> io::Result<()> {
        self.pending.flush().map_err(io::Error::other)
    }

    /// How it fares.
    pub fn status(&self) -> Status {
        self.pending.status()
    }
}

impl<K: Kept> Drop for Changelog<K> {
    /// Writes what is left.
    fn drop(&mut self) {
        self.pending.stop();
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
    }
}
