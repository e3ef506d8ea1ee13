//! Changes of the store, and the files that keep them beyond this process.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use ferrogate_core::cache::key::Key;
use ferrogate_core::cache::store::{Entry, Listed};
use ferrogate_shelf::{Settings, Shelf};

use super::{Cache, STALE_MS};

/// The file of answers.
const FILE: &str = "answers.log";

impl Cache {
    /// Stores an answer; false where it is too large to be kept.
    pub(crate) fn put(&self, key: &Key, entry: Entry, now: u64) -> bool {
        let is_kept = self.store.put(key, entry, now);
        if let Some(file) = self.shelf.load().as_ref() {
            file.changed(key);
        }
        is_kept
    }

    /// Takes an answer away; false where there is none.
    pub(crate) fn remove(&self, key: &Key, now: u64) -> bool {
        let was_there = self.store.remove(key);
        self.gone(&[*key], now);
        was_there
    }

    /// Takes away all that a filter names, and says how many they were.
    pub(crate) fn purge(&self, filter: impl Fn(&Listed) -> bool, now: u64) -> usize {
        let mut keys = Vec::new();
        let count = self.store.purge(|listed| {
            let is_meant = filter(listed);
            if is_meant {
                keys.push(listed.key);
            }
            is_meant
        });
        self.gone(&keys, now);
        if let Some(semantic) = self.semantic() {
            semantic.sweep();
        }
        count
    }

    fn gone(&self, keys: &[Key], now: u64) {
        match self.shelf.load().as_ref() {
            Some(file) => keys.iter().for_each(|key| file.changed(key)),
            // Another process has the file, with what is taken away here in it.
            None => self.purged.store(now, Relaxed),
        }
    }

    /// Says where answers are kept beyond this process; they are read by [`Cache::open`].
    pub(crate) fn keep_in(&self, folder: Option<PathBuf>) {
        // Whoever has the files: a threshold that rose must not begin again where it was.
        if let Some(folder) = &folder {
            self.verifiers.read(folder);
        }
        self.folder.store(folder.map(Arc::new));
    }

    /// Whether answers are to be read from a file, or written to one, and are not yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.folder.load().is_some() && self.shelf.load().is_none()
    }

    /// Reads the answers that are kept in the folder, and keeps them there from now on. Where another process does that the
    /// error is [`io::ErrorKind::ResourceBusy`]; it may be tried again when the cache is in use.
    pub(crate) fn open(&self, now: u64) -> io::Result<()> {
        let Some(folder) = self.folder.load_full().filter(|_| self.is_waiting()) else { return Ok(()) };
        let settings = Settings { limit_bytes: self.bytes as u64, stale: STALE_MS, now };
        let store = Arc::clone(&self.store);
        let opened = Shelf::open(&folder.join(FILE), &settings, store, |_, _, stored_at| {
            stored_at > self.purged.load(Relaxed)
        });
        let failure = opened.as_ref().err().filter(|error| error.kind() != io::ErrorKind::ResourceBusy);
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = failure.map(ToString::to_string);
        let (file, _) = opened?;
        self.shelf.store(Some(Arc::new(file)));
        self.reconcile();
        Ok(())
    }

    /// Answers and vectors are read apart, in any order: what only one of the two knows is nothing.
    pub(super) fn reconcile(&self) {
        if let Some(semantic) = self.semantic().filter(|_| !self.is_waiting()) {
            semantic.settle();
        }
    }

    /// Writes what verification learned, where this process has the files. Where the disk refuses it is tried again later.
    pub(crate) fn write_verified(&self) {
        if let Some(folder) = self.folder.load().as_ref().filter(|_| !self.is_waiting()) {
            let _ = self.verifiers.write(folder);
        }
    }

    /// Writes what is left, and lets go of the files.
    pub(crate) fn close(&self) {
        self.write_verified();
        self.shelf.store(None);
        self.semantic.store(None);
    }
}
