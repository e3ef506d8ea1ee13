//! Answers that are kept or shared: the store of `ferrogate-core`, and the calls that several clients wait for.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ferrogate_core::cache::store::{Settings, Store};
use ferrogate_core::dialects::Usage;

mod flight;
mod flights;

pub(crate) use flight::{End, Flight, Head, Rider};
pub(crate) use flights::{Boarding, Flights};

/// What all engine threads have of it.
#[derive(Debug)]
pub(crate) struct Cache {
    pub(crate) store: Store,
    pub(crate) flights: Flights,
    /// What it may hold.
    pub(crate) bytes: usize,
    joined: AtomicU64,
    saved: [AtomicU64; 2],
}

/// Past its TTL an answer may be served for as long as a route says, and no longer than this.
const STALE_MS: u64 = 7 * 86_400_000;

impl Cache {
    /// An empty one of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        let store = Store::new(&Settings { bytes, stale: STALE_MS });
        Self {
            store,
            flights: Flights::default(),
            bytes,
            joined: AtomicU64::default(),
            saved: Default::default(),
        }
    }

    /// A request was served from memory.
    pub(crate) fn saved(&self, usage: Option<Usage>) {
        let Some(usage) = usage else { return };
        self.saved[0].fetch_add(usage.input, Relaxed);
        self.saved[1].fetch_add(usage.output, Relaxed);
    }

    /// Tokens of prompts and of answers that hits did not cost.
    pub(crate) fn saved_tokens(&self) -> (u64, u64) {
        (self.saved[0].load(Relaxed), self.saved[1].load(Relaxed))
    }

    /// How many got another one's answer.
    pub(crate) fn joined_requests(&self) -> u64 {
        self.joined.load(Relaxed)
    }

    /// A request got another one's answer.
    pub(crate) fn joined(&self) {
        self.joined.fetch_add(1, Relaxed);
    }
}
