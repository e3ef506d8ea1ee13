//! Answers that are kept or shared: the store of `ferrogate-core`, and the calls that several clients wait for.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use ferrogate_core::cache::store::{Settings, Store};
use ferrogate_core::dialects::Usage;
use ferrogate_core::snapshot::Embedding;
use ferrogate_shelf::Shelf;

mod flight;
mod flights;
mod keeper;
mod lasting;
pub(crate) mod line;
mod semantic;
mod stats;
mod verifiers;

pub(crate) use flight::{End, Flight, Head, Rider};
pub(crate) use flights::{Boarding, Flights};
pub(crate) use keeper::{Keeper, unix_ms};
pub(crate) use semantic::{Looked, Semantic, Wanted};
pub use stats::CacheStats;
pub(crate) use stats::Tokens;
use verifiers::Verifiers;

/// What all engine threads have of it.
pub(crate) struct Cache {
    pub(crate) store: Arc<Store>,
    pub(crate) flights: Flights,
    /// What it may hold.
    pub(crate) bytes: usize,
    joined: AtomicU64,
    saved: [AtomicU64; 2],
    semantic: ArcSwapOption<Semantic>,
    /// Where it is kept beyond this process; in memory alone without.
    folder: ArcSwapOption<PathBuf>,
    shelf: ArcSwapOption<Shelf>,
    /// When something was taken away of which the file does not know.
    purged: AtomicU64,
    /// Why the file of answers could not be opened.
    refused: Mutex<Option<String>>,
    pub(crate) verifiers: Verifiers,
}

/// Past its TTL an answer may be served for as long as a route says, and no longer than this.
const STALE_MS: u64 = 7 * 86_400_000;

impl Cache {
    /// An empty one of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        let store = Store::new(&Settings { bytes, stale: STALE_MS });
        Self {
            store: Arc::new(store),
            flights: Flights::default(),
            bytes,
            joined: AtomicU64::default(),
            saved: Default::default(),
            semantic: ArcSwapOption::empty(),
            folder: ArcSwapOption::empty(),
            shelf: ArcSwapOption::empty(),
            purged: AtomicU64::default(),
            refused: Mutex::default(),
            verifiers: Verifiers::default(),
        }
    }

    /// What finds answers to questions that mean the same, where it is asked for.
    pub(crate) fn semantic(&self) -> Option<Arc<Semantic>> {
        self.semantic.load_full()
    }

    /// Gets the embedder that `settings` ask for, unless it is there already. What another one learned is let go: vectors of
    /// two models say nothing about each other. The text says why it cannot be had; then nothing has changed.
    pub(crate) fn settle(&self, settings: Option<&Embedding>) -> Result<(), String> {
        let present = self.semantic.load_full();
        let Some(settings) = settings else {
            self.semantic.store(None);
            return Ok(());
        };
        let is_there = |present: Arc<Semantic>| present.is(settings) && present.is_in_place();
        if present.is_some_and(is_there) {
            return Ok(());
        }
        let folder = self.folder.load_full();
        let folder = folder.as_deref().map(PathBuf::as_path);
        let semantic = Semantic::open(settings, &self.store, folder, self.semantic.load().as_deref())?;
        self.semantic.store(Some(Arc::new(semantic)));
        self.reconcile();
        Ok(())
    }

    /// A request was served from memory.
    pub(crate) fn saved(&self, usage: Option<Usage>) {
        let Some(usage) = usage else { return };
        self.saved[0].fetch_add(usage.input, Relaxed);
        self.saved[1].fetch_add(usage.output, Relaxed);
    }

    /// Tokens of prompts and of answers that hits did not cost.
    fn saved_tokens(&self) -> (u64, u64) {
        (self.saved[0].load(Relaxed), self.saved[1].load(Relaxed))
    }

    /// How many got another one's answer.
    fn joined_requests(&self) -> u64 {
        self.joined.load(Relaxed)
    }

    /// A request got another one's answer.
    pub(crate) fn joined(&self) {
        self.joined.fetch_add(1, Relaxed);
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Cache")
            .field("store", &self.store)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
