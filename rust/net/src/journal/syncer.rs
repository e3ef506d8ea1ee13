//! Syncing to the device, on threads of its own.
//!
//! A sync can take longer than the tenth of a second within which a row must have reached the kernel, so the writer
//! never waits for one but at the end.

use std::fs::File;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::counters::{Counters, add};

/// The syncs under way, and when the next one is due.
pub(super) struct Syncer {
    every: Option<Duration>,
    last: Instant,
    running: Vec<JoinHandle<()>>,
    counters: Arc<Counters>,
}

impl Syncer {
    pub(super) fn new(every: Option<Duration>, counters: Arc<Counters>) -> Self {
        Self { every, last: Instant::now(), running: Vec::new(), counters }
    }

    /// Whether a growing segment should be synced now. Never while another sync is under way.
    pub(super) fn is_due(&mut self) -> bool {
        self.running.retain(|sync| !sync.is_finished());
        self.running.is_empty() && self.every.is_some_and(|every| self.last.elapsed() >= every)
    }

    /// Sync a segment in the background.
    pub(super) fn start(&mut self, file: &File) {
        self.last = Instant::now();
        self.running.retain(|sync| !sync.is_finished());
        let counters = Arc::clone(&self.counters);
        let started = file.try_clone().and_then(|file| {
            thread::Builder::new().name("fg-sync".into()).spawn(move || {
                if file.sync_data().is_err() {
                    add(&counters.sync_errors, 1);
                }
            })
        });
        match started {
            Ok(sync) => self.running.push(sync),
            Err(_) => add(&self.counters.sync_errors, 1),
        }
    }

    /// Wait for every sync.
    pub(super) fn finish(self) {
        for sync in self.running {
            let _ = sync.join();
        }
    }
}
